"""The scoring log: one record for each scored row, written before the response is sent.

Each writer appends to a segment of its own: a text file that it keeps locked while
it runs. A segment without a lock has no writer any more, so it may be converted to
a Parquet file of the same name, whichever process wrote it.
"""
