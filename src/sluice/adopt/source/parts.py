"""Read a folder of files as one table. A retraining leaves such a folder for `sluice adopt
--again`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sluice import table
from sluice.adopt.source.found import Source
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import Series


def together(files: list[Path], sources: list[Source]) -> Source:
    """The rows of all parts. Raises SluiceError if a column has values of another kind in one of
    them.
    """
    import pandas as pd

    frame = table.together(files, [source.frame for source in sources])
    for name in frame.columns:
        _require_one_kind(files, [source.frame[name] for source in sources])
    words: dict[str, list[Series]] = {}
    start = 0
    for source in sources:
        for name, each in source.words.items():
            words.setdefault(name, []).append(each.set_axis(each.index + start))
        start += len(source.frame)
    return Source(
        frame,
        tuple(dict.fromkeys(note for source in sources for note in source.notes)),
        {name: said for source in sources for name, said in source.remarks.items()},
        {name: pd.concat(found) for name, found in words.items()},
        all(source.typed for source in sources),
        sources[0].index,
    )


def _require_one_kind(files: list[Path], columns: list[Series]) -> None:
    kinds = [_kind(column) for column in columns]
    for file, kind in zip(files, kinds, strict=True):
        if kind != kinds[0]:
            raise SluiceError(
                f"{file}: column {columns[0].name!r} has {kind}, but {kinds[0]} in {files[0]}: "
                "correct this part"
            )


def _kind(column: Series) -> str:
    if column.dtype.kind in "iuf":
        return "numbers"
    return {"b": "truth values", "M": "dates"}.get(column.dtype.kind, "texts")
