"""One artifact into the path, or every one into a folder of its name."""

import os
import shutil
import sys
from pathlib import Path

kept = Path(os.environ["STANDIN_STATE"], "artifacts")
target = Path(os.environ["GITHUB_WORKSPACE"], os.environ["TARGET"])
name = os.environ["NAME"]
source = kept / name if name else kept
if not source.is_dir():
    sys.exit(f"there is no artifact {name}")
shutil.copytree(source, target, dirs_exist_ok=True)
