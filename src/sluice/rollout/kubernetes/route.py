"""The HTTPRoute whose weights divide the requests (Gateway API, version 1)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sluice.errors import SluiceError
from sluice.rollout.kubernetes.api import Operation
from sluice.rollout.weights import ARMS, Weights

SERVICES = {f"server-{arm}": arm for arm in ARMS}
_CONDITIONS = ("Accepted", "ResolvedRefs")


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    resource_version: str
    generation: int


class _Backend(msgspec.Struct):
    name: str
    weight: int = 1


class _Rule(msgspec.Struct, rename="camel"):
    backend_refs: list[_Backend] = []


class _Spec(msgspec.Struct):
    rules: list[_Rule] = []


class _Condition(msgspec.Struct, rename="camel"):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0


class _Parent(msgspec.Struct):
    conditions: list[_Condition] = []


class _Status(msgspec.Struct):
    parents: list[_Parent] = []


class Route(msgspec.Struct):
    """The parts of an HTTPRoute that a rollout reads; it changes only the weights."""

    metadata: _Metadata
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)

    def weights(self) -> Mapping[str, int]:
        """The weight of each arm. Raises SluiceError unless the arms are its only backends."""
        names = [backend.name for rule in self.spec.rules for backend in rule.backend_refs]
        if len(self.spec.rules) != 1 or sorted(names) != sorted(SERVICES):
            raise SluiceError(
                f"HTTPRoute {self.metadata.name} must have one rule with the backends "
                f"{', '.join(SERVICES)}, each once; it has {', '.join(names) or 'none'} in "
                f"{len(self.spec.rules)} rules: apply deploy/kubernetes/route again"
            )
        return {SERVICES[each.name]: each.weight for each in self.spec.rules[0].backend_refs}

    def patch(self, weights: Weights) -> list[Operation]:
        """Set these weights, but only if nobody has changed the route in the meantime."""
        self.weights()
        operations = [
            Operation("test", "/metadata/resourceVersion", self.metadata.resource_version)
        ]
        for at, backend in enumerate(self.spec.rules[0].backend_refs):
            place = f"/spec/rules/0/backendRefs/{at}"
            weight = getattr(weights, SERVICES[backend.name])
            operations.append(Operation("test", f"{place}/name", backend.name))
            operations.append(Operation("add", f"{place}/weight", weight))
        return operations

    def is_in_effect(self) -> bool:
        """Whether all gateways report that they use the current route.

        Raises SluiceError if one reports a failure.
        """
        now = self.metadata.generation
        parents = self.status.parents
        return bool(parents) and all(self._agrees(parent, now) for parent in parents)

    def _agrees(self, parent: _Parent, generation: int) -> bool:
        seen = {each.type: each for each in parent.conditions}
        for name in _CONDITIONS:
            condition = seen.get(name)
            if condition is None or condition.observed_generation < generation:
                return False
            if condition.status != "True":
                raise SluiceError(
                    f"HTTPRoute {self.metadata.name}: its gateway says that {name} is "
                    f"{condition.status} ({condition.reason}: {condition.message})"
                )
        return True
