"""The page that the approver reads: everything that matters for the decision."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.approval.commits import Commits
from sluice.delivery.download import Downloaded
from sluice.github.api import responses
from sluice.report import facts, markdown, wording
from sluice.report.markdown import escape
from sluice.staging import page as staging
from sluice.staging import results
from sluice.verdict import Verdict

# Of the commits, so many are shown, and so many at first sight.
_COMMITS, _UNFOLDED = 50, 12
_MARKS = {"pass": "✅", "accepted": "⚠️", "insufficient": "❌", "fail": "❌"}


@dataclass(frozen=True)
class Champion:
    """delivery: None if it cannot be read, and then `unreadable` says why."""

    release: responses.Release
    delivery: Downloaded | None
    unreadable: str = ""


@dataclass
class Request:
    """What the approver is asked, and what preflight found out for the answer.

    why: the reason for a rollback; None for a release. target: the delivery of the version; None
    if it cannot be verified. commits: between champion and target; None if GitHub cannot compare
    them.
    """

    version: str
    why: str | None = None
    target: Downloaded | None = None
    champion: Champion | None = None
    commits: Commits | None = None

    @property
    def rollback(self) -> bool:
        return self.why is not None

    @property
    def question(self) -> str:
        if self.why is None:
            return f"Release {self.version} to production?"
        return f"Roll production back to {self.version}? {self.why}"


def render(case: Request, verdict: Verdict) -> str:
    """GitHub's Markdown."""
    mark = "🔎" if verdict.passes else "❌"
    text = f"# {mark} {escape(case.question, 700)}\n\n"
    if not verdict.passes or case.target is None:
        return f"{text}Preflight refuses; nobody is asked to approve.\n\n{_findings(verdict)}"
    folder = case.target.folder
    return "".join(
        [
            text,
            "Read this page, then *Review deployments* above. What is approved is the digest of ",
            "`delivery.json` below: it names every file and the image by their digests, and they ",
            "are verified again after the approval.\n\n",
            _changes(case),
            markdown.render(record.read(folder / "report.json")),
            "\n",
            staging.render(results.read(folder)),
            "\n",
            _beside(case.target, case.champion),
            "\n## Preflight\n\n",
            _findings(verdict),
            _digests(case.target),
        ]
    )


def _findings(said: Verdict) -> str:
    lines = [
        f"- {_MARKS[wording.standing(f)]} **{escape(f.name)}**: {escape(f.why, 2_000)}"
        for f in said.findings
    ]
    return "\n".join(lines) + "\n"


def _beside(fetched: Downloaded, serves: Champion | None) -> str:
    head = "## Digests\n\n| | this version | the champion |\n| --- | --- | --- |\n"
    if serves and serves.delivery:
        theirs = _identity(serves.delivery)
    else:
        theirs = [escape(serves.unreadable, 600) if serves else "none yet"] + [wording.NONE] * 4
    names = ["version", "commit", "package, sha256", "image", "delivery.json, sha256"]
    rows = zip(names, _identity(fetched), theirs, strict=True)
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _identity(fetched: Downloaded) -> list[str]:
    made = fetched.delivery
    said = [made.commit, made.files[made.package], made.image, fetched.digest]
    return [escape(made.version), *(f"`{digest}`" for digest in said)]


def _changes(case: Request) -> str:
    title = "What would be taken back" if case.rollback else "What changed since the champion"
    if case.champion is None:
        said = "There is no champion: this would be the first release."
    elif case.commits is None:
        said = "GitHub cannot compare the two commits: ask who rewrote history, or took a tag away."
    else:
        said = _between(case.commits, back=case.rollback)
    return f"## {title}\n\n{said}\n\n"


def _between(way: Commits, *, back: bool) -> str:
    come, go = way.added, way.removed
    match come.status:
        case "identical":
            return "Nothing: both were built from the same commit."
        case "ahead":
            return _listed(come)
        case "behind":
            older = f"This version is older than the champion: {_count(go)} would be taken back"
            return ("" if back else f"**{older}**\n\n") + _listed(go)
        case "diverged":
            return (
                "**Neither version holds all that is in the other: "
                f"{_count(come)} would come, {_count(go)} would be taken back**\n\n"
                f"Would come:\n\n{_listed(come)}\n\nWould be taken back:\n\n{_listed(go)}"
            )


def _count(changes: responses.Changes) -> str:
    n = changes.total_commits
    return f"{n:,} commit{'' if n == 1 else 's'}"


def _listed(changes: responses.Changes) -> str:
    """The newest first."""
    shown = changes.commits[-_COMMITS:]
    lines = [
        f"- {escape((one.commit.message.splitlines() or [''])[0], 200)} (`{one.sha[:7]}`)"
        for one in reversed(shown)
    ]
    more = changes.total_commits - len(shown)
    lines += [f"- and {more:,} earlier"] if more > 0 else []
    first, rest = lines[:_UNFOLDED], lines[_UNFOLDED:]
    folded = ["", "<details><summary>Earlier commits</summary>", "", *rest, "", "</details>"]
    return "\n".join(first + (folded if rest else []))


def _digests(fetched: Downloaded) -> str:
    lines = [f"| {escape(n)} | `{sha}` |" for n, sha in sorted(fetched.delivery.files.items())]
    head = "\n<details><summary>Every file by its sha256</summary>\n\n| file | sha256 |\n"
    return f"{head}| --- | --- |\n" + "\n".join(lines) + "\n\n</details>\n"
