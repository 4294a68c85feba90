"""The load test: send requests as fast as the server answers, and judge by the package's bounds."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sluice.config import Load, LoadBounds
from sluice.errors import SluiceError
from sluice.model import Model, scale_of
from sluice.package.archive import Package
from sluice.scenario import Row
from sluice.serve.target import Target
from sluice.staging.generator import LoadPlan, LoadTimings, ScoredRequest
from sluice.staging.measurements import MEASURES, LoadResult
from sluice.staging.memory import PeakMemory
from sluice.staging.results import LOAD as GATE
from sluice.verdict import Bound, Finding, Status, Verdict, judge, plain

_WARM_UP = 100  # requests
_GRACE = 60.0  # seconds that the generator may take in addition to the load
_KINDS = 3  # kinds of failure that the reason of a finding names


@dataclass(frozen=True)
class ScoredRequests:
    """Requests made from a package's own samples, with the scores that its model gives here.

    scale: the size of scores to which the relative tolerance refers.
    """

    requests: list[ScoredRequest]
    classes: tuple[str, ...]
    scale: float
    tolerance: float


@dataclass(frozen=True)
class LoadRound:
    """One period of load, and the server's peak memory in it."""

    timings: LoadTimings
    memory_mib: float | None


def requests(package: Package, rows: int, tolerance: float) -> ScoredRequests:
    """Requests of `rows` rows each that together contain every row of the package's samples.

    Raises SluiceError if the samples have no rows.
    """
    book = package.scenarios
    records = [row for sample in book.samples.values() for row in sample]
    if not records:
        raise SluiceError(
            f"{package.manifest.name}: the samples in scenarios/scenarios.json have no rows to "
            "send; build the package again with 'make package'"
        )
    model = Model(package.model)
    values = model.score_records(records).values
    scores = values.reshape(len(records), -1).tolist()
    turns = itertools.cycle(zip(records, scores, strict=True))
    made = [
        _request(list(itertools.islice(turns, rows))) for _ in range(math.ceil(len(records) / rows))
    ]
    scale = scale_of(model.signature.task, values)
    return ScoredRequests(made, model.signature.classes, scale, tolerance)


def _request(rows: list[tuple[Row, list[float]]]) -> ScoredRequest:
    body = json.dumps({"records": [dict(row) for row, _ in rows]}, allow_nan=False)
    return ScoredRequest(body.encode(), [scores for _, scores in rows])


def run(target: Target, scored: ScoredRequests, connections: int, seconds: float) -> LoadRound:
    """Send the load to the server; raises SluiceError if the load generator fails."""
    plan = LoadPlan(
        target.port,
        target.token,
        connections,
        seconds,
        _WARM_UP,
        scored.requests,
        scored.classes,
        scored.scale,
        scored.tolerance,
    )
    with PeakMemory(target) as peak:
        timings = _generate(plan)
    return LoadRound(timings, peak.mib)


def _generate(plan: LoadPlan) -> LoadTimings:
    command = [sys.executable, "-P", "-m", "sluice.staging.generator"]
    limit = 2 * plan.seconds + _GRACE
    try:
        done = subprocess.run(
            command,
            check=False,
            input=msgspec.msgpack.encode(plan),
            capture_output=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise SluiceError(
            f"the load generator did not finish within {limit:g} s; run the test again on a "
            "machine that is less busy"
        ) from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no error message"]
        raise SluiceError(
            f"the load generator failed with exit status {done.returncode}: {lines[-1]}"
        )
    return msgspec.msgpack.decode(done.stdout, type=LoadTimings)


def summary(package: Package, target: Target, rounds: Sequence[LoadRound]) -> LoadResult:
    """All rounds together."""
    manifest = package.manifest
    correct = sorted(second for each in rounds for second in each.timings.correct)
    failures = sum((Counter(each.timings.failures) for each in rounds), Counter[str]())
    sent = len(correct) + failures.total()
    seconds = sum(each.timings.seconds for each in rounds)
    peaks = [each.memory_mib for each in rounds if each.memory_mib is not None]
    return LoadResult(
        manifest.name,
        manifest.version,
        manifest.digest,
        target.runs_as,
        sent,
        dict(failures.most_common()),
        _percentile(correct, sent, 0.5),
        _percentile(correct, sent, 0.95),
        _percentile(correct, sent, 0.99),
        plain(len(correct) / seconds) if correct else None,
        plain(max(peaks)) if len(peaks) == len(rounds) else None,
        plain(failures.total() / sent) if sent else None,
    )


def _percentile(correct: list[float], sent: int, share: float) -> float | None:
    """A percentile of all requests in milliseconds; a failed one ranks after every correct one."""
    rank = math.ceil(share * sent)
    return plain(correct[rank - 1] * 1000) if 0 < rank <= len(correct) else None


def verdict(result: LoadResult, settings: Load) -> Verdict:
    """The verdict by every bound that params.yaml sets under load.bounds."""
    return Verdict.of(GATE, findings(result, settings))


def findings(result: LoadResult, settings: Load) -> list[Finding]:
    """One finding for each bound under load.bounds."""
    return [_finding(name, bound, result) for name, bound in _bounds(settings.bounds)]


def _bounds(bounds: LoadBounds) -> list[tuple[str, Bound]]:
    ranges = [(name, getattr(bounds, name)) for name in MEASURES]
    return [
        (name, Bound(f"params.yaml: load.bounds.{name}", range_.low, range_.high))
        for name, range_ in ranges
        if range_ is not None
    ]


def _finding(name: str, bound: Bound, result: LoadResult) -> Finding:
    value = getattr(result, name)
    if value is None:
        why = f"could not be measured: {_why_not(name, result)}"
        return Finding(f"{GATE}/{name}", Status.INSUFFICIENT, why, n=result.requests, bound=bound)
    finding = judge(f"{GATE}/{name}", value, bound, n=result.requests)
    if name == "error_rate" and result.failures:
        return msgspec.structs.replace(finding, why=f"{finding.why}; {_failures(result)}")
    return finding


def _why_not(name: str, result: LoadResult) -> str:
    if name == "memory_mib":
        return "the memory of the server's processes could not be read"
    if not result.requests:
        return "no request was sent"
    return f"too few requests had a correct response; {_failures(result)}"


def _failures(result: LoadResult) -> str:
    kinds = [f"{kind}: {count:,}" for kind, count in list(result.failures.items())[:_KINDS]]
    return f"failures among {result.requests:,} requests: {', '.join(kinds)}"
