"""The limit for slow answers."""

from __future__ import annotations

from sluice.package.parts import Parts

_DEFAULT = 0.25  # seconds, for a package without a bound on its latency


def slow_seconds(package: Parts) -> float:
    """The bound of the package's own load test, in seconds."""
    bounds = package.settings.load.bounds
    for bound in (bounds.p99_ms, bounds.p95_ms):
        if bound is not None and bound.high is not None:
            return bound.high / 1000
    return _DEFAULT
