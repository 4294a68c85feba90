"""The findings on data quality for each column, as an HTML page that needs no network.

The pages of great-expectations contain the time of the run and load their style from the web.
"""

from __future__ import annotations

from pathlib import Path

from sluice import files
from sluice.config import Settings
from sluice.verdict import Finding

_TEMPLATE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Data quality: {{ settings.data.file }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1d2430; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde2ea;
  vertical-align: top; overflow-wrap: anywhere }
.pass { color: #17693a } .fail { color: #b3261e; font-weight: 600 }
.insufficient { color: #8a5a00; font-weight: 600 }
</style>
<h1>Data quality of {{ settings.data.file }}</h1>
<p>{{ "{:,}".format(rows) }} rows, {{ columns }} columns.
{{ refused }} of {{ findings|length }} expectations are not met.</p>
{% for title, group in sections %}
<h2 id="{{ loop.index }}">{{ title }}</h2>
<table><tr><th>Expectation<th>Status<th>Reason<th>Source</tr>
{% for f in group %}<tr><td>{{ f.name.removeprefix("data-quality/") }}
<td class="{{ f.status.value }}">{{ f.status.value }}<td>{{ f.why }}
<td>{{ f.bound.source if f.bound else "" }}</tr>
{% endfor %}</table>
{% endfor %}
</html>
"""


def write_page(
    path: Path, settings: Settings, rows: int, columns: int, findings: list[Finding]
) -> None:
    """Write the page on a table with this number of rows and columns; failures come first."""
    from jinja2 import Environment

    refused = [finding for finding in findings if not finding.passes]
    sections = [("Not met", refused)] if refused else []
    sections.append(("The table", [f for f in findings if _column(f, settings) is None]))
    sections += [
        (name, [f for f in findings if _column(f, settings) == name]) for name in settings.columns
    ]
    page = Environment(autoescape=True, trim_blocks=True).from_string(_TEMPLATE)
    text = page.render(
        settings=settings,
        rows=rows,
        columns=columns,
        refused=len(refused),
        findings=findings,
        sections=[(title, group) for title, group in sections if group],
    )
    files.write(path, text.encode())


def _column(finding: Finding, settings: Settings) -> str | None:
    middle = finding.name.removeprefix("data-quality/").rpartition("/")[0]
    return middle if middle in settings.columns else None
