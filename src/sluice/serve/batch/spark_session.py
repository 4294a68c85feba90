"""A session on a Spark cluster, quiet, and with sluice on its workers."""

from __future__ import annotations

import re
import socket
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sluice
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CONNECT_SECONDS = 5.0
# Spark logs only fatal errors, because all others are raised as exceptions. The gateway gets the
# same level as the root logger; otherwise Spark prints that it changes the level.
_QUIET = """\
rootLogger.level = fatal
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = fatal
"""


def require_reachable(master: str) -> None:
    """Raise SluiceError if no master answers.

    This is checked first, because Spark tries for a minute, and its error does not name the master.
    """
    asked = re.findall(r"(?:spark://|,)([^,:]+):(\d+)", master)
    if asked and not any(_answers(host, int(port)) for host, port in asked):
        raise SluiceError(f"--master {master}: no Spark master answers at this address")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def _code(scratch: Path) -> Path:
    """sluice as a zip file to ship to the workers, on which it is not installed."""
    root, target = Path(sluice.__file__).parent, scratch / "sluice.zip"
    with zipfile.ZipFile(target, "w") as code:
        for path in sorted(root.rglob("*.py")):
            code.write(path, path.relative_to(root.parent))
    return target


@contextmanager
def opened(
    master: str, scratch: Path, name: str, more: Mapping[str, str]
) -> Iterator[SparkSession]:
    """A session whose workers have sluice. scratch: an empty folder; more: settings of Spark.

    Raises SluiceError for any error of Spark.
    """
    try:
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise SluiceError(
            "--engine spark needs PySpark: pip install --editable '.[spark]'"
        ) from None
    quiet = scratch / "log4j2.properties"
    quiet.write_text(_QUIET, "utf-8")
    settings: dict[str, bool | float | int | str | None] = {
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={quiet.as_uri()}",
        "spark.sql.caseSensitive": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **more,
    }
    # PySpark warns about the version of pandas, which mapInArrow does not use.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    builder = SparkSession.builder.master(master).appName(name)
    try:
        spark = builder.config(map=settings).getOrCreate()
        try:
            spark.sparkContext.addPyFile(str(_code(scratch)))
            yield spark
        finally:
            spark.stop()
    except (PySparkException, Py4JError) as error:
        raise SluiceError(f"Spark: {_summary(str(error))}") from None


def _summary(message: str) -> str:
    """One line of Spark's error: the Python error of a worker if there is one, else the first."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    python = [line for line in lines if re.match(r"(sluice\.\S+|\w+)Error: ", line)]
    return (python or lines or ["an error without a message"])[0]
