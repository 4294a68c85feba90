"""Summaries of many rows that can be merged: counts of values in bins, and of distinct ids."""
