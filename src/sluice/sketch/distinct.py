"""Estimates the number of distinct ids from a sketch that can be merged.

The smallest K hashes of a set are a uniform sample of it, and the K-th smallest shows how dense the
hashes are (Bar-Yossef et al., Counting distinct elements in a data stream, 2002). The hashes are
equal on every machine, so summaries made on several of them can be merged.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

K = 256  # a relative standard error of 6 %; exact below
_MANY = 4 * K  # of more hashes, not all need to be sorted
_NONE = np.empty(0, np.uint64)


def of_texts(texts: pa.StringArray) -> Hashes:
    """The K smallest hashes of the texts, ascending; missing ones are left out."""
    return smallest(hashes(texts.drop_null() if texts.null_count else texts))


def hashes(texts: pa.StringArray) -> Hashes:
    """A hash of 64 bits for each text, shape [n]; no text is missing."""
    if not len(texts):
        return _NONE
    large = texts.cast(pa.large_string())
    _, offsets, data = large.buffers()
    ends = np.frombuffer(offsets, np.int64)[large.offset : large.offset + len(texts) + 1]
    if ends[0] == ends[-1]:
        return _mixed(np.zeros(len(texts), np.uint64))
    letters = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].astype(np.uint64)
    lengths = np.diff(ends)
    place = np.arange(len(letters)) - np.repeat(ends[:-1] - ends[0], lengths)
    with np.errstate(over="ignore"):
        # A different random number for each letter in each place, added up for each text.
        drawn = _mixed((letters + np.uint64(1)) * np.uint64(2**32) + place.astype(np.uint64))
        sums = np.zeros(len(texts), np.uint64)
        filled = lengths > 0
        sums[filled] = np.add.reduceat(drawn, (ends[:-1] - ends[0])[filled])
        return _mixed(sums + lengths.astype(np.uint64))


def smallest(*parts: Hashes) -> Hashes:
    """The K smallest distinct hashes of several sketches, ascending."""
    every = np.concatenate([_NONE, *parts])
    if len(every) > _MANY:
        found = np.unique(np.partition(every, _MANY)[:_MANY])
        if len(found) >= K:  # few of them are equal
            return found[:K]
    return np.unique(every)[:K]


def count(sketch: Hashes) -> int:
    """The approximate number of distinct texts."""
    if len(sketch) < K:
        return len(sketch)
    return round((K - 1) * 2.0**64 / float(sketch[K - 1]))


def _mixed(values: Hashes) -> Hashes:
    """Spread the bits (the finalizer of SplitMix64; Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        values = values + np.uint64(0x9E3779B97F4A7C15)
        shifted = values >> np.uint64(30)
        values ^= shifted
        values *= np.uint64(0xBF58476D1CE4E5B9)
        values ^= np.right_shift(values, np.uint64(27), out=shifted)
        values *= np.uint64(0x94D049BB133111EB)
        values ^= np.right_shift(values, np.uint64(31), out=shifted)
        return values
