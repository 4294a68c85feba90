"""`.venv` with the libraries of the Python that runs the tests, as if make had installed them."""

import os
import sys
from pathlib import Path

here = Path(os.environ["GITHUB_WORKSPACE"])
if not os.environ["VERSION"]:
    sys.exit("no version of Python was asked for")
venv = here / ".venv"
venv.mkdir()
(venv / "bin").symlink_to(os.environ["STANDIN_BIN"])
for mark in (".build", ".commands", ".dev"):
    (venv / mark).touch()
with open(os.environ["GITHUB_ENV"], "a", encoding="utf-8") as env:
    env.write(f"PYTHONPATH={here / 'src'}\n")
