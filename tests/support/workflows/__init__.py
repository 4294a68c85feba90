"""Workflow runs by act, and the rules that the workflow files are checked against."""
