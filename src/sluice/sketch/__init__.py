"""What is counted of many rows, as integers that can be added: bins of values, distinct ids."""
