"""Batch scoring: files in, Parquet out, and a quarantine for the rows that are refused."""

BATCH_ROWS = 65_536
