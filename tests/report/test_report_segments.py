"""The report names the worst segments, and those that the model for all rows serves."""

from __future__ import annotations

import msgspec

from sluice.check.segments_summary import summary
from sluice.report import markdown
from sluice.report.evidence import SegmentResults
from sluice.report.html import render
from sluice.report.record import Report
from sluice.segment_gains import SegmentGain


def results() -> SegmentResults:
    rows = {f"s{n:03}": 20 for n in range(100)} | {"<b>worst</b>": 20, "flipped": 20, "thin": 1}
    own = set(rows) - {"flipped", "thin", *(f"s{n:03}" for n in range(40))}
    judged = [SegmentGain(name, 20, "pass", 0.1, 0.01, 0.0) for name in sorted(own)]
    judged[0] = SegmentGain("<b>worst</b>", 20, "insufficient", -0.2, 0.3, 0.4)
    tried = [SegmentGain(name, 20, "pass") for name in own]
    tried += [SegmentGain("flipped", 20, "fail")]
    tried += [SegmentGain(f"s{n:03}", 20, "insufficient") for n in range(40)]
    found = summary("store", rows, own, tried=tried, judged=judged, least=100)
    return msgspec.convert(found, SegmentResults)


def test_the_summary_counts_all_segments_and_names_a_few() -> None:
    found = results()
    assert (found.segments, found.own, sum(found.gains.segments)) == (103, 61, 61)
    assert found.worst[0].name == "<b>worst</b>"
    assert len(found.worst) == 15
    others = {other.reason: (other.segments, other.largest[0]) for other in found.others}
    assert others == {
        "the validation part shows that its own model is worse": (1, "flipped"),
        "the validation part does not show that its own model is better": (40, "s000"),
        "there are fewer than 100 training rows, or no row of one of the classes": (1, "thin"),
    }


def test_the_page_shows_a_table_a_picture_and_reasons() -> None:
    report = Report("toy", True, "All gates pass.", (), task="binary", segments=results())
    page = render(report)
    assert "61 of 103 segments of store in the holdout use their own model" in page
    assert "&lt;b&gt;worst&lt;/b&gt;" in page
    assert "<b>worst</b>" not in page
    assert "Gains of 61 segments from their own models" in page
    assert "40 segments, because the validation part does not show" in page
    assert "s019 and 20 more" in page


def test_a_report_without_segments_has_no_such_section() -> None:
    assert 'id="segments"' not in render(Report("toy", True, "All gates pass.", ()))


def test_the_comment_shows_the_worst_segments_and_the_share_of_the_global_model() -> None:
    report = Report("toy", True, "All gates pass.", (), task="binary", segments=results())
    text = markdown.render(report)
    assert "Of 103 segments of store in the holdout, 61 use their own model" in text
    assert "serves the others (40.8%)" in text
    assert "worst&#60;/b&#62; | 20 | \u22120.2 | 0.3 | 0.4 |" in text
    assert "<b>" not in text
    assert "is better: s000, s001, s002, s003, s004, s005 and 34 more" in text
    assert "Segments" not in markdown.render(Report("toy", True, "All gates pass.", ()))
