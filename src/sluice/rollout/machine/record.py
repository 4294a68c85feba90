"""The record of production on this machine: one file, so that any process can take over."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.rollout.weights import ALL_STABLE, Weights

_RECORD = "machine.json"


class Process(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process and its creation, because process ids are reused.

    created: seconds since the boot, which do not change when the clock is set. boot: the id of the
    boot; empty where the system has none, and in earlier records: created is then since 1970.
    """

    pid: int
    created: float
    boot: str = ""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A server of an arm. port: where it listens. route: where the proxy sends its requests.

    package: the unpacked folder. version: the version of the package. log: the folder of its
    scoring log.
    """

    process: Process
    port: int
    route: int
    package: str
    version: str
    log: str


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The proxy and the servers, by `weights.ARMS`.

    While stable is replaced, there is also the "old" server; the one "given-up" could not replace
    it, but may still get requests.

    port: the port for callers. api: the port of the proxy's own API, on the loopback interface.
    slow: seconds from which an answer counts as slow. token: required from callers. weights: the
    ones last requested from the proxy.
    """

    port: int
    api: int
    slow: float
    token: str
    proxy: Process | None = None
    servers: dict[str, Server] = {}
    weights: Weights = ALL_STABLE


def read(folder: Path) -> Machine | None:
    """The record in this folder; None if there is none. Raises SluiceError if it is unreadable."""
    path = folder / _RECORD
    try:
        return files.decode_json(path.read_bytes(), Machine)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SluiceError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(
            f"{path} does not say what runs on this machine: {error}; its servers keep running: "
            "restore this file, or end them and delete it to start anew"
        ) from None


def write(folder: Path, machine: Machine) -> None:
    """Write the record, which only its owner may read because it contains the token."""
    with files.replacing(folder / _RECORD) as unfinished:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(files.encode_record(machine))
