"""A folder that outlives the job, by key."""

import os
import shutil
from pathlib import Path

kept = Path(os.environ["STANDIN_STATE"], "cache")
kept.mkdir(exist_ok=True)
own = kept / os.environ["KEY"]
prefixes = [line.strip() for line in os.environ["RESTORE"].splitlines() if line.strip()]
if not own.exists():
    own.mkdir()
    for prefix in prefixes:
        found = [p for p in kept.iterdir() if p.name.startswith(prefix) and p != own]
        if found:
            newest = max(found, key=lambda p: p.stat().st_mtime_ns)
            shutil.copytree(newest, own, dirs_exist_ok=True)
            print(f"restored {newest.name}")
            break
folder = Path(os.environ["GITHUB_WORKSPACE"], os.environ["FOLDER"])
folder.parent.mkdir(parents=True, exist_ok=True)
folder.symlink_to(own)
