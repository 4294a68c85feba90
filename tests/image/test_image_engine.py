"""Without a container engine, neither `make engine` nor the tests pass silently."""

import runpy
import sys

import pytest

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
