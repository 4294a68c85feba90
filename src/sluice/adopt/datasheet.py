"""The text of `docs/datasheet.md` for an adopted table."""

from __future__ import annotations

from sluice.adopt.profile import ColumnProfile, TableProfile


def datasheet(profile: TableProfile, source: str) -> str:
    """Return what is known about the data, with gaps for what only its owner knows.

    source: the name of the adopted file.
    """

    from sluice import templates

    page = templates.markdown("sluice.adopt").get_template("templates/datasheet.md.j2")
    return page.render(
        profile=profile,
        source=source,
        rows=f"{profile.rows:,}",
        cells=lambda column: _cells(column, profile),
    )


def _cells(column: ColumnProfile, profile: TableProfile) -> list[str]:
    if column.values or column.levels:
        values = ", ".join(map(str, column.values or (*column.levels, "others")))
    else:
        values = f"{column.low} to {column.high}" if column.low is not None else ""
    missing = f"{column.missing:.1%}"
    return [column.name, column.type, _use(column, profile), values, missing, column.remark]


def _use(column: ColumnProfile, profile: TableProfile) -> str:
    if column.name == profile.target:
        return "target"
    if column.name == profile.id:
        return "id"
    return "compared for fairness" if column.name in profile.sensitive else column.use
