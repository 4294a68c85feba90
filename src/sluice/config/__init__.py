"""The settings of a project: what params.yaml may say, and how it is read and checked."""

from sluice.config.data import Column, Groups
from sluice.config.monitor import Monitor, Retraining
from sluice.config.reading import load, validate
from sluice.config.rollout import Rollout
from sluice.config.section import Range, Scalar, check_key
from sluice.config.settings import Settings
from sluice.config.stages import (
    INDEPENDENT,
    OF_PAIRS,
    Acceptance,
    Candidate,
    Load,
    LoadBounds,
    Split,
)

__all__ = [
    "INDEPENDENT",
    "OF_PAIRS",
    "Acceptance",
    "Candidate",
    "Column",
    "Groups",
    "Load",
    "LoadBounds",
    "Monitor",
    "Range",
    "Retraining",
    "Rollout",
    "Scalar",
    "Settings",
    "Split",
    "check_key",
    "load",
    "validate",
]
