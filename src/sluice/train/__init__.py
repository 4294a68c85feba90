"""The steps from data to an executable model: split, train, select, export."""
