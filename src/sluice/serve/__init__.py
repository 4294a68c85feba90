"""Scoring with a delivery package: over HTTP in real time, and in batches from files."""
