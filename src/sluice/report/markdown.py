"""The report as GitHub's Markdown, for a pull request or a job summary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from sluice.contribution.compare import Contribution
from sluice.report import acceptance, compare, wording
from sluice.report.compare import Number
from sluice.report.evidence import Grouping
from sluice.report.facts import Facts
from sluice.verdict import Finding, Verdict

# GitHub refuses a comment of more than 65,536 characters.
LIMIT = 60_000

_MARKS = {"pass": "✅", "accepted": "☑️", "insufficient": "⚠️", "fail": "❌"}
_FINDINGS = 25
_ROWS = 15
_NAME = 80
_REASON = 300
_LABEL = 18
_MEASURES = 6
_WHOLE = "\nAll of it, with its plots: report.html, on GitHub in the run's artifact `report`.\n"


def render(facts: Facts, base: Facts | None = None) -> str:
    """The sections in the order of their weight, as many as a comment holds."""
    sections = {
        "what changes how this is judged": _contribution(facts),
        "the gates": _gates(facts),
        "the findings that stop it": _refused(facts),
        "what to do": _steps(facts),
        "what is missing": _missing(facts),
        "the accepted findings": _accepted(facts),
        "the champion beside it": _champion(facts),
        "the numbers": _numbers(facts, base),
        "the candidates": _candidates(facts),
        "fairness": _fairness(facts, base),
        "feature importance": _importance(facts),
        "calibration": _calibration(facts),
    }
    text, left_out = _opening(facts), []
    for title, section in sections.items():
        if len(text) + len(section) > LIMIT:
            left_out.append(title)
        else:
            text += section
    if left_out:
        text += f"\nLeft out, to fit into a comment: {', '.join(left_out)}.\n"
    return text + _WHOLE


def escape(text: str, most: int = _REASON) -> str:
    """Text from data or settings as one line that GitHub shows and does not act on."""
    line = wording.clip(" ".join(wording.visible(text).split()), most)
    line = re.sub(r"[&<>|\\`*\[\]~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", _entity, line)
    # GitHub looks for mentions, issues and addresses after it has decoded entities.
    line = re.sub(r"@|&#35;(?=\d)|:(?=//)|www(?=\.)|GH(?=-\d)", "\\g<0>\u200b", line)
    return line or wording.NONE


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def _opening(facts: Facts) -> str:
    mark = {"yes": "✅", "half": "⚠️", "no": "❌"}[wording.outcome(facts)]
    text = f"## {mark} {escape(wording.headline(facts), 200)}\n\n{_reason(facts)}\n"
    if facts.stale_lock:
        text += f"\n⚠️ **The gates' verdict stands, but {wording.STALE_LOCK}.**\n"
    return text


def _reason(facts: Facts) -> str:
    if facts.releasable:
        return escape(facts.reason)
    return f"**The first reason:** {escape(facts.reason, 600)}"


def _contribution(facts: Facts) -> str:
    """How the contribution changes what judges it, beside what holds on the base branch."""
    made = facts.contribution
    if made is None:
        return ""
    text = ""
    if made.settings or made.files:
        mark = "⚠️ " if made.looser or made.predicted else ""
        text += f"\n{mark}**{escape(wording.judged(made), 600)}**\n"
    if made.settings:
        text += _settings(made)
    if made.files:
        lines = [f"- {escape(path, 2 * _NAME)}" for path in made.files[:_FINDINGS]]
        title = f"{_count(len(made.files), 'changed file')} that a code owner must approve"
        text += _details(title, _capped(lines, len(made.files)))
    if made.inside:
        names = [escape(path, 2 * _NAME) for path in made.inside[:_FINDINGS]]
        more = len(made.inside) - len(names)
        rest = f", and {more:,} more" if more > 0 else ""
        text += f"\n{wording.INSIDE}: {', '.join(names)}{rest}\n"
    return text


def _settings(made: Contribution) -> str:
    heads = ["In params.yaml", f"On {escape(made.against, _NAME)}", "Here"]
    rows = [
        [escape(one.key, 2 * _NAME), escape(one.before, _NAME), escape(one.after, _NAME)]
        for one in made.settings[:_FINDINGS]
    ]
    total = len(made.settings)
    if made.predicted:
        return _details(f"{_count(total, 'changed setting')}", _table(heads, rows, total))
    kinds = [f"⚠️ **{o.kind}**" if o.kind == "looser" else o.kind for o in made.settings]
    judged = [[kind, *row] for kind, row in zip(kinds, rows, strict=False)]
    return f"\n{_table(['', *heads], judged, total)}"


def _gates(facts: Facts) -> str:
    if not facts.gates:
        return ""
    rows = [
        [f"{_MARKS[wording.standing(gate)]} {wording.status(gate)}", escape(gate.gate), _why(gate)]
        for gate in facts.gates[:_ROWS]
    ]
    return "\n" + _table(["Verdict", "Gate", "Why"], rows, len(facts.gates))


def _why(said: Verdict | Finding) -> str:
    return escape(said.why)


def _refused(facts: Facts) -> str:
    found = facts.refused
    if not found:
        return ""
    lines = [
        f"- {_MARKS[wording.standing(f)]} **{escape(f.name)}**: {_why(f)}{_set_by(f)}"
        for f in found[:_FINDINGS]
    ]
    return _details(f"{_count(len(found), 'finding')} to settle", _capped(lines, len(found)), True)


def _set_by(finding: Finding) -> str:
    return f" (set by {escape(finding.bound.source, _NAME)})" if finding.bound else ""


def _steps(facts: Facts) -> str:
    steps = wording.steps(facts)
    if not steps:
        return ""
    text = f"\n**What to do:** {' '.join(steps)}\n"
    found = facts.acceptable
    if found:
        # No name can end the fence: what could is escaped in it.
        snippet = f"```yaml\n{acceptance.lines(found[:_FINDINGS])}```"
        more = len(found) - _FINDINGS
        rest = f"\n\nand {more:,} more, in report.html" if more > 0 else ""
        text += _details("The lines to add under accept in params.yaml", snippet + rest)
    return text


def _missing(facts: Facts) -> str:
    if not facts.missing:
        return ""
    lines = [f"- Not shown: {escape(what)}" for what in facts.missing[:_FINDINGS]]
    return _details("What this report lacks", _capped(lines, len(facts.missing)), True)


def _accepted(facts: Facts) -> str:
    lines = [
        f"- **{escape(f.name)}**: {_why(f)}. Accepted because: {escape(f.accepted or '')}"
        for f in facts.accepted
    ]
    lines += [
        f"- **{escape(item.finding)}**: accepted, but not needed: no gate found it "
        "insufficient. Take it out of params.yaml."
        for item in facts.unneeded
    ]
    if not lines:
        return ""
    return _details(
        f"{_count(len(lines), 'acceptance')} in params.yaml",
        _capped(lines[:_FINDINGS], len(lines)),
        True,
    )


def _champion(facts: Facts) -> str:
    found = facts.champion
    if found is None or not found.metrics:
        return ""
    rows = [
        [
            _MARKS[wording.standing(finding)] if finding else "",
            escape(wording.metric(name), _NAME),
            wording.number(pair.candidate),
            wording.number(pair.champion),
            wording.change(pair.gain),
            wording.reach(pair),
            wording.bound(finding.bound if finding else None),
        ]
        for name, pair, finding in compare.champion(facts)[:_FINDINGS]
    ]
    heads = ["", "Number", "Candidate", "Champion", "Gain", wording.confidence(facts), "Bound"]
    intro = (
        f"Both on the same {found.rows:,} holdout rows, resampled in pairs; a positive gain is "
        f"for the better. The champion is {escape(found.release or '', _NAME)}.\n\n"
    )
    return f"\n### Beside the champion\n\n{intro}{_table(heads, rows)}"


def _numbers(facts: Facts, base: Facts | None) -> str:
    numbers = compare.performance(facts, base)
    if facts.performance is None or not numbers:
        return ""
    rows = _number_rows(numbers, base, lambda n: escape(wording.metric(n.name), _NAME))
    text = f"\n### Numbers\n\nMeasured on {facts.performance.rows:,} holdout rows"
    text += ", compared with the base.\n\n" if base else ".\n\n"
    return text + _table(_number_heads(facts, base), rows)


def _number_heads(facts: Facts, base: Facts | None) -> list[str]:
    heads = ["", "Number", "Estimate", wording.confidence(facts), "Bound", "Rows"]
    return [*heads, "Base", "Change"] if base else heads


def _number_rows(
    numbers: Sequence[Number], base: Facts | None, name: Callable[[Number], str]
) -> list[list[str]]:
    rows = []
    for n in numbers:
        row = [
            _MARKS[wording.standing(n.finding)] if n.finding else "",
            name(n),
            wording.number(n.measured.estimate),
            wording.span(n.measured),
            wording.bound(n.bound),
            wording.NONE if n.n is None else f"{n.n:,}",
        ]
        rows.append([*row, wording.number(n.base), wording.trend(n)] if base else row)
    return rows


def _candidates(facts: Facts) -> str:
    chosen = facts.selection
    if chosen is None:
        return ""
    # The metric that chose, and what the errors cost, which settles a close call.
    shown = list(dict.fromkeys([chosen.metric, "cost"]))
    rows = [
        [
            f"**{escape(name, _NAME)}** (chosen)" if name == chosen.chosen else escape(name, _NAME),
            *(wording.number(candidate.metrics.get(metric)) for metric in shown),
            escape(wording.decision(candidate.decision, facts.classes)),
        ]
        for name, candidate in list(chosen.candidates.items())[:_ROWS]
    ]
    heads = [
        "Candidate",
        *(escape(wording.metric(metric), _NAME) for metric in shown),
        "Decides by",
    ]
    intro = f"Compared on {chosen.validation_rows:,} validation rows.\n\n"
    return _details("Candidates", intro + _table(heads, rows, len(chosen.candidates)))


def _fairness(facts: Facts, base: Facts | None) -> str:
    if not facts.fairness:
        return ""
    numbers = compare.fairness(facts, base)
    between = _table(
        _number_heads(facts, base),
        _number_rows(
            numbers[:_FINDINGS], base, lambda n: escape(wording.metric(n.name), 2 * _NAME)
        ),
        len(numbers),
    )
    single = [grouping for grouping in facts.fairness if len(grouping.columns) == 1]
    tables = "\n".join(_groups(facts, grouping) for grouping in single[:_ROWS])
    return _details("Fairness, group by group", f"{between}\n{tables}")


def _groups(facts: Facts, grouping: Grouping) -> str:
    measures = compare.measures(facts, grouping)
    names = measures[:_MEASURES]
    rows = [
        [
            escape(group.group, _NAME),
            f"{group.rows:,}",
            *(
                wording.number(group.measures[name].estimate) if name in group.measures else ""
                for name in names
            ),
        ]
        for group in grouping.groups[:_ROWS]
    ]
    heads = ["Group", "Rows", *(escape(wording.metric(name), _NAME) for name in names)]
    more = len(measures) - len(names)
    rest = f"\nand {_count(more, 'measure')} more, in report.html\n" if more else ""
    return _table(heads, rows, len(grouping.groups)) + rest


def _importance(facts: Facts) -> str:
    if not facts.importance:
        return ""
    top = facts.importance[:_ROWS]
    rows = [
        [
            escape(column.column, _NAME),
            wording.NONE if column.share is None else f"{column.share:.1%}",
            column.sign or wording.NONE,
        ]
        for column in top
    ]
    chart = _chart(
        "Share of the total importance, in percent",
        [column.column for column in top],
        [("bar", [100 * (column.share or 0.0) for column in top])],
        sideways=True,
    )
    heads = ["Column", "Share", "A higher value"]
    return _details(
        "Feature importance (SHAP)", f"{chart}\n{_table(heads, rows, len(facts.importance))}"
    )


def _calibration(facts: Facts) -> str:
    groups = facts.curves.calibration[:20]
    if not groups:
        return ""
    chart = _chart(
        "Predicted (blue) and observed (orange), in percent",
        [str(k) for k in range(1, len(groups) + 1)],
        [("line", [100 * g.score for g in groups]), ("line", [100 * g.frequency for g in groups])],
    )
    intro = "The holdout in groups of equal size, from the lowest score to the highest.\n\n"
    return _details("Calibration", intro + chart)


def _chart(
    title: str,
    labels: list[str],
    series: list[tuple[str, list[float]]],
    *,
    sideways: bool = False,
) -> str:
    """A Mermaid chart. It reads no exponents, and draws equal labels on top of each other."""
    palette = '{"themeVariables": {"xyChart": {"plotColorPalette": "#2b6ca3, #d98324"}}}'
    lines = [
        "```mermaid",
        f"%%{{init: {palette}}}%%",
        "xychart-beta horizontal" if sideways else "xychart-beta",
        f'    title "{title}"',
        "    x-axis [" + ", ".join(f'"{label}"' for label in _labels(labels)) + "]",
        "    y-axis 0 --> " + f"{max(1.0, *(v for _, values in series for v in values)):.2f}",
    ]
    lines += [
        f"    {kind} [{', '.join(f'{value:.2f}' for value in values)}]" for kind, values in series
    ]
    return "\n".join([*lines, "```", ""])


def _labels(names: list[str]) -> list[str]:
    """Short, no two alike, and with nothing in them that could end a quotation."""
    made: list[str] = []
    for name in names:
        plain = " ".join(re.sub(r"[^\w .=-]", " ", name).split()) or "?"
        label, copies = _middle(plain, _LABEL), 1
        while label in made:
            copies += 1
            label = f"{_middle(plain, _LABEL - 3)} {copies}"
        made.append(label)
    return made


def _middle(text: str, most: int) -> str:
    """Names differ at their ends, so the middle goes."""
    half = (most - 2) // 2
    return text if len(text) <= most else f"{text[:half]}..{text[-half:]}"


def _details(title: str, body: str, opened: bool = False) -> str:
    tag = "<details open>" if opened else "<details>"
    return f"\n{tag}<summary>{title}</summary>\n\n{body.rstrip()}\n\n</details>\n"


def _table(heads: list[str], rows: Iterable[list[str]], total: int = 0) -> str:
    cells = [heads, ["---"] * len(heads), *rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    more = total - len(lines) + 2
    return "\n".join(lines) + "\n" + (f"\nand {more:,} more\n" if more > 0 else "")


def _capped(lines: list[str], total: int) -> str:
    more = total - len(lines)
    return "\n".join([*lines, f"- and {more:,} more"] if more > 0 else lines)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
