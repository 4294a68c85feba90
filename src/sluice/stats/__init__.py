"""Statistics without input or output."""
