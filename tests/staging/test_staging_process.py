"""`sluice staging test` with the server as a process."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from sluice.verdict import Status
from support.staging.trials import attempt

RECORDED = "test-scenarios/the holdout rows score as when the model was built"


def test_good_package_passes(good, tmp_path):
    trial = attempt(good, tmp_path / "out")
    assert trial.status == 0, trial.ran.said
    assert "pass          test-scenarios: " in trial.ran.out
    assert "pass          load: " in trial.ran.out
    results = trial.results
    assert results.passes
    packaged = good.findings("scenarios")
    expected = {f"test-{name}" for name in packaged}
    assert {finding.name for finding in results.scenarios.findings} == expected
    candidate = results.measurements.candidate
    assert candidate.runs_as == "process"
    assert candidate.version in good.package.name
    assert candidate.requests == trial.finding("load/p95_ms").n > 10
    assert 10 < candidate.memory_mib < 1000
    assert results.measurements.champion is None
    assert trial.page.startswith("## ✅ ")
    assert {path.name for path in trial.out.iterdir()} == {
        "test-scenarios.json",
        "load.json",
        "measured.json",
        "staging.md",
    }


def test_champion_is_measured_together_with_the_candidate(good, strict, tmp_path):
    """No bound applies to the champion, and the params.yaml in the current folder is not read."""
    trial = attempt(strict, tmp_path / "out", "--champion", strict.package, package=good.package)
    assert trial.status == 0, trial.ran.said
    measured = trial.results.measurements
    assert measured.champion.version in strict.package.name
    assert measured.champion.requests > 10
    assert measured.champion.trouble == ""
    assert measured.candidate.version in good.package.name
    assert f"{measured.champion.requests:,} requests" in trial.page


def test_champion_that_does_not_start_is_recorded(good, tmp_path):
    broken = tmp_path / "broken.tar"
    broken.write_bytes(b"no package")
    trial = attempt(good, tmp_path / "out", "--champion", broken)
    assert trial.status == 0, trial.ran.said
    champion = trial.results.measurements.champion
    assert "not a readable package" in champion.trouble
    assert champion.p95_ms is None
    assert "not measured: " in trial.page


def test_bounds_of_the_package_apply(strict, tmp_path):
    """Latency, throughput and memory are judged by the params.yaml in the package."""
    trial = attempt(strict, tmp_path / "out")
    assert trial.status == 1
    assert trial.ran.line == "refused: the package does not pass in the test environment"
    assert trial.results.scenarios.passes
    assert not trial.results.load.passes
    for name in ("p95_ms", "throughput", "memory_mib"):
        finding = trial.finding(f"load/{name}")
        assert finding.status is Status.FAIL
        assert finding.bound.source == f"params.yaml: load.bounds.{name}"
    assert trial.finding("load/error_rate").passes
    assert trial.page.startswith("## ❌ ")
    assert "fail          load: load/" in trial.ran.out


def test_server_with_other_scores_fails_both(good, lies, tmp_path):
    trial = attempt(good, tmp_path / "out", PYTHONPATH=str(lies), TOY_LIE="wrong")
    assert trial.status == 1
    assert trial.finding(RECORDED).status is Status.FAIL
    errors = trial.finding("load/error_rate")
    assert errors.estimate == 1
    assert "a wrong score: " in errors.why
    assert trial.finding("load/p95_ms").status is Status.INSUFFICIENT


def test_server_that_fails_now_and_then(good, lies, tmp_path):
    trial = attempt(good, tmp_path / "out", PYTHONPATH=str(lies), TOY_LIE="rude")
    assert trial.status == 1
    assert not trial.results.scenarios.passes
    assert "the server responds with status 500" in trial.results.scenarios.why
    errors = trial.finding("load/error_rate")
    assert errors.status is Status.FAIL
    assert "status 500: " in errors.why


def test_server_that_does_not_start(good, lies, tmp_path):
    trial = attempt(good, tmp_path / "out", PYTHONPATH=str(lies), TOY_LIE="die")
    assert trial.status == 2
    assert "the server ended before it was ready: " in trial.ran.line
    assert "the worker would rather not" in trial.ran.line
    assert not trial.results.passes
    for verdict in trial.results.verdicts:
        assert verdict.status is Status.INSUFFICIENT
        assert "the server ended before it was ready" in verdict.why


def test_tampered_package_is_refused_and_earlier_results_are_deleted(good, tmp_path):
    content = bytearray(good.package.read_bytes())
    content[content.index(b"def ")] ^= 1
    tampered = tmp_path / "tampered.tar"
    tampered.write_bytes(content)
    out = tmp_path / "out"
    out.mkdir()
    for name in ("test-scenarios.json", "load.json", "measured.json", "staging.md", "notes.txt"):
        (out / name).write_text("stale")
    trial = attempt(good, out, package=tampered)
    assert trial.status == 2
    assert "was changed: its SHA-256 differs from the one in manifest.json" in trial.ran.line
    assert trial.results.measurements is None
    assert not trial.results.passes
    assert "was changed" in trial.results.load.why
    assert "stale" not in trial.page
    assert (out / "notes.txt").read_text() == "stale"  # not one of the results


def test_champion_must_run_as_the_candidate_does(good, tmp_path):
    beside = ("--champion", good.package)
    missing = ("--champion", tmp_path / "none")
    for options, said in (
        (("--champion-image", "some"), "--champion-image needs --champion"),
        ((*beside, "--image", "some"), "--image and --champion-image go together"),
        ((*beside, "--champion-image", "some"), "--image and --champion-image go together"),
        (missing, "it is unknown which version serves production"),
    ):
        trial = attempt(good, tmp_path / "out", *options)
        assert trial.status == 2
        assert said in trial.ran.line
        assert not trial.results.passes


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_test_leaves_no_process(good, tmp_path, how):
    out = tmp_path / "out"
    out.mkdir()
    (out / "load.json").write_text("stale")
    command = (sys.executable, "-m", "sluice.cli", "staging", "test", str(good.package))
    process = subprocess.Popen(
        [*command, "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        started = until(lambda: under_load(process.pid))
        process.send_signal(how)
        _, err = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert process.returncode == 130
    assert err == "sluice: interrupted: the test has no result\n"
    until(lambda: not any(map(runs, started)))
    assert list(out.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def under_load(pid):
    """All descendants of this process, once the load generator is one of them."""
    try:
        below = psutil.Process(pid).children(recursive=True)
        commands = [" ".join(each.cmdline()) for each in below]
    except psutil.NoSuchProcess:  # the process has ended in the meantime
        return []
    if any("staging.generator" in command for command in commands):
        assert any("serve" in command for command in commands)
        return below
    return []


def runs(process):
    """A process that has ended stays as a zombie until its parent asks for its status."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(found, seconds=120):
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return result
