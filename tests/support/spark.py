"""A real Spark cluster of a master and two workers on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyspark

SPARK = Path(pyspark.__file__).parent
SECONDS = 120
_OF_WORKERS = (
    *("msgspec", "numpy", "numpy.libs", "onnxruntime", "pyarrow", "pyarrow.libs"),
    *("sklearn", "scikit_learn.libs", "scipy", "scipy.libs"),
    *("cloudpickle", "joblib", "narwhals", "threadpoolctl.py"),  # of scikit-learn
)
# Short runs do not benefit from Java's optimizing compiler.
QUICK = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


@dataclass(frozen=True)
class Cluster:
    url: str
    workers: list[Path]
    environment: dict[str, str]

    def applications(self) -> list[set[str]]:
        """The applications that each worker has worked for so far."""
        return [
            {path.parents[1].name for path in folder.glob("app-*/*/stderr")}
            for folder in self.workers
        ]


@contextmanager
def cluster(root: Path) -> Iterator[Cluster]:
    """The cluster, with its files in the empty folder `root`."""
    assert shutil.which("java"), "Java 17 is not installed, which Spark needs"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"spark://127.0.0.1:{free.getsockname()[1]}"
    python = str(_bare_python(root))
    environment = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": python, **QUICK}
    workers = [root / "worker-0", root / "worker-1"]
    with ExitStack() as running:
        port = url.rpartition(":")[2]
        running.enter_context(_daemon(root / "master", "master.Master", "--port", port))
        for folder in workers:
            more = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder), url]
            running.enter_context(_daemon(folder, "worker.Worker", *more))
        for folder in workers:
            _wait_for("Successfully registered with master", folder / "log.txt")
        yield Cluster(url, workers, environment)


@contextmanager
def _daemon(folder: Path, name: str, *more: str) -> Iterator[None]:
    folder.mkdir()
    command = [str(SPARK / "bin/spark-class"), f"org.apache.spark.deploy.{name}"]
    own = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_HOME": str(SPARK),
    }
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--webui-port", "0", *more],
            env={**os.environ, **QUICK, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(line: str, log: Path) -> None:
    until = time.monotonic() + SECONDS
    while line not in log.read_text():
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.1)


def _bare_python(root: Path) -> Path:
    """A Python with the libraries that a worker needs, but without pandas, tqdm and sluice."""
    site = Path(np.__file__).parents[1]
    (root / "site").mkdir()
    for name in _OF_WORKERS:
        if (site / name).exists():
            (root / "site" / name).symlink_to(site / name)
    python = root / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{root}/site" exec {sys.executable} -S "$@"\n'
    )
    python.chmod(0o755)
    return python
