"""The Jinja templates of the YAML and Python files that `sluice adopt` writes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from sluice.config import Scalar

if TYPE_CHECKING:
    from jinja2 import Environment, Template

YamlValue = Scalar | Sequence["YamlValue"] | Mapping[str, "YamlValue"]

# Some YAML readers take these words for something other than text.
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def template(name: str) -> Template:
    """Return a template of the folder `templates`."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # The templates are YAML, Python and plain text: each value goes through the filter of its
    # language, and escaping for HTML would damage it.
    environment = Environment(
        loader=PackageLoader("sluice.adopt", "templates"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(yaml=yaml, python=repr)
    return environment


def yaml(value: YamlValue) -> str:
    """Return a value as one line of YAML that reads back as the same value and type."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{yaml(key)}: {yaml(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(yaml, value))}]"
    return _scalar(value)


def _scalar(value: Scalar) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str) and not _is_plain(value):
        value = DoubleQuotedScalarString(value)
    writer = YAML(pure=True)
    writer.width = 2**31
    writer.default_flow_style = True
    written = io.StringIO()
    writer.dump([value], written)  # in a list, because a scalar alone is followed by a marker
    text = written.getvalue().strip().removeprefix("[").removesuffix("]")
    # YAML 1.1 takes 1e-06 for text, but not 1.0e-06.
    exponent = isinstance(value, float) and "e" in text and "." not in text
    return text.replace("e", ".0e") if exponent else text


def _is_plain(text: str) -> bool:
    return text.isidentifier() and text.isascii() and text.lower() not in _RESERVED
