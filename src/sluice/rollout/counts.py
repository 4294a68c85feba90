"""The counts of each arm of a rollout in each interval: the only input of the canary's verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from sluice.errors import SluiceError
from sluice.files import decode_json

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The requests of one arm in one interval, and how many of them failed or were unusual.

    errors: those answered with a status of 500 or above, or not at all. slow: those that took
    longer than load.bounds.p99_ms. unusual: those whose score is outside the usual range of the
    arm's own package.
    """

    requests: Count
    errors: Count = 0
    slow: Count = 0
    unusual: Count = 0


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counts between two readings of the proxy's counters.

    canary: the candidate. baseline: a process of the champion that gets the same share of the
    requests as the canary. stable: the champion's other processes.
    """

    canary: Arm
    baseline: Arm
    stable: Arm = Arm(0)


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rollout so far. seconds: the length of an interval."""

    seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)]
    intervals: tuple[Interval, ...]


def read(path: Path) -> Counts:
    """Read counts from a JSON file; SluiceError if they are impossible."""
    try:
        counts = decode_json(path.read_bytes(), Counts)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: check the path") from None
    except OSError as error:
        raise SluiceError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path} has no counts of a rollout: {error}") from None
    for at, interval in enumerate(counts.intervals, 1):
        for name in interval.__struct_fields__:
            _require_possible(path, at, name, getattr(interval, name))
    return counts


def _require_possible(path: Path, at: int, name: str, arm: Arm) -> None:
    for kind in ("errors", "slow", "unusual"):
        if getattr(arm, kind) > arm.requests:
            raise SluiceError(
                f"{path}: interval {at}: {name} has {getattr(arm, kind):,} {kind} in "
                f"{arm.requests:,} requests; count each request once"
            )
