"""The configuration of Traefik: what it starts with, and the weights that it reads anew.

Both are written as JSON, which every reader of YAML reads.
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
# Bounds of the histogram of seconds, besides the one above which an answer is slow.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5)
_ATTEMPTS = 8
# Seconds in which a server must say that it is ready. A busy machine is slow to say so, and without
# stable there is often no server left; one that has died refuses at once.
_HEALTH_SECONDS = {STABLE: 15, BASELINE: 3, CANARY: 3}
# An answer takes at most so many times as long as what counts as slow, and at least 2 s; then
# the request is sent to another server.
_PATIENCE, _LEAST_PATIENCE = 8, 2.0


def static(machine: Machine, folder: Path) -> dict[str, Any]:
    """What Traefik is started with. folder: where it looks for the weights."""
    return {
        "entryPoints": {
            # One that is started again can listen although the last one has not ended yet.
            "web": {"address": f":{machine.port}", "reusePort": True},
            "traefik": {"address": f"{HOST}:{machine.api}"},
        },
        "providers": {
            # By default a change waits for two seconds.
            "providersThrottleDuration": "50ms",
            "file": {"directory": str(folder), "watch": True},
        },
        "api": {"insecure": True, "dashboard": False},  # on the loopback interface alone
        "metrics": {
            "prometheus": {
                "entryPoint": "traefik",
                "addServicesLabels": True,
                "addEntryPointsLabels": False,
                "buckets": sorted({*_SECONDS, machine.slow}),
            }
        },
        "log": {"level": "ERROR"},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
    }


def dynamic(machine: Machine) -> dict[str, Any]:
    """The servers and their weights. Arms without a server or a weight are not there at all."""
    weights = {arm: getattr(machine.weights, arm) for arm in ARMS}
    shares = {arm: share for arm, share in weights.items() if share and arm in machine.servers}
    services: dict[str, Any] = {
        arm: _service(machine.servers[arm].route, _HEALTH_SECONDS[arm]) for arm in shares
    }
    services[ARMS_SERVICE] = {
        "weighted": {
            "services": [{"name": arm, "weight": share} for arm, share in shares.items()],
            "healthCheck": {},
        }
    }
    patience = max(_LEAST_PATIENCE, _PATIENCE * machine.slow)
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
                # Scoring has no effect but its log record, so that it may be repeated.
                "retry": {
                    "retry": {
                        "attempts": _ATTEMPTS,
                        "initialInterval": "20ms",
                        "status": ["502-504"],
                        "retryNonIdempotentMethod": True,
                    }
                }
            },
            "services": services,
            "serversTransports": {
                "arms": {"forwardingTimeouts": {"responseHeaderTimeout": f"{patience:g}s"}}
            },
        }
    }


def url(port: int) -> str:
    """The address of a server as the configuration names it."""
    return f"http://{HOST}:{port}"


def encode(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()


def _service(port: int, seconds: int) -> dict[str, Any]:
    return {
        "loadBalancer": {
            "servers": [{"url": url(port)}],
            "serversTransport": "arms",
            "healthCheck": {
                "path": "/v2/health/ready",
                "interval": "500ms",
                "unhealthyInterval": "200ms",
                "timeout": f"{seconds}s",
            },
        }
    }
