"""What speaks to GitHub: a repository set up and held to the files under `.github/settings/`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

SETTINGS = Path(".github/settings")

Section = Literal["actions", "rulesets", "environments", "repository", "labels"]
# The order in which setup makes changes: what protects comes first.
SECTIONS: tuple[Section, ...] = ("actions", "rulesets", "environments", "repository", "labels")

# What doctor looks at: no request of setup's changes who owns what decides.
Part = Literal[Section, "owners"]
PARTS: tuple[Part, ...] = (*SECTIONS, "owners")
