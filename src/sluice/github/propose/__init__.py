"""A retraining's proposal as a pull request."""
