"""A worker process: `python -m sluice.serve.worker`, which the supervisor starts.

The worker reads its task as one line of JSON from standard input. A further line starts the
lame-duck phase. When standard input is closed, the supervisor has ended, and the worker stops too.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import secrets
import signal
import socket
import sys
from pathlib import Path

import msgspec
import numpy as np

from sluice.errors import SluiceError
from sluice.model import Model, Record, Signature
from sluice.package.parts import Parts
from sluice.scoring_log.record import LoggedColumn, SegmentHeader
from sluice.scoring_log.writer import LogError, LogWriter, Rotation
from sluice.serve.http import app as http
from sluice.serve.http import model_metadata, openapi
from sluice.serve.http.inference import Inference
from sluice.serve.http.records import Records
from sluice.serve.http.server import Server
from sluice.serve.metrics import PROBABILITIES, Metrics, MetricsPage
from sluice.serve.promised import score_range
from sluice.serve.queue import ScoringQueue
from sluice.serve.recorder import Recorder
from sluice.serve.settings import ServerSettings

READY = b"ready\n"


class WorkerTask(msgspec.Struct, frozen=True):
    """What the supervisor sends to a worker.

    listener: file descriptor of the shared socket. leaving: whether the lame-duck phase has begun.
    """

    folder: str
    name: str
    version: str
    digest: str
    settings: ServerSettings
    token: str | None
    listener: int
    leaving: bool


class Worker:
    """Serves one model until it is told to stop; raises SluiceError if it cannot start."""

    def __init__(self, task: WorkerTask) -> None:
        self._task = task
        self._instance = secrets.token_hex(8)
        self._model = Model(Parts(Path(task.folder)).model, interruptible=False)
        self._log = None if task.settings.no_log else self._writer()
        self._server: Server | None = None
        self._leaving = task.leaving

    async def run(self) -> None:
        """Serve until SIGTERM, or until standard input is closed."""
        task, loop = self._task, asyncio.get_running_loop()
        metrics = Metrics(
            task.name,
            task.version,
            self._model.signature.classes,
            self._score_bounds(),
            score_range(Parts(Path(task.folder)).scenarios, self._model.signature.task),
        )
        server = Server(self._app(metrics), task.settings, metrics.error)
        self._server = server
        loop.add_signal_handler(signal.SIGTERM, server.stop)
        loop.add_reader(sys.stdin.fileno(), self._told, server)
        housekeeping = loop.create_task(self._housekeeping())
        listener = socket.socket(fileno=task.listener)
        gc.freeze()  # exclude what exists now from garbage collection, because it is never garbage
        await server.run(listener, lambda: os.write(sys.stdout.fileno(), READY))
        housekeeping.cancel()
        if self._log:
            self._log.close()

    def _told(self, server: Server) -> None:
        if os.read(sys.stdin.fileno(), 64):
            self._leaving = True
        else:
            server.stop()

    def _app(self, metrics: Metrics) -> http.App:
        task, settings, signature = self._task, self._task.settings, self._model.signature
        named = (signature, task.name, task.version)
        recorder = Recorder(signature, self._columns())
        model = http.ServedModel(
            task.name,
            task.version,
            Inference(*named, settings.max_rows, settings.max_nesting),
            Records(*named, settings.max_rows),
            ScoringQueue(self._model, self._log, recorder, metrics, settings.max_queue),
            model_metadata.document(*named),
            openapi.document(*named, self._samples()[0]),
        )
        page = MetricsPage(self._log.free if self._log else None)
        return http.App(
            model,
            metrics,
            page,
            unready=self._unready,
            token=task.token,
            max_body=settings.max_body,
            instance=self._instance,
            origins=settings.origin,
        )

    def _unready(self) -> str:
        """Why this worker should get no more requests; empty if it is ready."""
        if self._leaving or self._server is None or self._server.stopping:
            return "the server is stopping"
        if self._log is None:
            return ""
        if self._log.failure:
            return self._log.failure
        free, reserve = self._log.free(), self._task.settings.log_reserve
        if free < reserve:
            return (
                f"the scoring log's disk has {free:,} free bytes, "
                f"fewer than --log-reserve ({reserve:,})"
            )
        return ""

    async def _housekeeping(self) -> None:
        """Start a new segment once the current one is too old."""
        while True:
            await asyncio.sleep(1)
            if self._log:
                try:
                    self._log.tick()
                except LogError as error:
                    sys.stderr.write(f"sluice: {error}\n")

    def _samples(self) -> list[Record]:
        """Rows of the package's scenarios; one row of missing values if there are none."""
        book = Parts(Path(self._task.folder)).scenarios
        inputs = [column.name for column in self._model.signature.inputs]
        rows = [row for sample in book.samples.values() for row in sample]
        return [{name: row.get(name) for name in inputs} for row in rows] or [dict.fromkeys(inputs)]

    def _score_bounds(self) -> tuple[float, ...]:
        """Bucket bounds of the score histogram; for a regression, deciles of sample scores."""
        if self._model.signature.task != "regression":
            return PROBABILITIES
        scores = self._model.score_records(self._samples()).values
        return tuple(np.unique(np.quantile(scores, np.linspace(0, 1, 11))).tolist())

    def _columns(self) -> tuple[LoggedColumn, ...]:
        return logged_columns(self._model.signature, self._task.settings.log_features)

    def _writer(self) -> LogWriter:
        task, settings, signature = self._task, self._task.settings, self._model.signature
        header = SegmentHeader(
            task.name,
            task.version,
            task.digest,
            socket.gethostname(),
            self._instance,
            signature.task,
            signature.classes,
            self._columns(),
        )
        rotation = Rotation(settings.log_segment, settings.log_age, settings.log_sync)
        return LogWriter(Path(settings.log), header, rotation)


def logged_columns(signature: Signature, features: str) -> tuple[LoggedColumn, ...]:
    """The columns to log, numbers first, without the sensitive ones.

    features: the value of `--log-features`. Raises SluiceError if it names a
    sensitive column, or one that is not an input.
    """
    allowed = {column.name for column in signature.inputs if not column.sensitive}
    named = {"all": allowed, "none": set()}.get(features)
    if named is None:
        named = {name.strip() for name in features.split(",")}
        for name in sorted(named - allowed):
            sensitive = name in signature.numbers + signature.categories
            why = (
                "is sensitive and is never logged" if sensitive else "is not an input of this model"
            )
            raise SluiceError(f"--log-features: {name!r} {why}")
    inputs = sorted(signature.inputs, key=lambda column: column.type, reverse=True)
    return tuple(LoggedColumn(c.name, c.type) for c in inputs if c.name in named)


def main() -> int:
    """Run a worker; returns the exit status."""
    # Ctrl-C reaches all processes, but only the supervisor reacts, and stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection needs one
    # Unbuffered, so that a line after the task is left for the event loop.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as told:
        task = msgspec.json.decode(told.readline(), type=WorkerTask)
    try:
        with asyncio.Runner(loop_factory=Server.loop_factory()) as runner:
            runner.run(Worker(task).run())
    except SluiceError as error:
        sys.stderr.write(f"sluice: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
