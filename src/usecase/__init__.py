"""What the forker decides: candidate models, data expectations, scenarios."""
