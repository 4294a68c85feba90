"""Make the README's pictures from real runs of the example: `make pictures`.

report.png is the first screen of the report. comment.png is the comment on a pull request that
lowers a bound of the performance gate. Both come from a clone of the last commit.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from markdown_it import MarkdownIt
from msgspec.structs import replace

from sluice.errors import SluiceError
from sluice.github.api.access import Access
from sluice.github.api.responses import Run
from sluice.github.comment import body
from sluice.github.comment.changes import Changes
from sluice.report import record

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
# What the contribution changes in params.yaml.
BOUND = ("recall: {low: 0.5}", "recall: {low: 0.4}")
MOST_BYTES = 300_000


def main() -> None:
    """Write both pictures."""
    if not _run("fc-list", ":charset=2705", cwd=HERE):
        raise SluiceError("no font has emoji: install one, such as fonts-noto-color-emoji")
    with TemporaryDirectory(prefix="sluice-") as folder:
        scratch, project = Path(folder), Path(folder) / "example"
        _run("git", "clone", "--quiet", str(CHECKOUT), str(project), cwd=scratch)
        _sluice(project, "run")
        _screenshot(project / "out/report/report.html", "report.png", (1100, 860), scratch)
        page = scratch / "comment.html"
        page.write_text(_comment_page(_contribute(project)), "utf-8")
        _screenshot(page, "comment.png", (950, 860), scratch)


def _contribute(project: Path) -> str:
    """Lower a bound, as a contribution does; returns the Markdown of its comment."""
    settings = project / "params.yaml"
    before = settings.read_text("utf-8")
    if BOUND[0] not in before:
        raise SluiceError(f"params.yaml has no {BOUND[0]!r}: change BOUND in {Path(__file__).name}")
    settings.write_text(before.replace(*BOUND), "utf-8")
    _sluice(project, "run", "--against", "HEAD")
    report = record.read(project / "out/report/report.json")
    if report.contribution is None:
        raise SluiceError("the report says nothing about the contribution: look at its run above")
    changes = Changes(replace(report.contribution, against="main"), [])
    commit = _run("git", "rev-parse", "HEAD", cwd=project).strip()
    run = Run(
        id=1,
        run_attempt=1,
        path=".github/workflows/ci.yml",
        head_sha=commit,
        event="pull_request",
        status="completed",
        conclusion="success",
    )
    return body.with_report(Access("octo", "shop", "", ""), run, report, changes, [])


def _comment_page(markdown: str) -> str:
    text = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    style = html.escape((HERE / "comment.css").read_text("utf-8"), quote=False)
    return (
        f"<!doctype html><meta charset='utf-8'><style>{style}</style><div class='comment'>"
        "<div class='author'><b>github-actions</b> <span class='bot'>bot</span> commented</div>"
        f"<div class='text'>{text}</div></div>"
    )


def _screenshot(page: Path, name: str, size: tuple[int, int], scratch: Path) -> None:
    """The upper part of a page, of `size` (width, height) in pixels."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        raise SluiceError("no Chromium is installed: run 'make tools'")
    target = HERE / name
    _run(
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={scratch / 'browser'}",
        f"--window-size={size[0]},{size[1]}",
        f"--screenshot={target}",
        page.as_uri(),
        cwd=scratch,
    )
    if target.stat().st_size > MOST_BYTES:
        raise SluiceError(f"{target} is larger than {MOST_BYTES:,} bytes: choose a smaller size")


def _sluice(project: Path, *arguments: str) -> None:
    _run(str(Path(sys.executable).parent / "sluice"), *arguments, cwd=project)


def _run(*command: str, cwd: Path) -> str:
    """Run a command and return what it prints; raises SluiceError with its errors if it fails."""
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SluiceError(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        main()
    except SluiceError as error:
        sys.exit(f"pictures: {error}")
