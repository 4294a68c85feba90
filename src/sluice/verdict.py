"""Findings and verdicts: the record of what every gate measured and decided."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json

# A verdict does not recommend more than this many times the current rows.
_MOST_ROWS = 100
# With this many rows of each class, hardly any of 400 resamples lacks a class: 400 exp(-12) is
# below 1 %.
DEFINED_ROWS = 12


class Status(StrEnum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INSUFFICIENT = "insufficient"


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A closed range that a measurement must lie in, and where it was set."""

    source: str
    low: float | None = None
    high: float | None = None

    def admits(self, value: float) -> bool:
        """Whether the value lies in the range; both ends belong to it."""
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return above and below

    def excludes(self, low: float, high: float) -> bool:
        """Whether no value from `low` to `high` lies in the range."""
        below = self.low is not None and high < self.low
        above = self.high is not None and low > self.high
        return below or above

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{number(self.low)} to {number(self.high)}"
        if self.low is not None:
            return f"at least {number(self.low)}"
        return f"at most {number(self.high)}" if self.high is not None else "none"


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measurement of a gate, compared against one bound.

    `interval` is the confidence interval of `estimate`, and `n` the number of rows that both were
    computed from. `accepted` is the reason for which params.yaml accepts an `insufficient` finding.
    """

    name: str
    status: Status
    why: str
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    n: int | None = None
    bound: Bound | None = None
    accepted: str | None = None

    @property
    def passes(self) -> bool:
        """Whether the finding is a `pass`, or an `insufficient` that params.yaml accepts by
        name.
        """
        if self.status is Status.INSUFFICIENT:
            return self.accepted is not None
        return self.status is Status.PASS


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision of a gate: the worst of its findings."""

    gate: str
    status: Status
    why: str
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, gate: str, findings: list[Finding]) -> Verdict:
        """The verdict that follows from the findings; the worst finding comes first."""
        ranked = tuple(sorted(findings, key=_severity))
        status, why = _conclude(ranked)
        return cls(gate, status, why, ranked)

    @property
    def passes(self) -> bool:
        """Whether the candidate passes this gate."""
        return bool(self.findings) and all(f.passes for f in self.findings)

    def write(self, path: Path) -> None:
        """Write the verdict as JSON, completely or not at all."""
        files.write(path, files.encode_record(self))

    @classmethod
    def read(cls, source: bytes, where: str) -> Verdict:
        """Decode a verdict, and derive it from its findings again.

        Raises SluiceError, which names `where`, if it is not a verdict, if a finding passes
        although its estimate, interval and bound do not allow it, or if the findings give another
        status or order. The sentence is regenerated and not compared, because another version of
        sluice may have worded it differently, and its packages must stay readable.
        """
        try:
            said = decode_json(source, cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SluiceError(f"{where}: not a verdict: {error}") from error
        said.require_supported(where)
        return cls.of(said.gate, list(said.findings))

    def require_supported(self, where: str) -> None:
        """Raise SluiceError if a status is better than its numbers and findings allow."""
        for finding in self.findings:
            if why := _unsupported(finding):
                raise SluiceError(
                    f"{where}: the finding {finding.name!r} says 'pass', but {why}; it was edited "
                    "by hand, run the gate again"
                )
        derived = Verdict.of(self.gate, list(self.findings))
        if (derived.status, derived.findings) != (self.status, self.findings):
            raise SluiceError(
                f"{where}: says {self.status.value!r}, but its findings say "
                f"{derived.status.value!r}; it was edited by hand, run the gate again"
            )


def judge(
    name: str,
    estimate: float,
    bound: Bound,
    *,
    interval: tuple[float, float] | None = None,
    n: int | None = None,
    rarest: int | None = None,
    guess: float | None = None,
) -> Finding:
    """Compare a measurement with its bound.

    The entire interval must lie within the bound for a `pass`, and outside it for a `fail`. If the
    interval crosses the bound, the finding is `insufficient`, and its reason says how many rows or
    which bound would settle it. rarest: the rows of the rarest class or group, without which the
    measurement is not defined. guess: the value of uninformative predictions, or the worst possible
    one; a bound that accepts it is not recommended.
    """
    if math.isinf(estimate) and not bound.admits(estimate):
        return Finding(
            name, Status.FAIL, f"infinite, outside the bound of {bound}", n=n, bound=bound
        )
    if not math.isfinite(estimate):
        why = f"could not be computed from these rows; {_what_would_define(n, rarest)}"
        return Finding(name, Status.INSUFFICIENT, why, n=n, bound=bound)
    estimate = plain(estimate)
    if interval is not None and not all(map(math.isfinite, interval)):
        why = (
            f"{number(estimate)}, but it is not defined on every resample of these rows, so it has "
            f"no confidence interval; {_what_would_define(n, rarest)}"
        )
        return Finding(name, Status.INSUFFICIENT, why, estimate, n=n, bound=bound)
    if interval is not None:
        # The interval of a biased statistic may not contain its estimate.
        interval = min(plain(interval[0]), estimate), max(plain(interval[1]), estimate)
    status, why = _hold(estimate, interval, bound, n, guess)
    return Finding(name, status, why, estimate, interval, n, bound)


def _unsupported(finding: Finding) -> str | None:
    """Why the numbers of a finding do not support its `pass`; None if they do."""
    bound, interval = finding.bound, finding.interval
    if finding.status is not Status.PASS or bound is None:
        return None
    if interval is not None and not -math.inf < interval[0] <= interval[1] < math.inf:
        return "its interval is not valid"
    if bound.low is None and bound.high is None:
        return None
    if finding.estimate is None or not math.isfinite(finding.estimate):
        return f"it has no estimate to compare with its bound of {bound}"
    if not bound.admits(finding.estimate):
        return f"{number(finding.estimate)} is outside the bound of {bound}"
    status, why = _hold(finding.estimate, interval, bound)
    return None if status is Status.PASS else why


def _what_would_define(n: int | None, rarest: int | None) -> str:
    """Say how many rows a measurement needs if some class or group is too rare for it."""
    if n is None or rarest is None:
        return f"at least {DEFINED_ROWS} rows of the rarest class or group would settle it"
    if rarest >= DEFINED_ROWS:
        return "remove its bound in params.yaml if it cannot be defined for this data"
    have = (
        f"{rarest} rows of the rarest class or group are available, at least {DEFINED_ROWS} needed"
    )
    return f"{have}: about {n * DEFINED_ROWS // max(rarest, 1) - n:,} more holdout rows"


def _hold(
    estimate: float,
    interval: tuple[float, float] | None,
    bound: Bound,
    n: int | None = None,
    guess: float | None = None,
) -> tuple[Status, str]:
    if interval is None:
        if bound.admits(estimate):
            return Status.PASS, f"{number(estimate)} is within bounds ({bound})"
        return Status.FAIL, f"{number(estimate)} is outside the bound of {bound}"
    low, high = interval
    span = f"{number(estimate)} ({number(low)} to {number(high)})"
    if bound.admits(low) and bound.admits(high):
        return Status.PASS, f"{span} is within bounds ({bound})"
    if bound.excludes(low, high):
        return Status.FAIL, f"{span} is outside the bound of {bound}"
    advice = _what_would_settle(estimate, interval, bound, n, guess)
    return Status.INSUFFICIENT, f"{span}: the interval crosses the bound of {bound}; {advice}"


def _what_would_settle(
    estimate: float,
    interval: tuple[float, float],
    bound: Bound,
    n: int | None,
    guess: float | None,
) -> str:
    low, high = interval
    over_high = bound.high is not None and high > bound.high
    reach, edge = (high, bound.high) if over_high else (low, bound.low)
    enough = _outward(reach, up=over_high)
    settling = f"a bound of {number(enough)} would settle it"
    if guess is not None and (enough >= guess if over_high else enough <= guess):
        settling = "accept this finding by name, with the reason"
    if not bound.admits(estimate):
        return f"a better model, or {settling}"
    room = abs(estimate - edge) if edge is not None else 0.0
    # The width of an interval falls with the square root of the rows.
    factor = ((reach - estimate) / room) ** 2 if room else math.inf
    if n is None or factor > _MOST_ROWS:
        return settling
    return f"about {math.ceil(n * factor) - n:,} more holdout rows, or {settling}"


def _outward(value: float, *, up: bool) -> float:
    """The value with four significant digits, rounded away from the interval."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    return (math.ceil if up else math.floor)(value / step) * step


def number(value: float) -> str:
    """The number for sentences and tables: four digits, or all digits before the point."""
    if abs(value) >= 1e3:
        return f"{value:,.0f}"
    value += 0.0  # turns -0.0 into 0.0
    short = f"{value:.4g}"
    # A number that is not whole must not look whole: 0.99999 is not printed as 1.
    return f"{value:.6g}" if float(short).is_integer() else short


def plain(value: float) -> float:
    """The value with ten significant digits, so that the last bits of a sum have no effect."""
    return float(f"{float(value):.10g}")


def _severity(finding: Finding) -> int:
    if finding.status is Status.FAIL:
        return 0
    if finding.status is Status.INSUFFICIENT:
        return 1 if finding.accepted is None else 2
    return 3


def _conclude(findings: tuple[Finding, ...]) -> tuple[Status, str]:
    if not findings:
        return Status.INSUFFICIENT, "The gate measured nothing."
    worst = findings[0]
    total = len(findings)
    if worst.status is Status.PASS:
        if total == 1:
            only = "The one finding is within its bound." if worst.bound else worst.why
            return Status.PASS, only
        return Status.PASS, f"All {total} findings are within bounds."
    same = sum(f.status is worst.status and f.passes == worst.passes for f in findings)
    more = f" (and {same - 1} more)" if same > 1 else ""
    if worst.passes:
        why = f"Accepted in params.yaml: {worst.name}{more}: {worst.accepted}"
        return Status.INSUFFICIENT, why
    return worst.status, f"{worst.name}: {worst.why}{more}"
