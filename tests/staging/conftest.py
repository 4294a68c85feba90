"""Packages to test, and servers that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.fixture_project import Toy

# Makes a worker, or 'sluice score', misbehave when a test sets TOY_LIE and TOY_LIE_IN.
_LIES = """
import os, sys

lie, where = os.environ.get("TOY_LIE"), os.environ.get("TOY_LIE_IN", "sluice.serve.worker")
if lie and where in sys.orig_argv:
    import numpy
    from sluice import model

    real = model.Model.score

    def wrong(self, tensors):
        scores = real(self, tensors)
        values = scores.values * 0.99
        return model.Scores(values, model.decide(self.signature.decision, values))

    def rude(self, tensors):
        if (abs(numpy.nan_to_num(tensors.numbers[:, 0])) * 100 % 9 < 1).any():
            raise RuntimeError("a lie")
        return real(self, tensors)

    def die(self, folder, *, interruptible):
        sys.exit("sluice: the worker would rather not")

    if lie == "die":
        model.Model.__init__ = die
    elif lie == "lax":
        from sluice.serve.batch import score

        encode = score.encode

        def lax(plan, batch):
            tensors, _ = encode(plan, batch)
            return model.Tensors(numpy.nan_to_num(tensors.numbers), tensors.categories), {}

        score.encode = lax
    else:
        model.Model.score = {"wrong": wrong, "rude": rude}[lie]
"""


@pytest.fixture(scope="session")
def lies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the code above, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("lies")
    (folder / "sitecustomize.py").write_text(_LIES)
    return folder


@pytest.fixture(scope="session")
def good(built: Callable[[str], Toy]) -> Toy:
    """A project whose package passes. Tests must not change it; they write results to another
    folder.
    """
    return built("binary")


@pytest.fixture(scope="session")
def strict(built: Callable[[str], Toy], tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A package with bounds that no server can meet."""
    toy = built("binary").copy(tmp_path_factory.mktemp("strict") / "toy")
    with toy.params() as settings:
        settings["load"]["bounds"] |= {
            "p95_ms": {"high": 0.001},
            "throughput": {"low": 1e9},
            "memory_mib": {"high": 1},
        }
    toy.commit()
    toy.sluice("package", "build").went_well()
    return toy
