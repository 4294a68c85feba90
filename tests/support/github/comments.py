"""Reports, artifacts and pull requests for tests of the comment."""

from __future__ import annotations

import io
import json
import warnings
import zipfile

from sluice.report import record
from sluice.report.record import Report
from sluice.verdict import Finding, Status, Verdict
from support.fixture_project import Ran
from support.github.fake_pulls import HEAD, RUN, pull, repository
from support.github.place import Place

MARKER = f"<!-- sluice: report run={RUN} attempt=1 -->\n"


def report(*, passes: bool = True, name: str = "toy", why: str = "as expected") -> Report:
    """A report with one gate and one finding."""
    status = Status.PASS if passes else Status.FAIL
    gate = Verdict.of("performance", [Finding("performance/recall", status, why)])
    return Report(name, passes, "All 1 gates pass." if passes else why, (gate,))


def packed(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip archive, in which a name may occur twice."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, written in files:
            archive.writestr(name, written, zipfile.ZIP_DEFLATED)
    return content.getvalue()


GOOD = record.encode(report())


def artifact(shown: Report | None = None, **changed: object) -> bytes:
    """The artifact of a run: a report, with fields of its JSON changed."""
    fields = {**json.loads(record.encode(shown or report())), **changed}
    return packed(
        ("report.json", json.dumps(fields).encode()),
        ("report.md", b"# Markdown of the artifact\n"),
        ("report.html", b"<script>"),
    )


def comment(place: Place, *, process: bool = False) -> Ran:
    """Run the command: its requests are documented, and it prints no token or signed address."""
    run = place.run_process if process else place.run
    ran = run("comment", "--run", str(RUN))
    assert not place.github.undocumented
    assert "s3cret" not in ran.said
    return ran


def body(place: Place) -> str:
    """The text of the only comment."""
    (only,) = place.github.comments
    text: str = only["body"]
    assert len(text) <= 65_536
    return text


def from_a_fork(place: Place) -> None:
    """Make the pull request come from a fork."""
    github = place.github
    github.pulls = [pull(whose="mona/shop", branch="main")]
    github.run |= {"head_branch": "main", "head_repository": repository("mona/shop")}
    own = github.contents.pop(("octo/shop", "params.yaml", HEAD))
    github.contents["mona/shop", "params.yaml", HEAD] = own
