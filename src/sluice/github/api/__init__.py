"""GitHub's REST API: requests and responses. Every failure is a SluiceError of one line."""
