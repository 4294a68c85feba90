"""Run the complete pipeline with DVC, and check that nothing in the repository bypasses a gate."""
