"""What a retraining did and why, as plain data and as Markdown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec

from sluice import files, templates
from sluice.monitor.decide import Decision
from sluice.report import formatting, markdown, wording
from sluice.verdict import Status, Verdict

RECORD, PAGE = "retraining.json", "retraining.md"
_BLANK_LINES = re.compile(r"\n{3,}")


class Gain(msgspec.Struct, frozen=True):
    """A metric of both models on the new rows; None where a model has none."""

    name: str
    new: float | None
    old: float | None
    gain: float | None
    low: float | None
    high: float | None


class Retraining(msgspec.Struct, frozen=True):
    """part: the file of the new rows. rows: their number. compared: how many of them are in the
    holdout. pushed: the DVC remote that the rows were pushed to; "" if they are in the commit.
    shown: whether the new model was shown to be no worse than the old one. stopped: why nothing is
    proposed, although the model was due for retraining.
    """

    name: str
    status: Status
    decision: Decision
    verdicts: tuple[Verdict, ...] = ()
    part: str = ""
    rows: int = 0
    compared: int = 0
    metrics: tuple[Gain, ...] = ()
    pushed: str = ""
    shown: bool = False
    stopped: str = ""
    format: Literal[1] = 1

    @property
    def proposed(self) -> bool:
        return bool(self.part) and not self.stopped

    @property
    def headline(self) -> str:
        """What was done, in one line."""
        if self.proposed:
            return f"{self.name} was retrained" + (
                ""
                if self.shown
                else "; there are too few rows to show whether the new model is as good"
            )
        if self.decision.action == "retrain":
            return f"{self.name} was due for retraining, but nothing is proposed"
        said = {"keep": "is kept", "look": "needs a look", "wait": "cannot be judged yet"}
        return f"{self.name} {said[self.decision.action]}"

    def write(self, folder: Path) -> str:
        """Write both forms into the folder; returns the page."""
        page = as_markdown(self)
        files.write(folder / RECORD, files.encode_record(self, indent=1))
        files.write(folder / PAGE, page.encode())
        return page


def _standing(made: Retraining) -> Status:
    return Status.INSUFFICIENT if made.proposed and not made.shown else made.status


def as_markdown(made: Retraining) -> str:
    """The page, which is also the text of the pull request."""
    page = templates.markdown("sluice.monitor.retrain").get_template("retraining.md.j2")
    text = page.render(
        made=made,
        mark=markdown.MARKS[_standing(made)],
        words=wording,
        format=formatting,
        number=formatting.number,
        count=lambda n: f"{n:,}",
    )
    return _BLANK_LINES.sub("\n\n", text.strip())[: markdown.LIMIT] + "\n"
