"""The report of a rehearsal, in three forms: Markdown, HTML with plots, and JSON."""

from __future__ import annotations

from pathlib import Path

from sluice import files, templates
from sluice.rollout.rehearsal import drawings
from sluice.rollout.rehearsal.outcome import Outcome
from sluice.rollout.state import Phase
from sluice.verdict import Status

OUT = Path("out/rollout")
_MARKS = {Status.PASS: "✅", Status.FAIL: "❌", Status.INSUFFICIENT: "⚠️"}


def write(folder: Path, outcome: Outcome) -> None:
    """Write report.md, report.html and report.json into the folder."""
    files.write(folder / "report.json", files.encode_record(outcome))
    markdown = templates.markdown("sluice.rollout.rehearsal").get_template("report.md.j2")
    files.write(folder / "report.md", markdown.render(**_content(outcome)).encode())
    page = templates.html("sluice.rollout.rehearsal").get_template("report.html.j2")
    figures = {
        "Weights": drawings.weights(outcome),
        "Evidence": drawings.evidence(outcome),
        "Latencies": drawings.latencies(outcome),
    }
    files.write(folder / "report.html", page.render(**_content(outcome), figures=figures).encode())


def headline(outcome: Outcome) -> str:
    """What happened, in one sentence."""
    ended = {
        Phase.PROMOTED: "the canary was promoted and has all requests",
        Phase.ROLLED_BACK: "the canary was rolled back and the champion has all requests",
    }.get(outcome.phase, f"the rollout did not end: {outcome.phase}")
    planted = "" if outcome.fault == "none" else f" with the injected fault {outcome.fault}"
    return f"Rehearsal{planted}: {ended}"


def checks(outcome: Outcome) -> list[tuple[bool, str]]:
    """What a rehearsal must show, and whether it was shown."""
    missed = ", ".join(f"{kind}: {n:,}" for kind, n in outcome.unanswered.items()) or "none"
    return [
        (
            outcome.verdict is outcome.expected,
            f"verdict {outcome.verdict}, the right one is {outcome.expected}",
        ),
        (not outcome.unanswered, f"requests without a score: {missed} of {outcome.sent:,}"),
        (not outcome.repeated, f"rows scored twice: {outcome.repeated:,}"),
        (
            not outcome.strays,
            f"requests at baseline or canary after the end: {outcome.strays:,}",
        ),
        (outcome.serves == outcome.right, f"all requests are served by {outcome.serves}"),
        (outcome.ended, "every process that was started has ended"),
    ]


def _content(outcome: Outcome) -> dict[str, object]:
    return {
        "outcome": outcome,
        "headline": headline(outcome),
        "checks": checks(outcome),
        "marks": _MARKS,
        "changes": [
            (f"{change.at:.1f}", str(change.weights), change.why) for change in outcome.changes
        ],
        "settings": (
            f"{outcome.rate:g} requests a second; steps of {', '.join(map(str, outcome.steps))} "
            f"percent; judged every {outcome.interval:g} s; deadline {outcome.deadline:g} s"
        ),
        "took": f"{outcome.seconds:.0f} s, slowest request {outcome.slowest:.2f} s",
    }
