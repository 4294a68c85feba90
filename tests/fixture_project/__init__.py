"""The machinery's own project: no test of the machinery hangs on what a forker brings."""

from fixture_project.build import bare, green
from fixture_project.data import table
from fixture_project.params import params
from fixture_project.toy import Ran, Toy

__all__ = ["Ran", "Toy", "bare", "green", "params", "table"]
