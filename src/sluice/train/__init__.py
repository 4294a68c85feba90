"""What turns data into an executable model: split, train, select, export."""
