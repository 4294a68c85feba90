"""Takes the requests away from a canary that nobody judges."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluice import files
from sluice.errors import SluiceError
from sluice.rollout.machine import api, processes, proxy
from sluice.rollout.machine.control import Control
from sluice.rollout.traffic import confirm
from sluice.rollout.weights import ALL_STABLE, CANARY

_APPLIED_SECONDS, _PAUSE = 5.0, 0.05


@contextmanager
def watched(control: Control) -> Iterator[None]:
    """If an error or a signal ends the block, the canary gets no more requests, because nobody
    would judge it. Raises SluiceError instead of OSError, such as that of a full disk.
    """
    try:
        yield
    except BaseException as error:
        _withdraw(control)
        if isinstance(error, OSError):
            raise SluiceError(
                f"{control.folder}: the rollout stopped, and the canary gets no requests: "
                f"{error.strerror or error}; solve this, and run the same command again"
            ) from None
        raise


def _withdraw(control: Control) -> None:
    """Take all requests from the canary; if that cannot be written, end its server.

    The proxy then sends the canary's requests to other servers.
    """
    try:
        machine = control.machine
    except SluiceError:  # the record is missing or damaged
        _without_canary(control.folder)
        return
    if not machine.weights.canary:
        return
    try:
        control.set_weights(ALL_STABLE)
        confirm(control, ALL_STABLE)
    except (OSError, SluiceError):
        processes.end(*(s.process for arm, s in machine.servers.items() if arm == CANARY))


def _without_canary(folder: Path) -> None:
    """Remove the canary from the proxy's own files, which need no record.

    Stable and baseline are both the champion; at the last step, stable has no requests.
    """
    file = folder / proxy.DYNAMIC
    try:
        content = json.loads(file.read_bytes())
        weighted = content["http"]["services"][proxy.ARMS_SERVICE]["weighted"]
        others = [each for each in weighted["services"] if each["name"] != CANARY]
        static = json.loads((folder / proxy.STATIC).read_bytes())
        address = static["entryPoints"]["traefik"]["address"]
        if not others or others == weighted["services"]:
            return
        weighted["services"] = others
        files.write(file, proxy.encode(content))
        _wait(int(address.rpartition(":")[2]))
    except (OSError, SluiceError, LookupError, TypeError, ValueError):
        return  # the error that is reported says that nothing is known of this folder


def _wait(port: int) -> None:
    end = time.monotonic() + _APPLIED_SECONDS
    while time.monotonic() < end and CANARY in api.applied(port, proxy.ARMS_SERVICE).weights:
        time.sleep(_PAUSE)
