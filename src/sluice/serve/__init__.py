"""Scoring from a delivery package: real time, batch, and the log of what was scored."""
