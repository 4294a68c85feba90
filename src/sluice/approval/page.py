"""The page that an approver reads: everything that the decision hangs on."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.approval.commits import Way
from sluice.delivery.fetch import Fetched
from sluice.github.api import responses
from sluice.markdown import EMPTY, escape
from sluice.report import markdown, record, wording
from sluice.staging import results
from sluice.verdict import Verdict

# Of the commits, so many are shown, and so many at first sight.
_COMMITS, _UNFOLDED = 50, 12
_MARKS = {"pass": "✅", "accepted": "⚠️", "insufficient": "❌", "fail": "❌"}


@dataclass(frozen=True)
class Serving:
    """The latest full release. fetched: None where it cannot be read; `unread` then says why."""

    release: responses.Release
    fetched: Fetched | None
    unread: str = ""


@dataclass
class Case:
    """asked: what is to be approved, in one line. back: whether it is a way back.

    way: from what serves to what is asked for, where GitHub can compare them.
    """

    asked: str
    fetched: Fetched | None = None
    serves: Serving | None = None
    way: Way | None = None
    back: bool = False


def page(case: Case, said: Verdict) -> str:
    """GitHub's Markdown."""
    mark = "🔎" if said.passes else "❌"
    text = f"# {mark} {escape(case.asked, 700)}\n\n"
    if not said.passes or case.fetched is None:
        return f"{text}Preflight refuses; nobody is asked to approve.\n\n{_findings(said)}"
    folder = case.fetched.folder
    return "".join(
        [
            text,
            "Read this page, then *Review deployments* above. What is approved is the digest of ",
            "`delivery.json` below: it names every file and the image by their digests, and they ",
            "are verified again after the approval.\n\n",
            _changes(case),
            markdown.render(record.read(folder / "report.json")),
            "\n",
            results.markdown(results.read(folder)),
            "\n",
            _beside(case.fetched, case.serves),
            "\n## Preflight\n\n",
            _findings(said),
            _digests(case.fetched),
        ]
    )


def _findings(said: Verdict) -> str:
    lines = [
        f"- {_MARKS[wording.standing(f)]} **{escape(f.name)}**: {escape(f.why, 2_000)}"
        for f in said.findings
    ]
    return "\n".join(lines) + "\n"


def _beside(fetched: Fetched, serves: Serving | None) -> str:
    head = "## Digests\n\n| | this version | the champion |\n| --- | --- | --- |\n"
    if serves and serves.fetched:
        theirs = _identity(serves.fetched)
    else:
        theirs = [escape(serves.unread, 600) if serves else "none yet"] + [EMPTY] * 4
    names = ["version", "commit", "package, sha256", "image", "delivery.json, sha256"]
    rows = zip(names, _identity(fetched), theirs, strict=True)
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _identity(fetched: Fetched) -> list[str]:
    made = fetched.delivery
    said = [made.commit, made.files[made.package], made.image, fetched.digest]
    return [escape(made.version), *(f"`{digest}`" for digest in said)]


def _changes(case: Case) -> str:
    title = "What would be taken back" if case.back else "What changed since the champion"
    if case.serves is None:
        said = "There is no champion: this would be the first release."
    elif case.way is None:
        said = "GitHub cannot compare the two commits: ask who rewrote history, or took a tag away."
    else:
        said = _between(case.way, back=case.back)
    return f"## {title}\n\n{said}\n\n"


def _between(way: Way, *, back: bool) -> str:
    come, go = way.come, way.back
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


def _digests(fetched: Fetched) -> str:
    lines = [f"| {escape(n)} | `{sha}` |" for n, sha in sorted(fetched.delivery.files.items())]
    head = "\n<details><summary>Every file by its sha256</summary>\n\n| file | sha256 |\n"
    return f"{head}| --- | --- |\n" + "\n".join(lines) + "\n\n</details>\n"
