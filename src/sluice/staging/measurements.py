"""The measurements of the load test, as a record for `measured.json`."""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]

# The fields of LoadResult that params.yaml can bound under load.bounds.
MEASURES = ("p50_ms", "p95_ms", "p99_ms", "throughput", "memory_mib", "error_rate")


class LoadResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One package's server under load; None means that a value could not be measured.

    runs_as: "process", or the id of the image. failures: requests by kind of failure.
    p50_ms, p95_ms, p99_ms: latency percentiles of all requests in ms; None if the percentile
    falls on a failed request. throughput: correct responses per second. memory_mib: peak
    resident memory. error_rate: share of requests that failed. trouble: why nothing was measured.
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
    """Candidate and champion under the same load.

    seconds: how long each was under load. connections: the number of open connections. rows: the
    number of rows in each request.
    """

    seconds: Amount
    connections: Count
    rows: Count
    candidate: LoadResult
    champion: LoadResult | None = None
