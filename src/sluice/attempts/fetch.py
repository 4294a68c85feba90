"""`sluice attempts fetch`: list the models that other runs of CI have judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sluice.attempts import record
from sluice.github.api import access
from sluice.github.api.artifacts import Artifacts


def run(repository: str | None, target: Path, say: Callable[[str], None]) -> None:
    """Write the models to the file `target`. Raises SluiceError if GitHub does not list them."""
    target.unlink(missing_ok=True)
    with Artifacts(access.find(repository)) as artifacts:
        attempts = record.of_names(artifacts.names(record.PREFIX))
    record.write(target, attempts)
    say(f"{len(attempts.judged)} models were judged in runs of CI; written to {target}")
