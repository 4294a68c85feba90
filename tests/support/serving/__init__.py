"""Running servers, and rows to score."""
