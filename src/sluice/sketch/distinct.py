"""Estimates the number of distinct ids from a sketch that can be merged.

The smallest K hashes of a set are a uniform sample of it, and the K-th smallest shows how dense the
hashes are (Bar-Yossef et al., Counting distinct elements in a data stream, 2002). The hashes are
equal on every machine, so summaries made on several of them can be merged.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

K = 256  # a relative standard error of 6 %; exact below
_MANY = 4 * K  # of more hashes, not all need to be sorted
_NONE = np.empty(0, np.uint64)
_WORD = 8  # bytes that are hashed at once
_LONG = 64  # bytes; the rest of longer texts, which are rare, is hashed text by text


def of_texts(texts: pa.StringArray) -> Hashes:
    """The K smallest hashes of the texts, ascending; missing ones are left out."""
    return smallest(hashes(texts.drop_null() if texts.null_count else texts))


def hashes(texts: pa.StringArray) -> Hashes:
    """A hash of 64 bits for each text, shape [n]; no text is missing."""
    large = texts.cast(pa.large_string())
    _, offsets, data = large.buffers()
    ends = np.frombuffer(offsets, np.int64)[large.offset : large.offset + len(texts) + 1]
    starts, lengths = ends[:-1], np.diff(ends)
    made = lengths.astype(np.uint64)
    if not len(texts) or ends[0] == ends[-1]:
        return _mixed(made)
    words = _words(np.frombuffer(data, np.uint8)[: ends[-1]])
    shortest = int(lengths.min())
    for at in range(0, min(int(lengths.max()), _LONG), _WORD):
        rows = slice(None) if shortest > at else np.flatnonzero(lengths > at)
        # Bytes that belong to the next text are shifted out.
        others = (8 * np.maximum(_WORD + at - lengths[rows], 0)).astype(np.uint64)
        made[rows] = _mixed(made[rows] ^ (words[starts[rows] + at] << others))
    for row in np.flatnonzero(lengths > _LONG):
        rest = memoryview(data)[starts[row] + _LONG : ends[row + 1]]
        made[row] ^= np.frombuffer(hashlib.blake2b(rest, digest_size=_WORD).digest(), "<u8")[0]
    return _mixed(made)


def _words(letters: NDArray[np.uint8]) -> Hashes:
    """For each byte, the eight bytes that begin with it, as one number; shape [bytes]."""
    padded = np.concatenate([letters, np.zeros(_WORD, np.uint8)])
    return np.ndarray(len(letters), "<u8", padded.data, strides=(1,))


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
