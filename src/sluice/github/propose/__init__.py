"""Open a pull request for the proposal of a retraining."""
