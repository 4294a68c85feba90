"""The page that the approver reads shows what would be released, and what changed."""

from __future__ import annotations

import re
from typing import Any

from support.releases.repository import Repository

HOSTILE = [
    "@octocat approves",
    "<script>alert(1)</script>",
    "</details> <img src=x onerror=y>",
    "$(rm -rf /) `id` ${{ github.token }}",
    "a | b | c",
    "[here](http://example.org) ![x](https://example.org/x.png)",
    "first\n\n# All green\n- more",
    "first\r# All green",
    "closes #1 and GH-1, www.example.org",
    "\x1b[2J\u202egreen",
    "",
]


def commit(number: int, message: str) -> dict[str, Any]:
    return {"sha": f"{number:040x}", "commit": {"message": message}}


def test_the_page_shows_everything_that_matters_for_the_decision(released: Repository) -> None:
    released.github.commits = [commit(1, "Earlier"), commit(2, "Later\n\nwith more to say")]
    outputs, newer = released.root / "outputs", released.newer
    outputs.write_text("kept=yes\n", "utf-8")
    released.run_process(
        "approval", "preflight", newer.delivery.version, "--outputs", str(outputs)
    ).went_well()
    assert outputs.read_text("utf-8") == (
        f"kept=yes\ndigest={newer.digest}\nchampion={released.older.tag}\nenvironment=production\n"
    )
    assert not released.github.writes
    text = released.page
    assert text.startswith(f"# 🔎 Release {newer.delivery.version} to production?\n")
    for one in (released.older, newer):
        for said in (one.delivery.version, one.delivery.commit, one.delivery.image, one.digest):
            assert said in text
    for name, digest in newer.delivery.files.items():
        assert f"| {name} | `{digest}` |" in text
    base = f"sha256:{'b' * 64}"
    assert f"| the image's base | {base} | {base} |" in text
    assert "The candidate passes in the test environment" in text
    assert "### Metrics" in text
    assert "- Later (`0000000`)\n- Earlier (`0000000`)\n" in text
    assert "❌" not in text


def test_the_first_release(delivered: Repository) -> None:
    outputs = delivered.root / "outputs"
    given = ("approval", "preflight", delivered.older.tag, "--outputs", str(outputs))
    delivered.run(*given).went_well()
    said = f"digest={delivered.older.digest}\nchampion=none\nenvironment=production\n"
    assert outputs.read_text("utf-8") == said
    assert "There is no champion: this would be the first release." in delivered.page


def test_commits_that_cannot_be_compared(released: Repository) -> None:
    gone = (404, {"message": "Not Found"})
    released.github.interfere = lambda _, path, __: gone if "/compare/" in path else None
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "find out who rewrote the history" in released.page


def test_many_commits_are_counted(released: Repository) -> None:
    released.github.commits = [commit(n, f"Number {n}") for n in range(60)]
    released.run("approval", "preflight", released.newer.tag).went_well()
    seen, _, rest = released.page.partition("<details><summary>Earlier commits</summary>\n\n")
    folded = rest.partition("\n\n</details>\n\n## ")[0]
    assert re.findall(r"Number (\d+) ", seen) == [str(n) for n in range(59, 47, -1)]
    assert re.findall(r"Number (\d+) ", folded) == [str(n) for n in range(47, 9, -1)]
    assert folded.endswith("\n- and 10 earlier")


def test_more_commits_than_one_answer_holds(released: Repository) -> None:
    released.github.commits = [commit(n, f"Number {n}") for n in range(300)]
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "champion\n\n- Number 299 (" in released.page
    assert "- Number 250 (" in released.page
    assert "Number 249 (" not in released.page
    assert "- and 250 earlier\n" in released.page


def test_a_version_that_is_older_than_the_champion(released: Repository) -> None:
    released.github.commits = [commit(1, "What would go"), commit(2, "And this")]
    released.github.releases.reverse()
    released.run("approval", "preflight", released.newer.tag).went_well()
    said = "**This version is older than the champion: 2 commits would be rolled back**"
    assert f"{said}\n\n- And this (`0000000`)\n- What would go (`0000000`)\n" in released.page


def test_a_version_that_lacks_some_of_the_champion(released: Repository) -> None:
    released.github.commits = [commit(1, "What would come")]
    released.github.astray = [commit(2, "What would go"), commit(3, "And this")]
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "1 commit would be added, 2 commits would be rolled back**\n\n" in released.page
    assert "Would be added:\n\n- What would come (`0000000`)\n\n" in released.page
    assert "Would be rolled back:\n\n- And this (`0000000`)\n- What would go" in released.page


def test_a_version_of_the_commit_of_the_champion(released: Repository) -> None:
    released.github.interfere = lambda _, path, __: (
        (200, {"status": "identical", "total_commits": 0, "commits": []})
        if "/compare/" in path
        else None
    )
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "Nothing: both were built from the same commit." in released.page


def test_commit_messages_are_inert(released: Repository) -> None:
    released.run("approval", "preflight", released.newer.tag).went_well()
    plain = released.page
    released.github.commits = [commit(n, message) for n, message in enumerate(HOSTILE)]
    released.run("approval", "preflight", released.newer.tag).went_well()
    before, _, rest = released.page.partition("## What changed since the champion\n\n")
    section, _, after = rest.partition("\n\n")
    assert before == plain.partition("## What changed")[0]
    assert after in plain
    lines = section.split("\n")
    assert len(lines) == len(HOSTILE)
    for line in lines:
        said = re.fullmatch(r"- (.*) \(`0{7}`\)", line)
        assert said, line
        assert not re.search(r"[<>|`\[\]$\\\x1b\u202e]|@o|(?<!&)#\d|GH-|www\.|://", said[1]), line
