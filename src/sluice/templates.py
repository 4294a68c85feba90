"""Jinja environments in which text from outside is always escaped.

`{{ … }}` escapes everything except the output of macros and `Markup` from Python, so a template
cannot forget it. Undefined names raise an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateAssertionError, nodes
from markupsafe import Markup

from sluice.markdown import escape
from sluice.text import printable

Filters = Mapping[str, Callable[..., object]]

# Jinja's own filters and operators escape only HTML, so Markdown would stay active.
_MARKDOWN_FILTERS = ("items", "length", "list")
_JOINING: tuple[type[nodes.Node], ...] = (
    nodes.Concat,
    nodes.Add,
    nodes.Mod,
    nodes.Mul,
    nodes.EvalContextModifier,
)


def html(package: str, filters: Filters | None = None) -> Environment:
    """A Python package's templates for HTML: text is escaped and only has printable characters."""
    return _prepared(Environment, package, _printable, filters)


def markdown(package: str, filters: Filters | None = None) -> Environment:
    """A Python package's templates for GitHub's Markdown: text is escaped by `markdown.escape`.

    `{{ text|clip(80) }}` limits the length, which is 300 characters otherwise. A line may begin
    with `{{` only for a macro's output or for `{{ made|markup }}`, which accepts only `Markup`: see
    `markdown.escape`.
    """
    environment = _prepared(_MarkdownEnvironment, package, _escaped, None)
    known = environment.filters
    environment.filters = {
        **{name: known[name] for name in _MARKDOWN_FILTERS},
        "markup": _markup,
        "clip": lambda text, most: Markup(escape(text, most)),  # noqa: S704 - escaped here
        **(filters or {}),
    }
    return environment


class _MarkdownEnvironment(Environment):
    """Refuses templates that join texts, because the parts would be escaped only for HTML."""

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        for kind in _JOINING:
            for found in source.find_all(kind):
                problem = "write one {{ … }} after the other instead of joining texts"
                raise TemplateAssertionError(problem, found.lineno, name, filename)
        return super()._generate(source, name, filename, defer_init)


def _prepared(
    kind: type[Environment],
    package: str,
    finalize: Callable[[object], object],
    filters: Filters | None,
) -> Environment:
    environment = kind(
        loader=PackageLoader(package, ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(filters or {})
    return environment


def _markup(value: object) -> Markup:
    if not isinstance(value, Markup):
        raise TypeError(f"expected Markup, found {type(value).__name__}")
    return value


def _printable(value: object) -> object:
    return printable(value) if type(value) is str else value


def _escaped(value: object) -> Markup:
    if value is None:
        raise TypeError("None has no text: the template must say what to show instead")
    return value if isinstance(value, Markup) else Markup(escape(str(value)))  # noqa: S704 - escaped here
