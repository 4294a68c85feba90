"""The reference for monitoring: the distributions of the model's inputs and scores."""

from __future__ import annotations

import msgspec
import numpy as np

from sluice.errors import SluiceError
from sluice.files import decode_json, encode_record, sha256
from sluice.model import Signature
from sluice.sketch.bins import Bins, Counts
from sluice.sketch.segments import SegmentReference
from sluice.task import Task

FORMAT = 1


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column's bins, and how many reference rows each of them has."""

    bins: Bins
    counts: tuple[int, ...]

    @property
    def array(self) -> Counts:
        return np.array(self.counts, np.int64)


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The training rows' inputs and the holdout's scores, as counts.

    features: the inputs that the scoring log may contain, without sensitive columns. scores: one,
    or one for each class, on the holdout, because scores of training rows are too good. rows: the
    number of training rows. distinct: the number of their distinct ids or groups. outcomes: for a
    binary task, the holdout rows of the negative and of the positive class in each bin of the
    score. threshold: the score from which a row is decided to be positive; it is an edge of a bin.
    id: the name of the id column. segments: the models of segments; None if the package has none.
    """

    task: Task
    classes: tuple[str, ...]
    features: tuple[Counted, ...]
    scores: tuple[Counted, ...]
    rows: int
    holdout_rows: int
    distinct: int
    outcomes: tuple[tuple[int, ...], ...] = ()
    threshold: float | None = None
    id: str | None = None
    segments: SegmentReference | None = None
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """A digest of everything that decides how files are counted; it identifies the summaries
        made with it.
        """
        bins = [counted.bins for counted in (*self.features, *self.scores)]
        names = self.segments and self.segments.names
        return sha256(msgspec.json.encode((self.task, self.classes, bins, names)))[:16]


def require_matching(reference: Reference, signature: Signature, where: str) -> None:
    """Raise SluiceError, whose message begins with `where`, for the reference of another model."""
    inputs = [(column.name, column.type) for column in signature.inputs if not column.sensitive]
    counted = [(one.bins.name, one.bins.type) for one in reference.features]
    said = (reference.task, reference.classes, reference.id, counted)
    if said != (signature.task, signature.classes, signature.id, inputs):
        raise SluiceError(f"{where} is the reference of another model: build the package again")
    # Packages of earlier versions have no counts of their segments.
    if reference.segments is not None and reference.segments.column != signature.segment:
        raise SluiceError(f"{where} has segments of another model: build the package again")


def encode(reference: Reference) -> bytes:
    """The reference as a line of JSON."""
    return encode_record(reference, indent=0)


def decode(content: bytes, where: str) -> Reference:
    """Raises SluiceError, whose message begins with `where`, for invalid content."""
    try:
        reference = decode_json(content, Reference)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{where} is not a reference for monitoring: {error}") from None
    if reference.format != FORMAT:
        raise SluiceError(
            f"{where} has format {reference.format}, but this version of sluice reads format "
            f"{FORMAT}; use the version of sluice that built the package"
        )
    for counted in (*reference.features, *reference.scores):
        if len(counted.counts) != counted.bins.size or min(counted.counts) < 0:
            raise SluiceError(
                f"{where}: {counted.bins.name!r} has {len(counted.counts)} counts for "
                f"{counted.bins.size} bins, or a negative one"
            )
    if reference.segments is not None:
        bins = sum(counted.bins.size for counted in reference.scores)
        if problem := reference.segments.problem(bins):
            raise SluiceError(f"{where}: {problem}")
    return reference
