"""Scenarios that hold for the generated rows in every task."""

from sluice.scenario import AnyScenario, Edge, Invariance

SCENARIOS: list[AnyScenario] = [
    Edge(name="nobody ever came", change={"visits": 0}),
    Invariance(name="unknown colours are alike", column="colour", values=["mauve", "", None]),
]
