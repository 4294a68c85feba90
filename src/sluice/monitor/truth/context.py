"""What labelled rows are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.config import Settings
from sluice.metrics import Floats, class_costs
from sluice.monitor.summary import Cell
from sluice.monitor.truth.judge import Spans
from sluice.report.evidence import Performance
from sluice.sketch.reference import Reference


@dataclass(frozen=True)
class Context:
    """What the labelled rows are compared with.

    cells: the counts of the monitored version. promised: the metrics on the holdout, from the
    package.
    """

    reference: Reference
    settings: Settings
    cells: Sequence[Cell]
    promised: Performance
    last: int

    @property
    def costs(self) -> tuple[float, float]:
        """The costs of a false positive and a false negative."""
        own = self.settings
        wrong = class_costs("binary", ("", ""), own.selection.costs)
        return float(wrong[0]), float(wrong[1])

    def spans(self, drawn: Floats) -> Spans:
        """The intervals of a number, from bootstrap samples."""
        settings = self.settings
        return Spans.of(
            drawn, settings.performance.confidence, settings.monitor.false_alarms_a_year
        )
