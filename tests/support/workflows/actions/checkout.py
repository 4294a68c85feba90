"""A clean clone of the fork at the run's commit, with as much history as was asked for."""

import os
import shutil
import subprocess
from pathlib import Path

here = Path(os.environ["GITHUB_WORKSPACE"])
for path in here.iterdir():
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
origin = f"file://{os.environ['STANDIN_ORIGIN']}"
depth = os.environ["DEPTH"]
shallow = [] if depth == "0" else [f"--depth={depth}"]
subprocess.run(["git", "clone", "--quiet", *shallow, origin, str(here)], check=True)
