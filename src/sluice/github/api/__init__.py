"""GitHub's REST API: requests, responses, and every failure in one line."""
