"""Traefik's own API: the configuration that it has applied, and its counters."""

from __future__ import annotations

import http.client
from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from sluice.errors import SluiceError
from sluice.serve.target import HOST

_SECONDS = 10.0
_MOST_BYTES = 16 * 2**20
_PROVIDER = "@file"
_FIRST_ERROR = 500


class _Child(msgspec.Struct):
    name: str
    weight: int = 1


class _Weighted(msgspec.Struct):
    services: list[_Child] = []


class _Address(msgspec.Struct):
    url: str = ""


class _Balancer(msgspec.Struct):
    servers: list[_Address] = []


class _Service(msgspec.Struct, rename="camel"):
    name: str
    weighted: _Weighted | None = None
    load_balancer: _Balancer | None = None
    server_status: dict[str, str] = {}


@dataclass(frozen=True)
class Applied:
    """The configuration that the proxy uses.

    weights: the weight of each arm that has one. urls: the addresses of each arm's servers. up: the
    arms whose health check passes.
    """

    weights: dict[str, int] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    up: frozenset[str] = frozenset()


@dataclass
class Counted:
    """Totals of one arm since the proxy started, each attempt counted."""

    requests: int = 0
    errors: int = 0
    slow: int = 0


def applied(port: int, service: str) -> Applied:
    """Query the proxy's API. service: the one with the weights. Raises SluiceError."""
    content = get(port, "/api/http/services?per_page=1000")
    try:
        found = msgspec.json.decode(content, type=list[_Service])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"the answer of the proxy's API cannot be read: {error}") from None
    weights: dict[str, int] = {}
    urls: dict[str, str] = {}
    up: set[str] = set()
    for each in found:
        name = each.name.removesuffix(_PROVIDER)
        if name == service and each.weighted:
            weights = {
                child.name.removesuffix(_PROVIDER): child.weight
                for child in each.weighted.services
                if child.weight
            }
        if each.load_balancer and len(each.load_balancer.servers) == 1:
            urls[name] = each.load_balancer.servers[0].url
            if each.server_status.get(urls[name]) == "UP":
                up.add(name)
    return Applied(weights, urls, frozenset(up))


def counted(port: int, slow: float) -> dict[str, Counted]:
    """Requests, errors and slow answers of each arm, by Traefik's own counters.

    slow: seconds, a bound of its histogram. Raises SluiceError.
    """
    from prometheus_client.parser import text_string_to_metric_families

    totals: dict[str, Counted] = defaultdict(Counted)
    quick: dict[str, float] = defaultdict(float)
    timed: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(get(port, "/metrics").decode("utf-8", "replace")):
        for sample in family.samples:
            arm = sample.labels.get("service", "").removesuffix(_PROVIDER)
            if sample.name == "traefik_service_requests_total":
                totals[arm].requests += int(sample.value)
                code = sample.labels.get("code", "0")
                if not code.isdigit() or not 0 < int(code) < _FIRST_ERROR:
                    totals[arm].errors += int(sample.value)
            elif sample.name == "traefik_service_request_duration_seconds_count":
                timed[arm] += sample.value
            elif sample.name == "traefik_service_request_duration_seconds_bucket":
                quick[arm] += sample.value if float(sample.labels["le"]) == slow else 0
    for arm, count in totals.items():
        count.slow = min(count.requests, int(timed[arm] - quick[arm]))
    return dict(totals)


def get(port: int, path: str, token: str | None = None, seconds: float = _SECONDS) -> bytes:
    """The body of a successful answer on the loopback interface; raises SluiceError."""
    connection = http.client.HTTPConnection(HOST, port, timeout=seconds)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        content = response.read(_MOST_BYTES)
        if response.status != 200:
            raise SluiceError(f"http://{HOST}:{port}{path} responds with status {response.status}")
        return content
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise SluiceError(f"http://{HOST}:{port}{path} does not respond: {reason}") from None
    finally:
        connection.close()
