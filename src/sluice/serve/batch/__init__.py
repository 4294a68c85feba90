"""Batch scoring: reads files, writes scores as Parquet, and keeps refused rows apart."""

BATCH_ROWS = 65_536
