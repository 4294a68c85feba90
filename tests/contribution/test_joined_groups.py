"""If a branch merges groups of people, fewer are compared, and the report lists that as looser."""

from __future__ import annotations

from sluice.config import validate
from sluice.contribution.compare import compare
from support.contribution import every_setting


def test_columns_that_become_one_attribute_are_looser() -> None:
    before, after = every_setting(), every_setting()
    for settings in (before, after):
        settings["data"]["sensitive"] |= {"side": {}, "colour": {}}
    after["data"]["attributes"] = {"who": {"side": "left", "colour": "red"}}
    for settings in (before, after):
        validate(settings, "here")
    changed = compare("main", before, after, ["params.yaml"]).settings
    assert [each.kind for each in changed] == ["looser", "looser"]
    assert all(each.key.startswith("data.attributes.who.") for each in changed)
