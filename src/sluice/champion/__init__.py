"""The champion: the package that serves production now, and the gate that compares candidates with
it.
"""
