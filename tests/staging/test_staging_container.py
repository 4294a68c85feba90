"""`sluice staging test` with the server as a container, on a real engine."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from uuid import uuid4

import pytest

from sluice.errors import SluiceError
from sluice.image import container
from sluice.package.archive import opened
from sluice.verdict import Status
from support.image.containers import docker, until
from support.staging.trials import attempt

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]

DIGEST = "org.sluice.package.digest"
RECORDED = "test-scenarios/the holdout rows score as when the model was built"


@contextmanager
def built_on(folder, origin, *lines):
    """An image built from another one with some additional lines."""
    tag = f"sluice-test:{uuid4().hex}"
    (folder / "Dockerfile").write_text("\n".join([f"FROM {origin}", *lines]) + "\n")
    docker("build", "--network=none", "--force-rm", "--tag", tag, folder).went_well()
    try:
        yield tag
    finally:
        docker("image", "rm", "--force", tag)


@pytest.fixture(scope="module")
def manifest(package):
    with opened(package) as unpacked:
        yield unpacked.manifest


@pytest.fixture
def own(image, tmp_path):
    """The package's image under an id that only this test uses, to recognise its containers."""
    folder = tmp_path / "own"
    folder.mkdir()
    with built_on(folder, image, f"LABEL org.sluice.test={uuid4().hex}") as tag:
        yield tag


def containers_of(image):
    return docker("ps", "--all", "--quiet", f"--filter=ancestor={image}").went_well().out.split()


def test_image_is_tested_together_with_its_champion(good, own, package, tmp_path):
    beside = ("--champion", package, "--champion-image", own)
    trial = attempt(good, tmp_path / "out", "--image", own, *beside)
    assert trial.status == 0, trial.ran.said
    measured = trial.results.measurements
    image_id = docker("image", "inspect", "--format={{.Id}}", own).went_well().out.strip()
    for numbers in (measured.candidate, measured.champion):
        assert numbers.runs_as == image_id
        assert numbers.requests > 10
        assert 10 < numbers.memory_mib < 1000
    assert containers_of(own) == []


@pytest.mark.parametrize(
    ("label", "why"),
    [
        (f'LABEL {DIGEST}="sha256:{"0" * 64}"', "is not the image of toy-binary "),
        ("", "is not the image of a package"),
    ],
)
def test_image_of_another_package_is_refused(good, base, tmp_path, label, why):
    with built_on(tmp_path, base.image, label) as other:
        trial = attempt(good, tmp_path / "out", "--image", other)
    assert trial.status == 2
    assert f"{other}: {why}" in trial.ran.line
    assert not trial.results.passes
    assert why in trial.results.load.why


def test_image_that_is_not_there(good, tmp_path):
    trial = attempt(good, tmp_path / "out", "--image", "sluice-test:none")
    assert trial.status == 2
    assert "sluice-test:none: the container engine has no such image" in trial.ran.line


def test_no_engine(good, tmp_path):
    nowhere = "unix:///nowhere/docker.sock"
    trial = attempt(good, tmp_path / "out", "--image", "some", DOCKER_HOST=nowhere)
    assert trial.status == 2
    assert trial.ran.line.startswith("no container engine answers: ")


def test_container_that_dies_at_start(good, base, manifest, tmp_path):
    dies = (
        f'LABEL {DIGEST}="sha256:{manifest.digest}" org.sluice.test="{uuid4().hex}"',
        """ENTRYPOINT ["python3", "-c", "raise SystemExit('I would rather not')"]""",
    )
    with built_on(tmp_path, base.image, *dies) as image:
        trial = attempt(good, tmp_path / "out", "--image", image)
        assert containers_of(image) == []
    assert trial.status == 2
    said = "the server ended before it was ready: I would rather not"
    assert trial.ran.line == said
    assert said in trial.results.scenarios.why
    assert {verdict.status for verdict in trial.results.verdicts} == {Status.INSUFFICIENT}


def test_image_that_scores_otherwise_than_its_package(good, image, lies, tmp_path):
    """The image's label is right, and only the package is verified here."""
    shutil.copy(lies / "sitecustomize.py", tmp_path)
    lying = ("COPY sitecustomize.py /lies/", "ENV PYTHONPATH=/lies:/code TOY_LIE=wrong")
    with built_on(tmp_path, image, *lying) as liar:
        trial = attempt(good, tmp_path / "out", "--image", liar)
    assert trial.status == 1, trial.ran.said
    assert trial.finding(RECORDED).status is Status.FAIL
    assert "a wrong score: " in trial.finding("load/error_rate").why


def test_more_memory_than_the_bound_is_not_given(own, manifest):
    with (
        pytest.raises(SluiceError, match=r"the server ended before it was ready|not ready"),
        container.running(own, manifest, 16),
    ):
        pass
    assert containers_of(own) == []


def test_it_may_do_nothing_but_serve(own, manifest):
    with container.running(own, manifest, 512) as target:
        (name,) = containers_of(own)
        inspected = docker("inspect", name).went_well().out
        assert target.token not in docker("inspect", "--format={{.Args}}", name).went_well().out
        assert target.memory() > 10 * 2**20
    for said in (
        '"ReadonlyRootfs": true',
        '"no-new-privileges"',
        '"HostIp": "127.0.0.1"',
        f'"Memory": {512 * 2**20}',
    ):
        assert said in inspected, said
    assert target.memory() is None


@pytest.mark.parametrize(("how", "early"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_interrupted_it_leaves_no_container(good, own, tmp_path, how, early):
    command = (sys.executable, "-m", "sluice.cli", "staging", "test", str(good.package))
    process = subprocess.Popen(
        [*command, "--image", own, "--out", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        found = (lambda: containers_of(own)) if early else (lambda: served(own))
        until(lambda: bool(found()), None)
        process.send_signal(how)
        _, err = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert process.returncode == 130
    assert err == "sluice: interrupted: the test has no result\n"
    assert containers_of(own) == []


def served(image):
    return [name for name in containers_of(image) if "ready at" in docker("logs", name).said]
