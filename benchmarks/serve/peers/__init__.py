"""One file for each server: how it is installed, started and sent requests."""
