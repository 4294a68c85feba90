"""Fetch the package that serves production now."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.commands import Commands, add_download, show


def add(commands: Commands) -> None:
    champion = commands.group("champion", "download the package that serves production now")
    meaning = "download the champion from its release, verify it, and put it into a folder"
    fetch = champion.add("fetch", _fetch, meaning)
    add_download(fetch, Path("out/champion"), "FOLDER")


def _fetch(options: argparse.Namespace) -> int:
    from sluice.champion import fetch

    fetch.run(options.repo, options.out, show)
    return 0
