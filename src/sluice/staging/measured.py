"""What was measured of a server, as it travels."""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one package's server; None for what could not be measured.

    runs_as: "process", or the id of the image. Latencies are those of right answers, and a
    percentile that would fall on a failed request is None. trouble: why nothing was measured.
    """

    name: str
    version: str
    digest: str
    runs_as: str
    requests: Count = 0
    failures: dict[str, Count] = {}
    p50_ms: Amount | None = None
    p95_ms: Amount | None = None
    p99_ms: Amount | None = None
    throughput: Amount | None = None
    memory_mib: Amount | None = None
    error_rate: Amount | None = None
    trouble: str = ""


class Measurements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Candidate and champion under the same load: seconds and connections for each."""

    seconds: Amount
    connections: Count
    rows: Count
    candidate: Numbers
    champion: Numbers | None = None
