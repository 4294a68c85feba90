"""Deliveries and releases before the stand-in for GitHub."""
