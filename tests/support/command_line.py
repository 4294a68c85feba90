"""Run `sluice …` in the process of a test, which saves the second that a new process needs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from sluice import cli
from support.fixture_project import Ran

# Called with a project and the words of a command.
InProcess = Callable[..., Ran]

# Nothing in these tests uses TLS, and reading a bundle of certificates takes time.
_NO_CERTIFICATES = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": os.devnull}


@dataclass
class CommandLine:
    """After each command, the folder, environment and signal handlers are restored."""

    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def run(self, root: Path, *arguments: str, **environment: str) -> Ran:
        """Run a command in the folder `root`, with these environment variables added."""
        terminate = signal.getsignal(signal.SIGTERM)
        self.capfd.readouterr()
        try:
            with (
                self.monkeypatch.context() as patch,
                mock.patch.dict(os.environ, _NO_CERTIFICATES | environment),
            ):
                patch.chdir(root)
                status = _status(arguments)
        finally:
            signal.signal(signal.SIGTERM, terminate)
        printed = self.capfd.readouterr()
        return Ran(status, printed.out, printed.err)


def _status(arguments: tuple[str, ...]) -> int:
    try:
        return cli.main(list(arguments))
    except SystemExit as ended:  # raised by argparse
        return int(ended.code or 0)
