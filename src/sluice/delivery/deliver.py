"""A delivery becomes a pre-release on GitHub: delivered, not released."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sluice.delivery import delivery
from sluice.delivery.delivery import Delivery
from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.releases import Releases
from sluice.markdown import escape

# Below it stands what happened to the version.
_END = "<!-- history -->\n"


def run(repository: str | None, folder: Path, say: Callable[[str], None]) -> None:
    """Publish all of it or nothing that anyone could release.

    What is there already with the same files stays as it is. Other evidence for the same package,
    such as a comparison with the champion of today, takes the place of the older one.
    """
    made = delivery.read(folder)
    digest = delivery.sha256(folder / delivery.NAME)
    with Releases(access.find(repository)) as releases:
        there = releases.of_tag(made.tag)
        if there and _told(there) == {p.name: delivery.sha256(p) for p in folder.iterdir()}:
            say(f"{made.tag} is there already, with the same files: {there.html_url}")
            return
        _require_tag(releases, made)
        if there:
            _require_same_package(there, made)
        left = [one for one in releases.every() if one.draft and one.tag_name == made.tag]
        draft = releases.create(
            {
                "tag_name": made.tag,
                "target_commitish": made.commit,
                "name": made.title,
                "body": _notes(made, digest) + _history([there] if there else left),
                "draft": True,
                "prerelease": True,
            }
        )
        for one in left:
            releases.delete(one)  # left by a run that did not come to its end
        for path in sorted(folder.iterdir()):
            releases.put(draft, path)
        if _state(releases.of_tag(made.tag)) != _state(there):
            releases.delete(draft)
            raise SluiceError(
                f"{made.tag} was changed meanwhile: nothing is published, and what is there stays; "
                "look at the releases, and start again"
            )
        if there:
            releases.delete(there)
        done = releases.update(draft, {"draft": False, "prerelease": True, "make_latest": "false"})
    say(f"pre-release: {done.html_url}, delivery.json sha256 {digest}")


def _told(there: responses.Release) -> dict[str, str]:
    return {asset.name: (asset.digest or "").removeprefix("sha256:") for asset in there.assets}


def _require_same_package(there: responses.Release, made: Delivery) -> None:
    if not there.prerelease:
        raise SluiceError(f"{made.tag} is a full release: it is not delivered again")
    if _told(there).get(made.package) != made.files[made.package]:
        raise SluiceError(
            f"{made.tag} is there already, with another package: one version has one package; "
            f"look at {there.html_url}"
        )
    if there.immutable:
        raise SluiceError(
            f"{made.tag} is immutable, and GitHub never gives its tag to another release: it stays "
            "as it is. For other evidence deliver another commit, which is another version"
        )


def _state(there: responses.Release | None) -> tuple[int, bool, str | None] | None:
    """What must not change while its successor is uploaded."""
    return (there.id, there.prerelease, there.body) if there else None


def _history(earlier: list[responses.Release]) -> str:
    """What happened to the version, such as a rollback, stays in its notes."""
    said = ((one.body or "").partition(_END)[2] for one in earlier)
    return next(filter(None, said), "")


def _require_tag(releases: Releases, made: Delivery) -> None:
    tagged = releases.commit_of(made.tag)
    if tagged not in (None, made.commit):
        raise SluiceError(
            f"the tag {made.tag} is there and points to {tagged}, not to {made.commit}: "
            "who made it? Delete it by hand"
        )


def _notes(made: Delivery, digest: str) -> str:
    return (
        f"Delivered, not released: every gate and the test environment let {escape(made.title)} "
        "through. The workflow *Release* asks its reviewers before it goes to production.\n\n"
        f"| | |\n| --- | --- |\n| commit | {made.commit} |\n"
        f"| package, sha256 | `{made.files[made.package]}` |\n| image | `{made.image}` |\n"
        f"| delivery.json, sha256 | `{digest}` |\n\n{_END}"
    )
