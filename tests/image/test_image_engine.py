"""A machine without an engine says so: neither `make engine` nor the tests pass silently."""

import runpy
import sys

import pytest

from support.image.containers import ROOT, run

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]

ENGINE = ROOT / "image" / "engine.py"


def test_engine_that_cannot_be_had_is_said_loudly():
    done = run(sys.executable, ENGINE, PATH="/nowhere")
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith("NO CONTAINER ENGINE: ")


def test_tests_without_an_engine_fail():
    test = "tests/image/test_image_build.py::test_labels_carry_the_digest"
    done = run(sys.executable, "-m", "pytest", "-n0", "-q", test, PATH="/nowhere")
    assert done.status == 1
    assert "run 'make engine'" in done.out
    assert "skipped" not in done.out


def test_mirror_may_be_a_list_of_mirrors(tmp_path):
    plain = runpy.run_path(str(ENGINE))["plain"]
    mirrors = tmp_path / "mirrors.txt"
    mirrors.write_text("mirror-a/debian\tpriority:1\nmirror-b/debian\tpriority:2\n")
    assert plain(f"mirror+file:{mirrors}/") == "mirror-a/debian"
    assert plain("mirror-c/debian/") == "mirror-c/debian/"
