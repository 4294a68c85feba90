"""The scenarios that every package has, whatever the use case declares."""

from __future__ import annotations

from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.model import Signature
from sluice.scenario import Alone, AnyScenario, Book, Edge, Recorded, Sample

# Two more, which depend on the data: the scores of the latest rows, and those at the build.
LATEST = "the latest production scores like the holdout"
RECORDED = "the holdout rows score as when the model was built"


def require(book: Book, signature: Signature, settings: Settings) -> None:
    """Raise SluiceError unless the scenarios of a package include all required ones."""
    held = {scenario.name: scenario for scenario in book.scenarios}
    for scenario in standing(signature, settings):
        if held.get(scenario.name) != scenario:
            raise SluiceError(f"the scenario {scenario.name!r} is missing or was changed")
    latest, recorded = held.get(LATEST), held.get(RECORDED)
    if not isinstance(latest, Sample) or latest.low is None or latest.high is None:
        raise SluiceError(f"the scenario {LATEST!r} is missing or was changed")
    near = settings.parity.tolerance
    if not isinstance(recorded, Recorded) or recorded.tolerance != near or not recorded.scores:
        raise SluiceError(f"the scenario {RECORDED!r} is missing or was changed")


def standing(signature: Signature, settings: Settings) -> list[AnyScenario]:
    """The extreme rows that every model must score, and the rows that it must refuse."""
    alone = "a row scores alone as it does among others"
    made: list[AnyScenario] = [Alone(name=alone, tolerance=settings.parity.tolerance)]
    numbers, categories = signature.numbers, signature.categories
    everything = [*numbers, *categories]
    made.append(Edge(name="every value missing", change=dict.fromkeys(everything)))
    if numbers:
        for name, value in {"zero": 0, "negative": -1e9, "huge": 1e15, "tiny": 1e-300}.items():
            made.append(Edge(name=f"every number {name}", change=dict.fromkeys(numbers, value)))
        lows = {name: settings.columns[name].low for name in numbers}
        highs = {name: settings.columns[name].high for name in numbers}
        for end, values in {"lowest": lows, "highest": highs}.items():
            known = {name: value for name, value in values.items() if value is not None}
            if known:
                made.append(Edge(name=f"every number at its {end}", change=known))
        made.append(
            Edge(
                name="text for a number is refused", change={numbers[0]: "many"}, refused=numbers[0]
            )
        )
    if categories:
        made.append(
            Edge(name="every category unknown", change=dict.fromkeys(categories, "\u2047 unseen"))
        )
    first = everything[0]
    made.append(Edge(name="a missing column is refused", without=(first,), refused=first))
    surplus = "a column that is no input"
    made.append(Edge(name="a surplus column is refused", change={surplus: 1}, refused=surplus))
    return made
