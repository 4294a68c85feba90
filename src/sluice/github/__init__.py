"""Everything about GitHub: its API, the repository's settings, and the comment on pull requests."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

SETTINGS = Path(".github/settings")

Section = Literal["actions", "rulesets", "environments", "repository", "labels"]
# The order in which `setup` makes changes: settings that protect the repository come first.
SECTIONS: tuple[Section, ...] = ("actions", "rulesets", "environments", "repository", "labels")

# What `doctor` checks. Owners are in CODEOWNERS, the server's account in delivery.json: `setup`
# changes neither on GitHub.
Part = Literal[Section, "owners", "server"]
PARTS: tuple[Part, ...] = (*SECTIONS, "owners", "server")
