"""The champion, measured beside the candidate and held to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sluice.config import Settings
from sluice.errors import describe
from sluice.package.archive import Package, opened
from sluice.staging import load, process
from sluice.staging.load import Round
from sluice.staging.measured import Numbers
from sluice.staging.subject import Runner, Subject, serving


class Champion:
    """What goes wrong with it is written down, and stops nobody."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._runner: Runner | None = None
        self._package: Package | None = None
        self._rounds: list[Round] = []
        self._trouble = ""

    def start(self, stack: ExitStack, settings: Settings) -> None:
        with self._noted():
            self._package = stack.enter_context(opened(self._subject.file))
            known = load.known(self._package, settings.load.rows, settings.parity.tolerance)
            target = stack.enter_context(serving(self._subject, self._package, None))
            self._runner = Runner(self._package, target, known)

    def load(self, connections: int, seconds: float) -> None:
        if self._runner is not None and not self._trouble:
            with self._noted():
                runner = self._runner
                self._rounds.append(load.run(runner.target, runner.known, connections, seconds))

    def numbers(self) -> Numbers:
        if self._runner is not None and not self._trouble:
            return load.numbers(self._runner.package, self._runner.target, self._rounds)
        runs_as = self._subject.image or process.RUNS_AS
        if self._package is None:
            name = self._subject.file.name
            return Numbers(name, "", "", runs_as, trouble=self._trouble)
        of = self._package.manifest
        return Numbers(of.name, of.version, of.digest, runs_as, trouble=self._trouble)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._trouble = describe(error)
