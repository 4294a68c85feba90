"""The tasks that run code of the use case; each is started in a process that is confined.

A task is a module with `main`, which gets the folder with what it may read and the folder that it
may write, and returns an exit status. It hands over data only: JSON, arrays, and bytes of models.
"""
