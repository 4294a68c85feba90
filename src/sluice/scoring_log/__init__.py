"""The scoring log: one record for each scored row, written before the response is sent.

Each writer appends to its own segment: a text file that it keeps locked while it runs. A segment
without a lock has no writer any more, so any process may convert it to a Parquet file of the same
name.
"""
