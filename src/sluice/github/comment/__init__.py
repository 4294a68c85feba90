"""The report as a comment on the pull request."""
