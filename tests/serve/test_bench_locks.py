"""Every lock of the serving benchmark has what reading the fitted pipeline needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[2] / "benchmarks/serve/peers"
# The libraries outside of Python's own that reading a pipeline imports, apart from skops.
_IMPORTED = """
import sys
before = set(sys.modules)
import sluice.train.persist
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*(new - sys.stdlib_module_names - {"sluice"}))
"""


@pytest.mark.parametrize("lock", sorted(PEERS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_peer_can_read_the_fitted_pipeline(lock: Path) -> None:
    locked = {name.replace("-", "_") for name in re.findall(r"^([\w-]+)==", lock.read_text(), re.M)}
    needed = subprocess.check_output([sys.executable, "-c", _IMPORTED], text=True).split()
    assert "msgspec" in needed
    assert not {"skops", *needed} - locked
