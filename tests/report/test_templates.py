"""Markdown templates escape every text; a template that would not is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import TemplateError
from markupsafe import Markup

import sluice
from sluice import templates
from support.reports import HOSTILE

ACTIVE = ("<script", "@everyone", "](http", "://", "www.", "`c`", "**b**", " #12", "$z", "\u202e")


@pytest.mark.parametrize(
    "source",
    [
        "- {{ text }}",
        "- {{ text|clip(400) }}",
        "{% macro row(cell) %}| {{ cell }} |{% endmacro %}{{ row(text) }}",
        "{% macro box() %}{{ caller() }}{% endmacro %}{% call box() %}{{ text }}{% endcall %}",
        "{% for name, value in {text: text}|items %}- {{ name }}: {{ value }}{% endfor %}",
        "- {{ [text] }}",
        "- {{ text if text else trusted }}",
    ],
)
def test_every_text_is_escaped(source: str) -> None:
    environment = templates.markdown("sluice.report")
    made = environment.from_string(source).render(text=HOSTILE, trusted=Markup("<br>"))
    assert not [active for active in ACTIVE if active in made]


@pytest.mark.parametrize(
    "source",
    [
        "{{ trusted ~ text }}",
        "{{ trusted + text }}",
        "{{ trusted % text }}",
        "{{ [trusted, text]|join }}",
        "{{ text|safe }}",
        "{{ text|replace('a', 'b') }}",
        "{% autoescape false %}{{ text }}{% endautoescape %}",
        "{{ unknown }}",
    ],
)
def test_a_template_that_could_leave_a_text_unescaped_is_refused(source: str) -> None:
    environment = templates.markdown("sluice.report")
    with pytest.raises(TemplateError):
        environment.from_string(source).render(text=HOSTILE, trusted=Markup("%s"))


@pytest.mark.parametrize("source", ["{{ missing }}", "{{ text|markup }}"])
def test_text_where_markup_is_expected_and_no_text_at_all_are_errors(source: str) -> None:
    with pytest.raises(TypeError):
        templates.markdown("sluice.report").from_string(source).render(text="a", missing=None)


def test_no_line_of_a_template_begins_with_text() -> None:
    found = sorted(Path(sluice.__file__).parent.rglob("*.md.j2"))
    assert found
    for path in found:
        begun = re.findall(r"^[ \t]*\{\{.*", path.read_text("utf-8"), re.MULTILINE)
        text = [line for line in begun if not re.match(r"\{\{-? (\w+\(|[\w.]+\|markup )", line)]
        assert not text, path.name
