"""The process that imports the libraries once, and forks for every command."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import sluice
from support import remembered
from support.preloaded import stages
from support.preloaded.request import ADDRESS, TIED, receive

# Libraries whose import takes long, and which some command needs.
_LIBRARIES = (
    *("pandas", "pyarrow.parquet", "scipy.stats", "scipy.optimize", "jinja2", "cyclonedx.model"),
    *("sklearn.compose", "sklearn.dummy", "sklearn.ensemble", "sklearn.impute", "sklearn.tree"),
    *("sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection", "sklearn.pipeline"),
    *("skops.io", "onnx", "onnxruntime", "skl2onnx", "shap", "fairlearn.metrics"),
    *("great_expectations", "great_expectations.expectations", "matplotlib.figure"),
    *("matplotlib.backends.backend_svg", "dvc.cli", "dvc.commands.add", "dvc.repo", "sluice.cli"),
    *("dvc_data.index", "dvc_objects.fs.local", "dvc.scm", "dvc.lock", "dvc.repo.plots"),
    *("httpx", "networkx", "pyarrow.dataset"),
)

_PYTHONPATH = os.environ.get("PYTHONPATH", "")
_OWN: dict[str, bytes] = {}  # the content of the code that is loaded


def main(address: str) -> None:
    """Serve until nobody has standard input open for writing any more."""
    with warnings.catch_warnings(action="ignore"):
        for name in (*_LIBRARIES, *_modules_of(sluice)):
            importlib.import_module(name)
    stages.fork_instead_of_starting()
    remembered.use(Path(address).parent)
    _OWN.update(_contents(Path(sluice.__path__[0])))
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _bury)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _become(connection, address)
            connection.close()


def _modules_of(package: ModuleType) -> list[str]:
    return [each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]


def _bury(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(connection: socket.socket, address: str) -> None:
    """Act as the process of one command, and report its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        command, cwd, environment, files = receive(connection)
    except (ConnectionError, ValueError):  # a client that only checked whether the server answers
        os._exit(0)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment, **{ADDRESS: address})
    if TIED in environment:
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    tempfile.tempdir = None  # so that the command's environment decides it
    _load_code_from(environment.get("PYTHONPATH", ""))
    ended = _run(command)
    with suppress(OSError):
        connection.sendall(ended.to_bytes(4))
    os._exit(ended)


def _end_with(connection: socket.socket) -> None:
    """Kill this process when the client, which sends nothing more, has closed the connection."""
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _load_code_from(path: str) -> None:
    """Let a command with a PYTHONPATH of its own import sluice and the use case from there.

    What is loaded already stays if it is the same code, because it takes a second to load.
    """
    if path in ("", _PYTHONPATH):
        return
    folders = path.split(os.pathsep)
    sys.path[:0] = folders
    other = {"usecase"} if _contents(Path(folders[0], "sluice")) == _OWN else {"sluice", "usecase"}
    for name in list(sys.modules):
        if name.partition(".")[0] in other:
            del sys.modules[name]
    stages.fork_instead_of_starting()


def _contents(folder: Path) -> dict[str, bytes]:
    """The content of each file of a package, by its path."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def _run(command: list[str]) -> int:
    """Run `python [-P] -m MODULE …`, the script of a stage: `sluice …`, or a task's plan."""
    status: object = 0
    try:
        if command[0] == stages.TASK:
            from sluice.confined import supervisor

            return supervisor.main(command[1])
        if command[0] == "sluice":
            module, sys.argv = "sluice.cli", command
        else:
            at = command.index("-m")
            module, sys.argv = command[at + 1], command[at + 1 :]
            if "-P" not in command[:at]:
                sys.path.insert(0, os.getcwd())
        _forget(module)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return status if isinstance(status, int) else 0 if status is None else 1


def _forget(module: str) -> None:
    """Python warns when it runs a module that is already imported."""
    is_package = hasattr(sys.modules.get(module), "__path__")
    sys.modules.pop(f"{module}.__main__" if is_package else module, None)


if __name__ == "__main__":
    main(sys.argv[1])
