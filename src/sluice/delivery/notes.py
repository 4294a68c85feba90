"""The notes of a pre-release: what was delivered, and what has happened to it since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.delivery.record import NAME, Delivery

if TYPE_CHECKING:
    from markupsafe import Markup

# Below this line, the notes say what happened to the version after its delivery.
_HISTORY = "<!-- history -->\n"


def render(delivery: Delivery, digest: str, history: str) -> str:
    """GitHub's Markdown. digest: the sha256 of delivery.json. history: taken from earlier notes."""
    from sluice import templates

    template = templates.markdown("sluice.delivery").get_template("notes.md.j2")
    return template.render(delivery=delivery, rows=identity(delivery, digest)) + _HISTORY + history


def identity(delivery: Delivery, digest: str) -> list[tuple[str, Markup]]:
    """What identifies a delivery, by name: its commit and digests, as Markdown code."""
    return [
        ("commit", _code(delivery.commit)),
        ("package, sha256", _code(delivery.files[delivery.package])),
        ("image", _code(delivery.image)),
        (f"{NAME}, sha256", _code(digest)),
    ]


def history(notes: str) -> str:
    """The part of the notes that says what happened after the delivery; may be empty."""
    return notes.partition(_HISTORY)[2]


def _code(text: str) -> Markup:
    """Format as code, without escaping: the record of a delivery has only harmless characters."""
    from markupsafe import Markup

    return Markup(f"`{text}`")  # noqa: S704
