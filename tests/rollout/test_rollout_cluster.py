"""Weights and counts on a cluster, against a double of its API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.rollout.counts import Arm
from sluice.rollout.kubernetes import traffic as cluster_traffic
from sluice.rollout.kubernetes.api import Api
from sluice.rollout.kubernetes.pods import parse
from sluice.rollout.kubernetes.traffic import ClusterTraffic, Place
from sluice.rollout.weights import ALL_STABLE, Weights
from support.kubernetes.api_double import PODS, ROUTES, Cluster, cluster
from support.kubernetes.gateway import NAMESPACE, arms, pod
from support.kubernetes.manifests import Object
from support.kubernetes.pages import TOKEN, Pages, page

TEN = Weights.at(10)


@pytest.fixture
def pages() -> Iterator[Pages]:
    started = Pages()
    yield started
    started.stop()


@pytest.fixture
def double() -> Iterator[Cluster]:
    with cluster() as running:
        running.add(*arms({}))
        yield running


@pytest.fixture
def traffic(double: Cluster, tmp_path_factory: pytest.TempPathFactory) -> ClusterTraffic:
    token = tmp_path_factory.mktemp("secret") / "token"
    token.write_text(f"{TOKEN}\n")
    return ClusterTraffic(Place(Api(double.url), NAMESPACE, "scoring", token, 0.1))


def route(double: Cluster) -> Object:
    return double.store.get(ROUTES, NAMESPACE, "scoring")


def weights(double: Cluster) -> dict[str, int]:
    refs = route(double)["spec"]["rules"][0]["backendRefs"]
    return {each["name"].removeprefix("server-"): each["weight"] for each in refs}


def say(double: Cluster, generation: int | None = None, **conditions: str) -> None:
    """Write the status of the route as a gateway does; by default, that all is well."""
    found = route(double)
    found["status"] = {
        "parents": [
            {
                "conditions": [
                    {
                        "type": name,
                        "status": conditions.get(name, "True"),
                        "reason": "Because",
                        "message": "of a test",
                        "observedGeneration": generation or found["metadata"]["generation"],
                    }
                    for name in ("Accepted", "ResolvedRefs")
                ]
            }
        ]
    }
    double.store.put(ROUTES, found)


# Weights


def test_one_patch_changes_the_weights_and_nothing_else(
    double: Cluster, traffic: ClusterTraffic
) -> None:
    before = route(double)
    traffic.set_weights(TEN)
    assert weights(double) == {"stable": 80, "baseline": 10, "canary": 10}
    after = route(double)
    for found in (before, after):
        for each in found["spec"]["rules"][0]["backendRefs"]:
            del each["weight"]
    assert after["spec"] == before["spec"]
    traffic.set_weights(TEN)
    assert double.store.patches == 1  # the weights were already set


def test_a_backend_without_a_weight_gets_one(double: Cluster, traffic: ClusterTraffic) -> None:
    found = route(double)
    del found["spec"]["rules"][0]["backendRefs"][2]["weight"]
    double.store.put(ROUTES, found)
    traffic.set_weights(ALL_STABLE)
    assert weights(double) == {"stable": 100, "baseline": 0, "canary": 0}


def _interfere(double: Cluster, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Change the route just before each of the first patches."""
    patch, left = double.store.patch, [times]

    def changed_first(*arguments: Any) -> Object:
        if left[0]:
            left[0] -= 1
            found = route(double)
            found["metadata"].setdefault("annotations", {})["touched"] = str(left[0])
            double.store.put(ROUTES, found)
        return patch(*arguments)

    monkeypatch.setattr(double.store, "patch", changed_first)


def test_a_conflict_is_tried_again_on_the_new_object(
    double: Cluster, traffic: ClusterTraffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interfere(double, monkeypatch, times=3)
    traffic.set_weights(TEN)
    assert double.store.patches == 4
    assert weights(double)["canary"] == 10
    assert route(double)["metadata"]["annotations"] == {"touched": "0"}


def test_a_conflict_at_every_attempt_is_one_clear_line(
    double: Cluster, traffic: ClusterTraffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_traffic, "_PAUSE", 0.001)
    _interfere(double, monkeypatch, times=1_000)
    with pytest.raises(SluiceError, match=r"was changed 6 times .* find out what else writes"):
        traffic.set_weights(TEN)
    assert weights(double)["canary"] == 0


@pytest.mark.parametrize("change", ["another name", "one more", "one less", "two rules"])
def test_a_route_with_other_backends_is_not_changed(
    double: Cluster, traffic: ClusterTraffic, change: str
) -> None:
    found = route(double)
    rules = found["spec"]["rules"]
    refs = rules[0]["backendRefs"]
    if change == "another name":
        refs[2]["name"] = "shop"
    elif change == "one more":
        refs.append({"name": "shop", "port": 80})
    elif change == "one less":
        del refs[1]
    else:
        rules.append({"backendRefs": []})
    double.store.put(ROUTES, found)
    with pytest.raises(SluiceError, match="must have one rule with the backends server-stable"):
        traffic.set_weights(TEN)
    assert double.store.patches == 0


def test_backends_that_change_places_in_between_are_a_conflict(
    double: Cluster, traffic: ClusterTraffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = double.store.patch

    def swapped_first(*arguments: Any) -> Object:
        found = route(double)
        found["spec"]["rules"][0]["backendRefs"].reverse()
        double.store.put(ROUTES, found)
        monkeypatch.setattr(double.store, "patch", patch)
        return patch(*arguments)

    monkeypatch.setattr(double.store, "patch", swapped_first)
    traffic.set_weights(TEN)
    assert weights(double) == {"stable": 80, "baseline": 10, "canary": 10}


def test_weights_are_applied_once_the_gateway_has_seen_this_generation(
    double: Cluster, traffic: ClusterTraffic
) -> None:
    traffic.set_weights(TEN)
    assert not traffic.applied(TEN)  # no gateway has said anything
    say(double, generation=1)
    assert not traffic.applied(TEN)  # the route has changed since the gateway has seen it
    say(double)
    assert traffic.applied(TEN)
    assert not traffic.applied(ALL_STABLE)
    traffic.set_weights(ALL_STABLE)
    assert not traffic.applied(ALL_STABLE)


@pytest.mark.parametrize("condition", ["Accepted", "ResolvedRefs"])
def test_the_reason_of_a_gateway_that_rejects_the_route_is_shown(
    double: Cluster, traffic: ClusterTraffic, condition: str
) -> None:
    traffic.set_weights(TEN)
    say(double, **{condition: "False"})
    with pytest.raises(SluiceError, match=rf"{condition} is False \(Because: of a test\)"):
        traffic.applied(TEN)


def test_all_gateways_of_a_route_must_agree(double: Cluster, traffic: ClusterTraffic) -> None:
    traffic.set_weights(TEN)
    say(double)
    found = route(double)
    found["status"]["parents"].append({"conditions": []})
    double.store.put(ROUTES, found)
    assert not traffic.applied(TEN)


# Counts


def test_counts_are_those_of_the_pods_by_arm(
    double: Cluster, traffic: ClusterTraffic, pages: Pages
) -> None:
    ports = [pages.start(page(10, infer=5, internal=3, fast=8, unusual=4))[0] for _ in range(3)]
    names = ("server-stable-1", "server-stable-2", "server-canary-1")
    for port, name in zip(ports, names, strict=True):
        double.add(pod(name.split("-")[1], port, name))
    one = Arm(requests=17, errors=6, slow=2, unusual=4)
    assert traffic.counts() == {"stable": Arm(34, 12, 4, 8), "canary": one}


def test_restarted_and_removed_pods_do_not_reduce_the_counts(
    double: Cluster, traffic: ClusterTraffic, pages: Pages
) -> None:
    (first, show), (second, show_second) = pages.start(page(100)), pages.start(page(50))
    double.add(pod("canary", first, "one"), pod("canary", second, "two"))
    assert traffic.counts()["canary"].requests == 154
    show(page(7))  # the cluster does not say yet that it was restarted
    assert traffic.counts()["canary"].requests == 154 + 9
    double.add(pod("canary", first, "one", restarts=2))
    show(page(20))  # more than before, but again from zero
    assert traffic.counts()["canary"].requests == 154 + 9 + 22
    double.store.delete(PODS, NAMESPACE, "one")
    show_second(page(60))
    assert traffic.counts()["canary"].requests == 154 + 9 + 22 + 10


def test_an_arm_without_a_ready_pod_that_answers_is_missing(
    double: Cluster, traffic: ClusterTraffic, pages: Pages
) -> None:
    port, _ = pages.start(page(1))
    odd, _ = pages.start(page(1).replace(" 1\n", " 1e300\n"))
    html, _ = pages.start("<html>")
    ending = pod("baseline", port, "ending")
    ending["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    double.add(pod("stable", port), pod("canary", port, ready=False), ending)
    assert set(traffic.counts()) == {"stable"}
    double.add(pod("canary", odd, "odd"), pod("canary", html, "html"), pod("baseline", 1, "dead"))
    assert set(traffic.counts()) == {"stable"}
    double.add(pod("canary", port, "good"))
    assert set(traffic.counts()) == {"stable", "canary"}


def test_weights_that_somebody_else_has_changed_are_noticed(
    double: Cluster, traffic: ClusterTraffic
) -> None:
    traffic.set_weights(TEN)
    traffic.counts()
    found = route(double)
    found["spec"]["rules"][0]["backendRefs"][2]["weight"] = 90
    double.store.put(ROUTES, found)
    with pytest.raises(SluiceError, match=r"somebody else .* stable 80, baseline 10, canary 90"):
        traffic.counts()


def test_servers_with_another_token_are_one_clear_line(
    double: Cluster, pages: Pages, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port, _ = pages.start(page(1))
    double.add(pod("canary", port))
    wrong = tmp_path_factory.mktemp("secret") / "token"
    wrong.write_text("another")
    place = Place(Api(double.url), NAMESPACE, "scoring", wrong, 0.1)
    with pytest.raises(SluiceError, match="pod server-canary-1 refuses the token"):
        ClusterTraffic(place).counts()


def test_servers_are_waited_for(double: Cluster, traffic: ClusterTraffic, pages: Pages) -> None:
    port, _ = pages.start(page(1))
    double.add(pod("stable", port), pod("baseline", port), pod("canary", port, ready=False))
    with pytest.raises(SluiceError, match=r"canary had no ready pod that answers within 0.1 s"):
        traffic.wait_for_servers(0.1)
    double.add(pod("canary", port))
    assert traffic.wait_for_servers(5) == {"stable": "v1", "baseline": "v1", "canary": "v1"}
    other, _ = pages.start(page(1).replace("v1", "v2"))
    double.add(pod("canary", other, "other"))
    with pytest.raises(SluiceError, match="pods of canary serve different versions: v1, v2"):
        traffic.wait_for_servers(5)


def test_the_bound_of_slow_answers_is_the_next_one_of_the_histogram() -> None:
    text = page(10, fast=6)
    assert [parse(text, slow).counted.slow for slow in (0.05, 0.1, 0.15, 0.25, 9)] == [
        4,
        4,
        0,
        0,
        0,
    ]


# The API server


def test_a_request_that_the_api_server_forbids_is_refused_in_one_line(
    double: Cluster, traffic: ClusterTraffic
) -> None:
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/scoring"
    double.refused.add(path)
    with pytest.raises(SluiceError, match=f"GET {path} got status 403: {path} is forbidden"):
        traffic.set_weights(TEN)


def test_a_route_that_does_not_exist_is_one_clear_line(double: Cluster) -> None:
    place = Place(Api(double.url), NAMESPACE, "other", None, 0.1)
    with pytest.raises(SluiceError, match='status 404: httproutes "other" not found'):
        ClusterTraffic(place).set_weights(TEN)


def test_an_api_server_that_is_not_there_is_one_clear_line() -> None:
    place = Place(Api("http://127.0.0.1:1"), NAMESPACE, "scoring", None, 0.1)
    with pytest.raises(SluiceError, match=r"the API server at .* does not answer: .*refused"):
        ClusterTraffic(place).set_weights(TEN)


def test_an_answer_of_another_form_is_one_clear_line(double: Cluster) -> None:
    found = route(double)
    found["spec"]["rules"] = "none"
    double.store.put(ROUTES, found)
    place = Place(Api(double.url), NAMESPACE, "scoring", None, 0.1)
    with pytest.raises(SluiceError, match="not as documented: Expected `array`"):
        ClusterTraffic(place).set_weights(TEN)
