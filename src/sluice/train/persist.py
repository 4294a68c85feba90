"""Write and read a fitted pipeline with skops, without pickle and reproducibly."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import files
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# The types in the built-in models that skops does not trust by default.
TRUSTED = (
    "numpy.dtype",
    "sluice.train.segmented.SegmentedClassifier",
    "sluice.train.segmented.SegmentedRegressor",
    "sluice.train.segmented.SegmentedBoostingClassifier",
    "sluice.train.segmented.SegmentedBoostingRegressor",
    "sluice.train.segment_trees.Trees",
    "skl2onnx.sklapi.cast_transformer.CastTransformer",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)

_IDENTITY = re.compile(r'("__id__": |"file": ")(\d+)')
_EPOCH = (1980, 1, 1, 0, 0, 0)


def save(pipeline: Pipeline, path: Path) -> None:
    """Write a pipeline so that equal pipelines give equal bytes."""
    import skops.io

    files.write(path, _canonical(skops.io.dumps(pipeline)))


def load(path: Path, trusted: Sequence[str] = ()) -> Pipeline:
    """Read a pipeline; raises SluiceError for a type that is neither known nor in `trusted`."""
    import skops.io

    try:
        return skops.io.load(path, trusted=[*TRUSTED, *trusted])
    except skops.io.exceptions.UntrustedTypesFoundException as error:
        raise SluiceError(
            f"{path}: {error}; if your pipeline needs the type, add it to TRUSTED in "
            "src/usecase/candidates.py"
        ) from None
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: run 'sluice run'") from None
    except Exception as error:  # a damaged archive raises many kinds of errors
        said = " ".join(str(error).split())
        raise SluiceError(f"{path} is not a fitted pipeline: {said}") from error


def _canonical(archive: bytes) -> bytes:
    """The archive with members that are named by numbers instead of memory addresses, and without
    times.
    """
    numbers: dict[str, str] = {}

    def renumber(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers)))

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        schema = _IDENTITY.sub(renumber, old.read("schema.json").decode())
        members = {"schema.json": schema.encode()}
        for name in old.namelist():
            if name != "schema.json":
                stem, dot, suffix = name.partition(".")
                members[numbers[stem] + dot + suffix] = old.read(name)
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_STORED  # zlib differs between machines
            new.writestr(info, members[name])
    return out.getvalue()
