"""Without a container engine, neither `make engine` nor the tests pass silently."""

import os
import runpy
import sys

import pytest

from sluice.errors import SluiceError
from support.image.containers import ROOT, run

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]

INSTALL = ROOT / "image" / "install_engine.py"


def test_a_failed_installation_is_reported():
    done = run(sys.executable, INSTALL, PATH="/nowhere")
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith("NO CONTAINER ENGINE: ")


def test_tests_fail_without_an_engine():
    test = "tests/image/test_image_build.py::test_labels_identify_the_package_and_the_base"
    done = run(sys.executable, "-m", "pytest", "-n0", "-q", test, PATH="/nowhere")
    assert done.status == 1
    assert "run 'make engine'" in done.out
    assert "skipped" not in done.out


def test_a_mirror_may_be_a_file_that_lists_mirrors(tmp_path):
    first_mirror = runpy.run_path(str(INSTALL))["first_mirror"]
    mirrors = tmp_path / "mirrors.txt"
    mirrors.write_text("mirror-a/debian\tpriority:1\nmirror-b/debian\tpriority:2\n")
    assert first_mirror(f"mirror+file:{mirrors}/") == "mirror-a/debian"
    assert first_mirror("mirror-c/debian/") == "mirror-c/debian/"


def test_the_user_who_called_sudo_gets_the_new_engine(tmp_path, monkeypatch):
    script = runpy.run_path(str(INSTALL))
    socket = tmp_path / "docker.sock"
    socket.touch()
    script["admit_user"].__globals__["SOCKET"] = socket
    monkeypatch.delenv("SUDO_GID", raising=False)
    before = socket.stat()
    script["admit_user"]()
    assert socket.stat() == before
    monkeypatch.setenv("SUDO_GID", "12345")
    if os.geteuid() != 0:  # only root can give a file away
        with pytest.raises(PermissionError):
            script["admit_user"]()
        return
    script["admit_user"]()
    assert (socket.stat().st_uid, socket.stat().st_gid) == (0, 12345)


@pytest.mark.parametrize("status", [0, 1])
def test_a_user_without_access_to_the_engine_is_told_how_to_get_it(status, tmp_path, monkeypatch):
    sudo = tmp_path / "sudo"
    sudo.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\nexit {status}\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("SUDO_USER", "ada")
    check_access = runpy.run_path(str(INSTALL))["check_access"]
    if status == 0:
        check_access()
    else:
        with pytest.raises(SluiceError, match="ada may not use the engine: run 'usermod "):
            check_access()
    assert (tmp_path / "asked").read_text() == "--user ada docker info\n"
