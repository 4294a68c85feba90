"""The configuration of Traefik: its start-up file, and the weights that it reloads.

Both files are written as JSON, which is valid YAML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluice.rollout.machine.record import Machine
from sluice.rollout.weights import ARMS, BASELINE, CANARY, STABLE
from sluice.serve.target import HOST

ARMS_SERVICE = "arms"
# The files of both configurations, in the folder of production.
STATIC, DYNAMIC = "traefik.yml", "proxy/arms.yml"
# The proxy gives each request an id for tracing, which all attempts have in common. The format is
# one that callers no longer use, so that their own traces pass through unchanged.
ENVIRONMENT = {"OTEL_PROPAGATORS": "ottrace"}
# Bounds of the latency histogram in seconds, besides the limit for slow answers.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5)
# The most attempts for one request. At the last step, half of the attempts reach the canary. If it
# fails for certain requests, one in 4,096 of these is lost.
_ATTEMPTS = 12
# Seconds in which a server must report that it is ready. A busy machine is slow to answer, and
# without stable there is often no other server; a dead server refuses at once.
_HEALTH_SECONDS = {STABLE: 15, BASELINE: 3, CANARY: 3}
# The time-out of an answer, as a multiple of the limit for slow answers, but at least 5 s; the
# request is then sent to another server, and the first one no longer scores it. Within 5 s, the
# health check has removed a canary that hangs, and only a proxy that itself pauses for that long
# can miss an answer.
_PATIENCE, _LEAST_PATIENCE = 8, 5.0
# For one request, the proxy waits in vain for at most this many servers. More attempts would only
# make an overload worse.
_PATIENT_TRIES = 3


def static(machine: Machine, folder: Path) -> dict[str, Any]:
    """The start-up configuration of Traefik. folder: where it reads the weights."""
    return {
        "entryPoints": {
            # A restarted proxy can listen although the previous one has not ended yet.
            "web": {"address": f":{machine.port}", "reusePort": True},
            "traefik": {"address": f"{HOST}:{machine.api}"},
        },
        "providers": {
            # By default, changes are applied after two seconds.
            "providersThrottleDuration": "50ms",
            "file": {"directory": str(folder), "watch": True},
        },
        "api": {"insecure": True, "dashboard": False},  # only on the loopback interface
        "metrics": {
            "prometheus": {
                "entryPoint": "traefik",
                "addServicesLabels": True,
                "addEntryPointsLabels": False,
                "buckets": sorted({*_SECONDS, machine.slow}),
            }
        },
        # Only to number the requests: no trace is sampled, so none is sent to this address.
        "tracing": {
            "sampleRate": 0.0,
            "otlp": {"http": {"endpoint": f"http://{HOST}:1/v1/traces"}},
        },
        "log": {"level": "ERROR", "noColor": True},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
    }


def dynamic(machine: Machine) -> dict[str, Any]:
    """The servers and their weights. Arms without a server or a weight are left out."""
    weights = {arm: getattr(machine.weights, arm) for arm in ARMS}
    shares = {arm: share for arm, share in weights.items() if share and arm in machine.servers}
    services: dict[str, Any] = {arm: _service(arm, machine.servers[arm].route) for arm in shares}
    services[ARMS_SERVICE] = {
        "weighted": {
            "services": [{"name": arm, "weight": share} for arm, share in shares.items()],
            "healthCheck": {},
        }
    }
    seconds = patience(machine.slow)
    # Health checks have the time-out of the requests too, so it must not be shorter than theirs.
    waits = {arm: max(seconds, _HEALTH_SECONDS[arm]) for arm in shares}
    longest = max(waits.values(), default=seconds) + (_PATIENT_TRIES - 1) * seconds
    return {
        "http": {
            "routers": {
                "all": {
                    "rule": "PathPrefix(`/`)",
                    "entryPoints": ["web"],
                    "service": ARMS_SERVICE,
                    "middlewares": ["retry"],
                }
            },
            "middlewares": {
                # Scoring has no effect except its log record, so a request may be repeated.
                "retry": {
                    "retry": {
                        "attempts": _ATTEMPTS,
                        "initialInterval": "20ms",
                        "timeout": f"{longest:g}s",
                        "status": ["502-504"],
                        "retryNonIdempotentMethod": True,
                    }
                }
            },
            "services": services,
            "serversTransports": {
                arm: {"forwardingTimeouts": {"responseHeaderTimeout": f"{wait:g}s"}}
                for arm, wait in waits.items()
            },
        }
    }


def patience(slow: float) -> float:
    """Seconds after which the proxy sends an unanswered request to another server. slow: the limit
    for slow answers.
    """
    return max(_LEAST_PATIENCE, _PATIENCE * slow)


def url(port: int) -> str:
    """The address of a server as the configuration names it."""
    return f"http://{HOST}:{port}"


def encode(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()


def _service(arm: str, port: int) -> dict[str, Any]:
    return {
        "loadBalancer": {
            "servers": [{"url": url(port)}],
            "serversTransport": arm,
            "healthCheck": {
                "path": "/v2/health/ready",
                "interval": "500ms",
                "unhealthyInterval": "200ms",
                "timeout": f"{_HEALTH_SECONDS[arm]}s",
            },
        }
    }
