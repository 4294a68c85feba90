"""A year of production in minutes: to see what each monitor says about it, and when."""
