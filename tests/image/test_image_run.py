"""Run the image of a package on a real container engine, as docs/image.md describes."""

import json
import time

import pytest

from sluice.model import Model
from sluice.package.archive import opened
from support.image.containers import SECURE, docker, running, until, volume

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]

UID = "10001"


@pytest.fixture(scope="module")
def known(package):
    """Rows, and their scores by the same model outside a container."""
    with opened(package) as unpacked:
        book = unpacked.scenarios
        model = Model(unpacked.model)
        names = [column.name for column in model.signature.inputs]
        rows = [{n: row[n] for n in names} for rows in book.samples.values() for row in rows][:5]
        return rows, model.score_records(rows).values.tolist()


@pytest.fixture(scope="module")
def served(image):
    with running(image) as container:
        yield container


@pytest.fixture
def log():
    with volume() as name:
        yield name


def logged(image, log):
    look = ("--rm", "--network=none", f"--volume={log}:/log", "--entrypoint=python", image)
    show = docker("run", *SECURE, *look, "-m", "sluice.cli", "log", "show", "/log").went_well()
    return [json.loads(line) for line in show.out.splitlines()]


def scores(answer):
    return [result["score"] for result in answer["results"]]


def test_gives_the_same_scores_as_outside_a_container(served, known):
    rows, expected = known
    assert scores(served.score(*rows)) == pytest.approx(expected, abs=1e-9)


def test_a_request_without_the_token_is_refused(served, known):
    status, answer = served.ask("POST", "/score", {"records": known[0]}, token=None)
    assert (status, answer) == (401, {"error": "a bearer token is needed"})


def test_runs_without_privileges_and_can_write_only_to_the_log(served):
    status = "open('/proc/1/status').read()"
    printed = served.python(f"import os; print(os.getuid(), os.getgid()); print({status})").out
    lines = dict(line.split(":\t") for line in printed.splitlines()[1:] if ":\t" in line)
    assert printed.splitlines()[0] == f"{UID} {UID}"
    assert {lines[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
    assert lines["NoNewPrivs"] == "1"
    for folder in ("/", "/tmp", "/package", "/code", "/venv"):
        assert served.python(f"open('{folder}/x', 'w')").status != 0, folder
    served.python("open('/log/x', 'w')").went_well()


def test_contains_no_build_tools_and_sends_no_telemetry(served):
    for module in ("pandas", "sklearn", "pip", "setuptools", "usecase"):
        error = served.python(f"import {module}").err
        assert f"No module named '{module}'" in error
    assert "telemetry" not in served.output


def test_does_not_start_without_a_token(image):
    refused = docker("run", "--rm", *SECURE, image)
    assert refused.status == 2
    assert refused.line.startswith(
        "--host 0.0.0.0 can be reached from other machines: set a bearer"
    )
    assert len(refused.err.splitlines()) == 1


def test_an_altered_package_is_not_served(image, tmp_path):
    changed = tmp_path / "params.yaml"
    changed.write_text("task: binary\n")
    changed.chmod(0o644)
    over = f"--volume={changed}:/package/configuration/params.yaml:ro"
    refused = docker("run", "--rm", *SECURE, over, "--env=SLUICE_TOKEN=" + "x" * 16, image)
    assert refused.status == 2
    assert "configuration/params.yaml was changed" in refused.line


def test_stops_within_the_grace_period_with_status_0(image):
    with running(image) as container:
        began = time.monotonic()
        docker("stop", "--time=10", container.name).went_well()
        assert time.monotonic() - began < 9
        assert container.inspect["State"]["ExitCode"] == 0


def test_the_log_outlives_the_container_and_becomes_parquet(image, known, log):
    rows, _ = known
    asked = []
    with running(image, f"--volume={log}:/log") as first:
        asked += [first.score(*rows)["id"] for _ in range(3)]
        docker("kill", first.name).went_well()
    with running(image, f"--volume={log}:/log") as second:
        asked += [second.score(*rows)["id"] for _ in range(2)]
        listing = "import os; print(*os.listdir('/log'))"
        until(lambda: ".parquet" in second.python(listing).out, second)
    records = logged(image, log)
    assert [record["request"] for record in records] == [request for request in asked for _ in rows]
    assert len({record["host"] for record in records}) == 2


def test_the_health_check_follows_readiness(image):
    """Without enough space for the log the server is not ready; with space it is again."""
    often = ("--health-interval=500ms", "--health-retries=1")
    with running(image, *often, f"--tmpfs=/log:size=96m,uid={UID},gid={UID}") as container:
        until(lambda: container.health == "healthy", container)
        container.python("open('/log/ballast', 'wb').write(bytes(48 * 2**20))").went_well()
        until(lambda: container.health == "unhealthy", container)
        assert not container.ready
        container.python("import os; os.remove('/log/ballast')").went_well()
        until(lambda: container.health == "healthy", container)


@pytest.mark.long
def test_two_versions_with_different_libraries_run_side_by_side(request):
    """test_image_identity.py, which always runs, shows that other libraries make another image."""
    names = ("image", "other_image", "package", "other_package", "known")
    image, other_image, package, other_package, (rows, expected) = map(
        request.getfixturevalue, names
    )
    with running(image) as one, running(other_image) as other:
        found = [libraries(container) for container in (one, other)]
        for container, file in ((one, package), (other, other_package)):
            answer = container.score(*rows)
            assert scores(answer) == pytest.approx(expected, abs=1e-6)
            with opened(file) as unpacked:
                assert answer["version"] == unpacked.manifest.version
    assert found[1] == ["1.31.0", "0.25.0"]
    assert all(a != b for a, b in zip(*found, strict=True))
    assert package.name != other_package.name


def libraries(container):
    code = (
        "import onnxruntime; from importlib.metadata import version; "
        "print(onnxruntime.__version__, version('prometheus-client'))"
    )
    return container.python(code).went_well().out.split()
