"""Files that match the patterns, below the folder that they have in common."""

import os
import shutil
import sys
from pathlib import Path

here = Path(os.environ["GITHUB_WORKSPACE"])
patterns = [line.strip() for line in os.environ["PATTERNS"].splitlines() if line.strip()]
found, roots = [], []
for pattern in patterns:
    matched = sorted(here.glob(pattern))
    files = [p for m in matched for p in (sorted(m.rglob("*")) if m.is_dir() else [m])]
    found += [path for path in files if path.is_file()]
    roots += [m if m.is_dir() else m.parent for m in matched]
if not found:
    print(f"no file matches {patterns}")
    sys.exit(os.environ["NOTHING"] == "error")
root = Path(os.path.commonpath(roots))
target = Path(os.environ["STANDIN_STATE"], "artifacts", os.environ["NAME"])
if target.exists():
    sys.exit(f"an artifact {target.name} is there already")
for path in found:
    place = target / path.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)
