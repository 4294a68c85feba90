"""Make a clean clone of the fork at a commit, with the requested length of history."""

import os
import shutil
import subprocess
from pathlib import Path

workspace = Path(os.environ["GITHUB_WORKSPACE"])
target = workspace / os.environ["TARGET"]
for path in [target] if target != workspace else list(workspace.iterdir()):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
origin = f"file://{os.environ['STANDIN_ORIGIN']}"
depth, commit = os.environ["DEPTH"], os.environ["COMMIT"]
shallow = [] if depth == "0" else [f"--depth={depth}"]
subprocess.run(["git", "init", "--quiet", str(target)], check=True)
git = ["git", "-C", str(target)]
subprocess.run([*git, "remote", "add", "origin", origin], check=True)
subprocess.run([*git, "fetch", "--quiet", *shallow, "origin", commit or "HEAD"], check=True)
subprocess.run([*git, "checkout", "--quiet", "-B", "main", "FETCH_HEAD"], check=True)
