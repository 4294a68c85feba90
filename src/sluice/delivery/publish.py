"""`sluice delivery publish`: make a delivery a pre-release on GitHub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sluice import files
from sluice.delivery import contents, notes
from sluice.delivery.record import NAME, Delivery
from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.releases import Releases


def run(repository: str | None, folder: Path, say: Callable[[str], None]) -> None:
    """Publish the delivery in `folder` as a pre-release, with all of its files.

    A pre-release with the same files is left unchanged. One with the same package but other
    evidence, such as a comparison with a newer champion, is replaced. Raises SluiceError for
    anything else; whatever was uploaded before a failure remains a draft, which cannot be released.
    """
    delivery = contents.read(folder)
    digest = files.sha256_of_file(folder / NAME)
    with Releases(access.find(repository)) as releases:
        existing = releases.of_tag(delivery.tag)
        if existing and _digests(existing) == {
            path.name: files.sha256_of_file(path) for path in folder.iterdir()
        }:
            say(f"{delivery.tag} already exists with the same files: {existing.html_url}")
            return
        _require_tag(releases, delivery)
        if existing:
            _require_replaceable(existing, delivery)
        # Left by a run that did not complete.
        drafts = [one for one in releases.every() if one.draft and one.tag_name == delivery.tag]
        draft = releases.create(
            {
                "tag_name": delivery.tag,
                "target_commitish": delivery.commit,
                "name": delivery.title,
                "body": notes.render(
                    delivery, digest, _history([existing] if existing else drafts)
                ),
                "draft": True,
                "prerelease": True,
            }
        )
        for one in drafts:
            releases.delete(one)
        for path in sorted(folder.iterdir()):
            releases.put(draft, path)
        if _state(releases.of_tag(delivery.tag)) != _state(existing):
            releases.delete(draft)
            raise SluiceError(
                f"{delivery.tag} was changed by someone else during the upload, so it was left as "
                "it is and nothing was published; look at the releases, and run this again"
            )
        if existing:
            releases.delete(existing)
        done = releases.update(draft, {"draft": False, "prerelease": True, "make_latest": "false"})
    say(f"pre-release: {done.html_url}, sha256 of {NAME}: {digest}")


def _digests(release: responses.Release) -> dict[str, str]:
    return {asset.name: (asset.digest or "").removeprefix("sha256:") for asset in release.assets}


def _require_replaceable(existing: responses.Release, delivery: Delivery) -> None:
    if not existing.prerelease:
        raise SluiceError(
            f"{delivery.tag} is a full release, which is never replaced; deliver another commit"
        )
    if _digests(existing).get(delivery.package) != delivery.files[delivery.package]:
        raise SluiceError(
            f"{delivery.tag} already exists with another package, but a version has only one "
            f"package; look at {existing.html_url}, and delete it if it is wrong"
        )
    if existing.immutable:
        raise SluiceError(
            f"{delivery.tag} is an immutable release, and GitHub allows no other release with its "
            "tag, so its evidence cannot be replaced; deliver another commit"
        )


def _state(release: responses.Release | None) -> tuple[int, bool, str | None] | None:
    """What must not change while the release that replaces this one is uploaded."""
    return (release.id, release.prerelease, release.body) if release else None


def _history(earlier: list[responses.Release]) -> str:
    """The first history found in these notes, such as that of a rollback."""
    histories = (notes.history(one.body or "") for one in earlier)
    return next(filter(None, histories), "")


def _require_tag(releases: Releases, delivery: Delivery) -> None:
    tagged = releases.commit_of(delivery.tag)
    if tagged not in (None, delivery.commit):
        raise SluiceError(
            f"the tag {delivery.tag} exists and points to {tagged} instead of {delivery.commit}: "
            "find out who made it. The ruleset 'releases' prevents its deletion, so merge another "
            "commit, whose version has another tag. To deliver this one, an administrator must "
            "disable that ruleset, delete the tag, enable the ruleset, and run this again"
        )
