"""Where a run of `sluice score` puts its results, and what it reports at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sluice.errors import SluiceError

# The metadata key that marks a file as a result; its value is the name of the package.
PACKAGE = "sluice.package"


@dataclass(frozen=True)
class BatchResult:
    """How many rows were read, how many of them were refused, and where those are."""

    rows: int
    refused: int
    quarantine: Path


def default_quarantine(output: Path) -> Path:
    """The path for refused rows, beside the output."""
    return output.with_name(f"{output.stem}.quarantine.parquet")


def refuse_targets(output: Path, quarantine: Path, given: str) -> None:
    """Raise SluiceError if the two targets are the same file, or one is part of the input."""
    if output.absolute() == quarantine.absolute():
        raise SluiceError(f"{output}: output and quarantine are the same; name two files")
    for path in (output, quarantine):
        _refuse_within(path, given)


def refuse_foreign(target: Path) -> None:
    """Raise SluiceError if a file exists that `sluice score` has not written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not target.exists():
        return
    try:
        ours = PACKAGE.encode() in (pq.read_schema(target).metadata or {})
    except (OSError, pa.ArrowException):
        ours = False
    if not ours:
        raise SluiceError(
            f"{target}: exists and is not an earlier result of 'sluice score'; name another file, "
            "or delete it"
        )


def _refuse_within(target: Path, given: str) -> None:
    """Raise SluiceError if the input would include this file, now or in a later run."""
    path, source = target.absolute(), Path(given).absolute()
    if source.is_dir():
        inside = source.resolve() in path.parent.resolve().joinpath(path.name).parents
    elif source.exists():
        inside = path.exists() and path.samefile(source)
    else:
        inside = path.match(str(source))
    if inside:
        raise SluiceError(f"{target}: is part of the input {given}; write it elsewhere")
