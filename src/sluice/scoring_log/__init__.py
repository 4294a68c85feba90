"""The scoring log: what was scored is written before it is answered.

A worker appends to a segment of its own, a text file that it keeps locked while
it lives. A segment without a lock has no writer any more, whoever wrote it: it
becomes a Parquet file of the same name, and then it goes.
"""
