"""The state of a rollout: one record in one file, from which a killed rollout continues."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from sluice import files
from sluice.config import Rollout
from sluice.errors import SluiceError
from sluice.rollout.counts import Arm, Interval
from sluice.rollout.weights import ALL_STABLE, Weights
from sluice.verdict import Status

STATE, ABORT, APPROVAL, _LOCK = "rollout.json", "abort", "approval", "lock"


class Phase(StrEnum):
    """The phase of a rollout.

    ramp: the canary is observed, and its weight grows. passed: it may be promoted. switching: the
    servers of stable are replaced. promoted and rolled back are final.
    """

    RAMP = "ramp"
    PASSED = "passed"
    SWITCHING = "switching"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


OVER = (Phase.PROMOTED, Phase.ROLLED_BACK)


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights that were requested. at: seconds since 1970. after: the number of intervals judged
    before.
    """

    at: float
    after: int
    weights: Weights
    why: str


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is needed to continue a rollout.

    champion, candidate: the versions of the two packages. settings: the section `rollout` of the
    candidate's params.yaml. step: the index of the current weight in settings.steps. at_step: the
    intervals judged at this step, and canary_at_step the canary's requests in them. intervals: all
    of them. totals: each arm's counters at the last reading; None before the first one. absent: the
    number of successive readings at which the canary or its baseline had no server. weights: those
    requested, which the proxy has confirmed if `confirmed` is true. verdict: the status of the last
    judgement, and `why` the reason. changes: every change of the weights.
    """

    champion: str
    candidate: str
    settings: dict[str, Any]
    phase: Phase = Phase.RAMP
    step: int = 0
    at_step: int = 0
    canary_at_step: int = 0
    intervals: tuple[Interval, ...] = ()
    totals: dict[str, Arm] | None = None
    absent: int = 0
    weights: Weights = ALL_STABLE
    confirmed: bool = False
    verdict: Status = Status.INSUFFICIENT
    why: str = "the canary was not judged yet"
    changes: tuple[Change, ...] = ()

    @property
    def rollout(self) -> Rollout:
        """The settings, validated."""
        return Rollout.model_validate(self.settings)

    @property
    def over(self) -> bool:
        """Whether the rollout has ended: promoted or rolled back."""
        return self.phase in OVER


def read(folder: Path) -> State | None:
    """The state in this folder; None if there is none. Raises SluiceError if it is unreadable."""
    path = folder / STATE
    try:
        state = files.decode_json(path.read_bytes(), State)
        Rollout.model_validate(state.settings)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SluiceError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, msgspec.MsgspecError, SluiceError) as error:
        reason = " ".join(str(error).split())
        raise SluiceError(
            f"{path}: not the state of a rollout ({reason}); the rollout cannot continue, so "
            "delete the file to start a new one"
        ) from None
    return state


def write(folder: Path, state: State) -> None:
    """Write the state completely or not at all."""
    files.write(folder / STATE, files.encode_record(state))


def why_aborted(folder: Path) -> str:
    """The reason for an abort, from the file that requests it; a person gives no reason."""
    try:
        return (folder / ABORT).read_text("utf-8") or "a person aborted it"
    except OSError:
        return "a person aborted it"


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Whether no other process runs this rollout; if so, locks the folder for the block."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
