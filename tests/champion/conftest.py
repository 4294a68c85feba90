"""Versions that are delivered to a fake GitHub, for the tests of this folder."""

from __future__ import annotations

from support.releases.fixtures import bare, delivered, released, versions

__all__ = ["bare", "delivered", "released", "versions"]
