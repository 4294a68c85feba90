"""`params.yaml` as typed, validated settings."""

from sluice.config.data import Column, Groups
from sluice.config.reading import load, validate
from sluice.config.section import Range, Scalar, word
from sluice.config.settings import Settings
from sluice.config.stages import Acceptance, Load, LoadBounds, Split

__all__ = [
    "Acceptance",
    "Column",
    "Groups",
    "Load",
    "LoadBounds",
    "Range",
    "Scalar",
    "Settings",
    "Split",
    "load",
    "validate",
    "word",
]
