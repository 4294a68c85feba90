"""A delivery pipeline for machine learning: from versioned data to a checked package."""

__version__ = "0.1.0"
