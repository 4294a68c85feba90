"""Which changed files decide how a candidate is judged, and so need a code owner's approval."""

from __future__ import annotations

from collections.abc import Iterable

USECASE = "/src/usecase/"
# All other files influence what the gates see, or whether they run. CODEOWNERS has the same list.
UNOWNED = (USECASE, "/tests/usecase/", "/docs/", "/README.md", "/dvc.lock", "/judged.jsonl")


def deciding(paths: Iterable[str], *, settings_changed: bool) -> tuple[str, ...]:
    """The paths that need a code owner.

    params.yaml is left out unless `settings_changed`: a changed list of candidates needs none.
    """
    unowned = UNOWNED if settings_changed else (*UNOWNED, "/params.yaml")
    return tuple(path for path in sorted(set(paths)) if not _is_in(path, unowned))


def of_usecase(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths of the use case, whose code runs confined and needs no code owner."""
    return tuple(path for path in sorted(set(paths)) if _is_in(path, (USECASE,)))


def _is_in(path: str, places: tuple[str, ...]) -> bool:
    """Whether a path is in one of the folders, which end with a slash, or one of the files."""
    rooted = f"/{path}"
    return rooted in places or rooted.startswith(tuple(p for p in places if p.endswith("/")))
