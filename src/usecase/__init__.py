"""The code of this use case: candidate models, expectations about the data, and scenarios."""
