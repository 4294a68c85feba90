"""The page that an approver reads: everything that the decision hangs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.github import answers
from sluice.release.fetch import Fetched
from sluice.report import facts, markdown, wording
from sluice.report.markdown import escape
from sluice.rollout import results
from sluice.verdict import Verdict

_COMMITS = 50


@dataclass(frozen=True)
class Case:
    """asked: what is to be approved, in one line. back: whether it is a way back.

    changes: the commits that would come, or be taken back.
    """

    asked: str
    said: Verdict
    fetched: Fetched | None = None
    champion: Fetched | None = None
    changes: answers.Changes | None = None
    back: bool = False


def page(case: Case) -> str:
    """GitHub's Markdown."""
    mark = "🔎" if case.said.passes else "❌"
    text = f"# {mark} {escape(case.asked, 700)}\n\n"
    if not case.said.passes or case.fetched is None:
        return f"{text}Preflight refuses; nobody is asked to approve.\n\n{_findings(case.said)}"
    folder = case.fetched.folder
    return "".join(
        [
            text,
            "Read this page, then *Review deployments* above. What is approved is the digest of ",
            "`delivery.json` below: it names every file and the image by their digests, and they ",
            "are verified again after the approval.\n\n",
            _beside(case.fetched, case.champion),
            _changes(case),
            markdown.render(facts.read(folder / "report.json")),
            "\n",
            results.markdown(results.read(folder)),
            "\n## Preflight\n\n",
            _findings(case.said),
            _digests(case.fetched),
        ]
    )


def _findings(said: Verdict) -> str:
    lines = [
        f"- {'✅' if f.passes else '❌'} **{escape(f.name)}**: {escape(f.why, 2_000)}"
        for f in said.findings
    ]
    return "\n".join(lines) + "\n"


def _beside(fetched: Fetched, champion: Fetched | None) -> str:
    lines = ["| | this version | the champion |", "| --- | --- | --- |"]
    theirs = _identity(champion) if champion else ["none yet"] + [wording.NONE] * 4
    names = ["version", "commit", "package, sha256", "image", "delivery.json, sha256"]
    rows = zip(names, _identity(fetched), theirs, strict=True)
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _identity(fetched: Fetched) -> list[str]:
    made = fetched.delivery
    said = [made.commit, made.files[made.package], made.image, fetched.digest]
    return [escape(made.version), *(f"`{digest}`" for digest in said)]


def _changes(case: Case) -> str:
    title = "What would be taken back" if case.back else "What changed since the champion"
    if case.champion is None:
        said = "There is no champion: this would be the first release."
    elif case.changes is None:
        said = "GitHub cannot compare the two commits: ask who rewrote history."
    elif not case.changes.commits:
        said = "Nothing."
    else:
        lines = _subjects(case.changes.commits)
        more = case.changes.total_commits - len(lines)
        said = "\n".join([*lines, f"- and {more:,} earlier"] if more > 0 else lines)
    return f"\n## {title}\n\n{said}\n\n"


def _subjects(commits: Sequence[answers.ChangedCommit]) -> list[str]:
    return [
        f"- {escape((one.commit.message.splitlines() or [''])[0], 200)} (`{one.sha[:7]}`)"
        for one in reversed(commits[-_COMMITS:])
    ]


def _digests(fetched: Fetched) -> str:
    lines = [f"| {escape(n)} | `{sha}` |" for n, sha in sorted(fetched.delivery.files.items())]
    head = "\n<details><summary>Every file by its sha256</summary>\n\n| file | sha256 |\n"
    return f"{head}| --- | --- |\n" + "\n".join(lines) + "\n\n</details>\n"
