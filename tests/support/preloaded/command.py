"""The command `sluice` for the jobs of workflows: each call is a fork of the server."""

from __future__ import annotations

import sys
from pathlib import Path

# Small, so that it starts at once; -I and -S keep out what is in the job's folder or environment.
_SCRIPT = """#!{python} -IS
import os
import sys

sys.path.insert(0, {folder!r})
from request import ADDRESS, ask, status

command = ["sluice", *sys.argv[1:]]
connection, _ = ask(os.environ[ADDRESS], command, os.getcwd(), os.environ)
sys.exit(status(connection))
"""


def write_programs(folder: Path, installed: Path) -> None:
    """Write a folder of programs: links to those that are installed, and this `sluice`."""
    folder.mkdir()
    for program in installed.iterdir():
        if program.name != "sluice":
            (folder / program.name).symlink_to(program)
    script = folder / "sluice"
    here = str(Path(__file__).parent)
    script.write_text(_SCRIPT.format(python=sys.executable, folder=here), "utf-8")
    script.chmod(0o755)
