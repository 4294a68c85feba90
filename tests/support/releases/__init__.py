"""Delivered versions on a fake GitHub, and the real commands that publish and release them."""
