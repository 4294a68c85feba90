"""Which locked versions does the change add, and is one of them on the list?"""

import os
import re
import subprocess
import sys
from pathlib import Path

listed = Path(os.environ["STANDIN_STATE"], "advisories.txt")
bad = set(listed.read_text("utf-8").split()) if listed.exists() else set()
subprocess.run(["git", "fetch", "--quiet", "--deepen=1"], check=True)
change = subprocess.run(
    ["git", "diff", "HEAD^1", "HEAD", "--", "requirements"],
    check=True,
    capture_output=True,
    text=True,
).stdout
added = set(re.findall(r"^\+([A-Za-z0-9._-]+==[^\s;\\]+)", change, re.MULTILINE))
sys.exit(f"vulnerable: {sorted(added & bad)}" if added & bad else 0)
