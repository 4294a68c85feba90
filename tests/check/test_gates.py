"""The function that runs a gate always writes a verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import gates
from sluice.check.run import run
from sluice.config import Acceptance
from sluice.errors import SluiceError
from sluice.gates import GATES
from sluice.project import Project
from sluice.verdict import Finding, Status, Verdict

FAIL, SHORT, PASS = (
    Finding(f"it/{status.value}", status, "because")
    for status in (Status.FAIL, Status.INSUFFICIENT, Status.PASS)
)
ACCEPTED = (
    Acceptance(finding=SHORT.name, reason="agreed in the review"),
    Acceptance(finding=FAIL.name, reason="agreed in the review"),
)


def raises(error: BaseException) -> Callable[[], list[Finding]]:
    def measure() -> list[Finding]:
        raise error

    return measure


def test_the_verdict_is_returned_and_written() -> None:
    written: list[Verdict] = []
    ran = gates.run("it", lambda: [PASS, FAIL], written.append)
    assert written == [ran.verdict]
    assert (ran.verdict.status, ran.error) == (Status.FAIL, None)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (SluiceError("the file is\nmissing"), "the file is missing"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ValueError("odd\x0bnumber"), "ValueError: odd number"),
        (RecursionError(), "RecursionError: "),
    ],
)
def test_an_error_becomes_a_finding_of_one_line(error: Exception, why: str) -> None:
    written: list[Verdict] = []
    ran = gates.run("it", raises(error), written.append)
    assert written == [ran.verdict]
    assert ran.error is error
    assert not ran.verdict.passes
    assert ran.verdict.findings == (Finding("it/ran", Status.INSUFFICIENT, why),)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupted_gate_has_no_verdict(stop: BaseException) -> None:
    written: list[Verdict] = []
    with pytest.raises(type(stop)):
        gates.run("it", raises(stop), written.append)
    assert not written


@given(st.lists(st.sampled_from(["a", "b", "c", "A", "a "]), max_size=5))
def test_no_two_findings_of_a_verdict_share_a_name(names: list[str]) -> None:
    """An acceptance refers to a finding by name, so it would also accept another finding of that
    name.
    """
    measured = [Finding(name, Status.INSUFFICIENT, "because") for name in names]
    accepts = [Acceptance(finding=name, reason="agreed in the review") for name in "abc"]
    verdict = gates.run("it", lambda: measured, lambda _: None, lambda: accepts).verdict
    found = [finding.name for finding in verdict.findings]
    if len(names) == len(set(names)):
        assert sorted(found) == sorted(names)
    else:
        assert (found, verdict.passes) == (["it/ran"], False)
        assert verdict.why.startswith("it/ran: two findings are named '")


def test_unreadable_acceptances_do_not_pass() -> None:
    def unreadable() -> list[Acceptance]:
        raise SluiceError("params.yaml is not YAML")

    ran = gates.run("it", lambda: [PASS], lambda _: None, unreadable)
    assert not ran.verdict.passes
    assert ran.verdict.why == "it/ran: params.yaml is not YAML"


def test_only_an_insufficient_finding_can_be_accepted() -> None:
    ran = gates.run("it", lambda: [SHORT], lambda _: None, lambda: ACCEPTED)
    assert ran.verdict.passes
    assert ran.verdict.findings[0].accepted == "agreed in the review"
    ran = gates.run("it", lambda: [SHORT, FAIL], lambda _: None, lambda: ACCEPTED)
    assert (ran.verdict.passes, ran.verdict.status) == (False, Status.FAIL)
    assert ran.verdict.findings[0].accepted is None


def test_an_error_cannot_be_accepted() -> None:
    """params.yaml must not be able to accept that a gate did not run."""
    accepts = [Acceptance(finding="it/ran", reason="agreed in the review")]
    ran = gates.run("it", raises(SluiceError("broken")), lambda _: None, lambda: accepts)
    assert not ran.verdict.passes


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_has_a_module_of_its_name(gate: str, tmp_path: Path) -> None:
    """In an empty project each gate stops, says why, and leaves a verdict that does not pass."""
    project = Project(tmp_path)
    with pytest.raises(SluiceError, match="is missing") as stopped:
        run(project, gate)
    verdict = gates.read(project, gate)
    assert not verdict.passes
    assert verdict.why == f"{gate}/ran: {stopped.value}"


def test_a_gate_without_a_verdict_does_not_pass(tmp_path: Path) -> None:
    verdicts = gates.collect(Project(tmp_path))
    assert [verdict.gate for verdict in verdicts] == list(GATES)
    assert not any(verdict.passes for verdict in verdicts)
    assert {verdict.why for verdict in verdicts} == {
        "The gate did not run, because an earlier step stopped."
    }


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "not a verdict"),
        (b"\xff", "not a verdict"),
        (
            b'{"gate":"parity","status":"pass","why":"All good.","findings":[]}',
            "it was edited by hand",
        ),
    ],
)
def test_a_verdict_file_that_is_damaged_or_edited(tmp_path: Path, content: bytes, why: str) -> None:
    project = Project(tmp_path)
    path = project.verdict("parity")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    verdict = gates.read(project, "parity")
    assert verdict.status is Status.FAIL
    assert why in verdict.why


def test_the_verdict_of_another_gate(tmp_path: Path) -> None:
    project = Project(tmp_path)
    Verdict.of("fairness", [PASS]).write(project.verdict("parity"))
    verdict = gates.read(project, "parity")
    assert verdict.status is Status.FAIL
    assert "has the verdict of 'fairness', expected 'parity'" in verdict.why


def test_a_verdict_may_be_worded_by_another_version() -> None:
    """A package of an earlier version stays readable, and its sentence is regenerated."""
    worded = msgspec.json.encode(Verdict("it", Status.PASS, "Nobody concludes this.", (PASS,)))
    assert Verdict.read(worded, "it") == Verdict.of("it", [PASS])


@pytest.mark.parametrize(
    "edited",
    [
        Verdict("it", Status.PASS, "All is well.", (FAIL,)),
        Verdict("it", Status.PASS, "All is well.", (SHORT,)),
        Verdict("it", Status.FAIL, "It failed.", (PASS, FAIL)),
    ],
)
def test_a_verdict_whose_status_or_order_was_edited_is_refused(edited: Verdict) -> None:
    with pytest.raises(SluiceError, match="it was edited by hand"):
        Verdict.read(msgspec.json.encode(edited), "it")
