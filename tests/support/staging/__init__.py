"""Servers and packages that the test environment must refuse."""
