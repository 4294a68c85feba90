"""Lines of the workflows that several violations change."""

from __future__ import annotations

import re
from pathlib import Path

from support.workflows.policy.files import CI, load

GITHUB = Path(__file__).parents[4] / ".github"
FILES = load(GITHUB)

TOP = "permissions: {}\n"
READ = "    permissions:\n      contents: read\n"
CHECK = "      - run: make check\n"
CMP = "cmp built/package"
# Taken from the file, because Dependabot changes it.
CHECKOUT = re.findall(r"actions/checkout@.*", FILES[CI].text)[0]
