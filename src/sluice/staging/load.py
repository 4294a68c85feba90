"""The load test: a package's server, asked as fast as it answers, held to its bounds."""

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

from sluice import scenario
from sluice.config import Load, LoadBounds
from sluice.errors import SluiceError
from sluice.model import Model, scale_of
from sluice.package.archive import Package
from sluice.scenario import Row
from sluice.staging.generator import Ask, Plan, Taken
from sluice.staging.measured import Numbers
from sluice.staging.memory import Peak
from sluice.staging.target import Target
from sluice.verdict import Bound, Finding, Status, Verdict, judge, plain

GATE = "load"
MEASURES = ("p50_ms", "p95_ms", "p99_ms", "throughput", "memory_mib", "error_rate")

_WARM_UP = 100
_GRACE = 60.0  # seconds that the generator may take on top of those it measures


@dataclass(frozen=True)
class Known:
    """Requests from a package's own samples, and what its model scores for them here."""

    asks: list[Ask]
    classes: tuple[str, ...]
    scale: float
    tolerance: float


@dataclass(frozen=True)
class Round:
    """One stretch of load, and the server's memory meanwhile."""

    taken: Taken
    memory_mib: float | None


def known(package: Package, rows: int, tolerance: float) -> Known:
    book = scenario.read(package.folder / "scenarios" / "scenarios.json")
    records = [row for sample in book.samples.values() for row in sample]
    if not records:
        raise SluiceError(f"{package.manifest.name}: its samples hold no rows to ask with")
    model = Model(package.model)
    values = model.score_records(records).values
    scores = values.reshape(len(records), -1).tolist()
    turns = itertools.cycle(zip(records, scores, strict=True))
    asks = [
        _ask(list(itertools.islice(turns, rows))) for _ in range(math.ceil(len(records) / rows))
    ]
    return Known(asks, model.signature.classes, scale_of(model.signature.task, values), tolerance)


def _ask(rows: list[tuple[Row, list[float]]]) -> Ask:
    body = json.dumps({"records": [dict(row) for row, _ in rows]}, allow_nan=False)
    return Ask(body.encode(), [scores for _, scores in rows])


def run(target: Target, known: Known, connections: int, seconds: float) -> Round:
    plan = Plan(
        target.port,
        target.token,
        connections,
        seconds,
        _WARM_UP,
        known.asks,
        known.classes,
        known.scale,
        known.tolerance,
    )
    with Peak(target) as peak:
        taken = _generate(plan)
    return Round(taken, peak.mib)


def _generate(plan: Plan) -> Taken:
    command = [sys.executable, "-P", "-m", "sluice.staging.generator"]
    most = 2 * plan.seconds + _GRACE
    try:
        done = subprocess.run(
            command,
            check=False,
            input=msgspec.msgpack.encode(plan),
            capture_output=True,
            timeout=most,
        )
    except subprocess.TimeoutExpired:
        raise SluiceError(f"the load generator did not end within {most:g} s") from None
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
        raise SluiceError(f"the load generator failed: {said}")
    return msgspec.msgpack.decode(done.stdout, type=Taken)


def numbers(package: Package, target: Target, rounds: Sequence[Round]) -> Numbers:
    """All rounds as one."""
    manifest = package.manifest
    right = sorted(second for each in rounds for second in each.taken.right)
    failures = sum((Counter(each.taken.failures) for each in rounds), Counter[str]())
    requests = len(right) + failures.total()
    seconds = sum(each.taken.seconds for each in rounds)
    peaks = [each.memory_mib for each in rounds if each.memory_mib is not None]
    return Numbers(
        manifest.name,
        manifest.version,
        manifest.digest,
        target.runs_as,
        requests,
        dict(failures.most_common()),
        _percentile(right, requests, 0.5),
        _percentile(right, requests, 0.95),
        _percentile(right, requests, 0.99),
        plain(len(right) / seconds) if right else None,
        plain(max(peaks)) if len(peaks) == len(rounds) else None,
        plain(failures.total() / requests) if requests else None,
    )


def _percentile(right: list[float], requests: int, share: float) -> float | None:
    """In milliseconds, of all requests: those that failed come after every right answer."""
    rank = math.ceil(share * requests)
    return plain(right[rank - 1] * 1000) if 0 < rank <= len(right) else None


def verdict(found: Numbers, settings: Load) -> Verdict:
    return Verdict.of(GATE, findings(found, settings))


def findings(found: Numbers, settings: Load) -> list[Finding]:
    return [_finding(name, bound, found) for name, bound in held(settings.bounds)]


def held(bounds: LoadBounds) -> list[tuple[str, Bound]]:
    """The bounds that params.yaml sets, in the order of MEASURES."""
    ranges = [(name, getattr(bounds, name)) for name in MEASURES]
    return [
        (name, Bound(f"params.yaml: load.bounds.{name}", range_.low, range_.high))
        for name, range_ in ranges
        if range_ is not None
    ]


def _finding(name: str, bound: Bound, found: Numbers) -> Finding:
    value = getattr(found, name)
    if value is None:
        why = f"could not be measured: {_why_not(name, found)}"
        return Finding(f"{GATE}/{name}", Status.INSUFFICIENT, why, n=found.requests, bound=bound)
    finding = judge(f"{GATE}/{name}", value, bound, n=found.requests)
    if name == "error_rate" and found.failures:
        return msgspec.structs.replace(finding, why=f"{finding.why}; {_failures(found)}")
    return finding


def _why_not(name: str, found: Numbers) -> str:
    if name == "memory_mib":
        return "the memory of the server's processes could not be read"
    if not found.requests:
        return "no request was made"
    return f"too few requests were answered rightly; {_failures(found)}"


def _failures(found: Numbers) -> str:
    kinds = [f"{what}: {count:,}" for what, count in list(found.failures.items())[:3]]
    return f"of {found.requests:,} requests, {', '.join(kinds)}"
