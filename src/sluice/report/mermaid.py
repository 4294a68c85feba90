"""Bar and line charts in Mermaid's language, which GitHub draws inside Markdown."""

from __future__ import annotations

import re

from markupsafe import Markup

_LONGEST_LABEL = 18
_COLOURS = '{"themeVariables": {"xyChart": {"plotColorPalette": "#2b6ca3, #d98324"}}}'


def bars(title: str, labels: list[str], values: list[float]) -> Markup:
    """Horizontal bars, one for each label."""
    return _chart("xychart-beta horizontal", title, labels, [("bar", values)])


def lines(title: str, labels: list[str], *series: list[float]) -> Markup:
    """One line for each series, with a value for each label."""
    return _chart("xychart-beta", title, labels, [("line", values) for values in series])


def _chart(
    kind: str, title: str, labels: list[str], series: list[tuple[str, list[float]]]
) -> Markup:
    """Mermaid does not read exponents, so every number is written with two decimals."""
    highest = max(1.0, *(value for _, values in series for value in values))
    text = [
        "```mermaid",
        f"%%{{init: {_COLOURS}}}%%",
        kind,
        f'    title "{title}"',
        f"    x-axis [{', '.join(_distinct(labels))}]",
        f"    y-axis 0 --> {highest:.2f}",
        *(f"    {name} [{', '.join(f'{v:.2f}' for v in values)}]" for name, values in series),
        "```",
    ]
    return Markup("\n".join(text))  # noqa: S704 - labels hold letters, digits and " .=-" only


def _distinct(names: list[str]) -> list[str]:
    """Quoted labels, made unique, because Mermaid draws equal ones on top of each other."""
    made: list[str] = []
    for name in names:
        plain = " ".join(re.sub(r"[^\w .=-]", " ", name).split()) or "?"
        label, copies = _shorten(plain, _LONGEST_LABEL), 1
        while label in made:
            copies += 1
            label = f"{_shorten(plain, _LONGEST_LABEL - 3)} {copies}"
        made.append(label)
    return [f'"{label}"' for label in made]


def _shorten(text: str, most: int) -> str:
    """Cut out the middle, because names often differ only at their ends."""
    half = (most - 2) // 2
    return text if len(text) <= most else f"{text[:half]}..{text[-half:]}"
