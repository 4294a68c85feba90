"""What speaks to GitHub: a repository set up and held to the files under `.github/settings/`."""
