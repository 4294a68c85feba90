"""Compare the settings in .github/settings with those on GitHub, and change those on GitHub."""
