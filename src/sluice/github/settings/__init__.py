"""The repository's settings: desired in .github/settings, actual on GitHub."""
