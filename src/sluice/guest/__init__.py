"""The tasks that run code of the use case, each in a confined process.

A task is a module whose `main` gets an input folder and an output folder, and returns an exit
status. A task returns only data: JSON, arrays, and serialized models.
"""
