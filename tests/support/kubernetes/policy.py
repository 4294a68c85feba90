"""Requirements on the manifests that the schemas of Kubernetes do not cover.

Each rule yields its complaints about all objects of an overlay together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from support.kubernetes.manifests import Object

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_ARMS = ("stable", "baseline", "canary")
_ROUTE = "scoring"
_DRAIN_AND_BODY = 35  # seconds that `sluice serve` may need after SIGTERM by default

Rule = Callable[[list[Object]], Iterator[str]]


def complaints(objects: list[Object]) -> list[str]:
    """All complaints of all rules; none for an overlay that may be applied."""
    return [said for rule in RULES for said in rule(objects)]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [found for found in objects if found["kind"] == kind]


def name(found: Object) -> str:
    return f"{found['kind']} {found['metadata']['name']}"


def _templates(objects: list[Object]) -> Iterator[tuple[str, Object, Object]]:
    """Name, labels and spec of each kind of pod."""
    for found in objects:
        if template := found.get("spec", {}).get("template"):
            yield name(found), template["metadata"]["labels"], template["spec"]


def pods_are_restricted(objects: list[Object]) -> Iterator[str]:
    for who, _, pod in _templates(objects):
        security = pod.get("securityContext", {})
        if not (security.get("runAsNonRoot") and security.get("runAsUser") == 10001):
            yield f"{who} may run as root"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{who} has no seccomp profile"
        if any(pod.get(host) for host in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{who} shares a namespace with its host"
        if any("hostPath" in volume for volume in pod.get("volumes", [])):
            yield f"{who} mounts a folder of its host"
        for each in pod["containers"] + pod.get("initContainers", []):
            yield from _container(f"{who}, {each['name']}", each)


def _container(who: str, container: Object) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield f"{who} may get more privileges"
    if security.get("readOnlyRootFilesystem") is not True:
        yield f"{who} may write to its root file system"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{who} keeps capabilities"
    if security.get("runAsUser", 10001) != 10001 or security.get("runAsNonRoot") is False:
        yield f"{who} may run as root"
    resources = container.get("resources", {})
    if not {"memory"} <= set(resources.get("limits", {})):
        yield f"{who} has no limit of its memory"
    if not {"cpu", "memory"} <= set(resources.get("requests", {})):
        yield f"{who} does not say what it needs"


def images_are_named_by_digest(objects: list[Object]) -> Iterator[str]:
    images = {}
    for who, labels, pod in _templates(objects):
        for container in pod["containers"] + pod.get("initContainers", []):
            image = images[labels.get("app.kubernetes.io/component", who)] = container["image"]
            if not _DIGEST.search(image):
                yield f"{who} runs {image}, which has no digest"
    if images.get("baseline", images.get("stable")) != images.get("stable"):
        yield "baseline does not run the champion's image"
    if images.get("canary") == images.get("stable"):
        yield "canary runs the champion's image"


def only_the_rollout_speaks_to_the_cluster(objects: list[Object]) -> Iterator[str]:
    for who, labels, pod in _templates(objects):
        wanted = labels["app.kubernetes.io/name"] == "rollout"
        if pod.get("automountServiceAccountToken") is not wanted:
            yield f"{who} {'lacks' if wanted else 'has'} a token of its service account"
        if pod.get("serviceAccountName", "default") == "default":
            yield f"{who} runs under the default service account"


def servers_say_how_they_are(objects: list[Object]) -> Iterator[str]:
    expected = {"startup": "live", "readiness": "ready", "liveness": "live"}
    for who, _, pod in _servers(objects):
        (server,) = pod["containers"]
        for probe, ending in expected.items():
            path = server.get(f"{probe}Probe", {}).get("httpGet", {}).get("path", "")
            if path != f"/v2/health/{ending}":
                yield f"{who} has no {probe} probe of /v2/health/{ending}"


def servers_end_without_losing_a_request(objects: list[Object]) -> Iterator[str]:
    for who, deployment, pod in _servers(objects):
        (server,) = pod["containers"]
        hook = server.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        pause = hook.get("seconds", 0)
        if pause < 5:
            yield f"{who} stops before the proxies know"
        if pod.get("terminationGracePeriodSeconds", 30) < pause + _DRAIN_AND_BODY:
            yield f"{who} is killed while it still answers"
        rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate", {})
        if rolling.get("maxUnavailable") != 0:
            yield f"{who} ends servers before there are new ones"


def servers_share_memory_and_keep_their_log(objects: list[Object]) -> Iterator[str]:
    for who, _, pod in _servers(objects):
        mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"]}
        volumes = {each["name"]: each for each in pod["volumes"]}
        memory = volumes.get(mounts.get("/dev/shm", ""), {}).get("emptyDir", {})
        if memory.get("medium") != "Memory" or "sizeLimit" not in memory:
            yield f"{who} has no /dev/shm in memory"
        if "persistentVolumeClaim" not in volumes.get(mounts.get("/log", ""), {}):
            yield f"{who} loses its scoring log"


def servers_are_spread_and_survive_drains(objects: list[Object]) -> Iterator[str]:
    for who, deployment, pod in _servers(objects):
        labels = deployment["spec"]["selector"]["matchLabels"]
        spread = [
            each
            for each in pod.get("topologySpreadConstraints", [])
            if each["topologyKey"] == "kubernetes.io/hostname"
            and each["labelSelector"]["matchLabels"] == labels
        ]
        if not spread:
            yield f"{who} is not spread over hosts"
        budgets = [
            each["spec"]
            for each in of_kind(objects, "PodDisruptionBudget")
            if each["spec"]["selector"]["matchLabels"] == labels
        ]
        if len(budgets) != 1 or budgets[0].get("maxUnavailable") != 1:
            yield f"{who} may lose all its pods to a drain"
        elif budgets[0].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{who} blocks a drain with pods that are not ready"


def the_autoscaler_alone_sets_replicas(objects: list[Object]) -> Iterator[str]:
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["minReplicas"]
        for each in of_kind(objects, "HorizontalPodAutoscaler")
    }
    for who, deployment, _ in _servers(objects):
        least = scaled.get(deployment["metadata"]["name"])
        replicas = deployment["spec"].get("replicas")
        if least is not None and replicas is not None:
            yield f"{who} resets the replicas that the autoscaler has chosen"
        if (replicas if least is None else least) in (None, 1):
            yield f"{who} has only one pod"
    if "server-stable" not in scaled:
        yield "stable has no autoscaler"


def the_network_is_closed(objects: list[Object]) -> Iterator[str]:
    policies = [each["spec"] for each in of_kind(objects, "NetworkPolicy")]
    if {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} not in policies:
        yield "no NetworkPolicy closes the network"
    for policy in policies:
        for rule in policy.get("ingress", []):
            if not rule.get("from") or not rule.get("ports"):
                yield "a NetworkPolicy lets everybody in"
        for rule in policy.get("egress", []):
            if not rule.get("ports"):
                yield "a NetworkPolicy lets everything out"
            if policy["podSelector"]["matchLabels"]["app.kubernetes.io/name"] != "rollout":
                yield "servers may connect to others"


def rights_are_exactly_these(objects: list[Object]) -> Iterator[str]:
    if of_kind(objects, "ClusterRole") or of_kind(objects, "ClusterRoleBinding"):
        yield "a role holds in the whole cluster"
    for role in of_kind(objects, "Role"):
        allowed = {
            (api, resource, verb, tuple(rule.get("resourceNames", ())))
            for rule in role["rules"]
            for api in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        wanted = {
            ("gateway.networking.k8s.io", "httproutes", "get", (_ROUTE,)),
            ("gateway.networking.k8s.io", "httproutes", "patch", (_ROUTE,)),
            ("", "pods", "list", ()),
        }
        if allowed != wanted:
            yield f"{name(role)} allows {sorted(allowed ^ wanted)}"
    for binding in of_kind(objects, "RoleBinding"):
        subjects = [(each["kind"], each["name"]) for each in binding["subjects"]]
        if subjects != [("ServiceAccount", "rollout")]:
            yield f"{name(binding)} gives its rights to {subjects}"


def secrets_are_not_in_manifests(objects: list[Object]) -> Iterator[str]:
    for found in of_kind(objects, "Secret"):
        yield f"{name(found)} is in the manifests"
    for who, _, pod in _templates(objects):
        if any(each.get("env") or each.get("envFrom") for each in pod["containers"]):
            yield f"{who} gets values through its environment, where secrets leak"


def each_arm_has_a_service(objects: list[Object]) -> Iterator[str]:
    services = {each["metadata"]["name"]: each["spec"] for each in of_kind(objects, "Service")}
    for arm in _ARMS:
        spec = services.get(f"server-{arm}", {})
        wanted = {"app.kubernetes.io/name": "scoring", "app.kubernetes.io/component": arm}
        if spec.get("selector") != wanted:
            yield f"no Service has the pods of {arm}, and no others"
        if any(port.get("protocol") != "TCP" for port in spec.get("ports", [])):
            yield f"the Service of {arm} names no protocol"


def pods_are_checked_by_the_namespace(objects: list[Object]) -> Iterator[str]:
    for found in of_kind(objects, "Namespace"):
        labels = found["metadata"].get("labels", {})
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{name(found)} admits pods that are not restricted"


def a_failed_rollout_is_not_tried_again(objects: list[Object]) -> Iterator[str]:
    for job in of_kind(objects, "Job"):
        rules = job["spec"].get("podFailurePolicy", {}).get("rules", [])
        codes = [r["onExitCodes"]["values"] for r in rules if r["action"] == "FailJob"]
        if codes != [[1, 2, 3]] or job["spec"]["template"]["spec"]["restartPolicy"] != "Never":
            yield f"{name(job)} tries a canary again that has failed"
        if "activeDeadlineSeconds" not in job["spec"]:
            yield f"{name(job)} may run for ever"


def a_route_begins_with_stable_alone(objects: list[Object]) -> Iterator[str]:
    for route in of_kind(objects, "HTTPRoute"):
        found = [
            (each["name"], each["weight"])
            for rule in route["spec"]["rules"]
            for each in rule["backendRefs"]
        ]
        if found != [("server-stable", 100), ("server-baseline", 0), ("server-canary", 0)]:
            yield f"{name(route)} does not give all requests to stable"


def _servers(objects: list[Object]) -> Iterator[tuple[str, Object, Object]]:
    for found in of_kind(objects, "Deployment"):
        yield name(found), found, found["spec"]["template"]["spec"]


RULES: tuple[Rule, ...] = (
    pods_are_restricted,
    images_are_named_by_digest,
    only_the_rollout_speaks_to_the_cluster,
    servers_say_how_they_are,
    servers_end_without_losing_a_request,
    servers_share_memory_and_keep_their_log,
    servers_are_spread_and_survive_drains,
    the_autoscaler_alone_sets_replicas,
    the_network_is_closed,
    rights_are_exactly_these,
    secrets_are_not_in_manifests,
    each_arm_has_a_service,
    pods_are_checked_by_the_namespace,
    a_failed_rollout_is_not_tried_again,
    a_route_begins_with_stable_alone,
)
