"""Servers that the test environment must refuse, and the command under test."""
