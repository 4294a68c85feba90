"""From versioned data to a delivery package, through gates that gate."""

__version__ = "0.1.0"
