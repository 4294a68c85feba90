"""Simulate a year of production in minutes, to see what each monitor reports and when."""
