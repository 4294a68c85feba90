"""Statistics without input or output: resampling, and tests."""
