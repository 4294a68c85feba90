"""The machinery's own test project, so that its tests do not depend on a fork's data."""

from support.fixture_project.build import bare, green
from support.fixture_project.data import table
from support.fixture_project.params import params
from support.fixture_project.toy import Ran, Toy

__all__ = ["Ran", "Toy", "bare", "green", "params", "table"]
