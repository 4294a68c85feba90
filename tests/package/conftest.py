"""Fixtures that alter a package and verify it by the real command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.fixture_project import Ran, Toy
from support.package_parts import Package


@pytest.fixture
def sealed(built: Callable[[str], Toy]) -> Path:
    """The package of the shared fixture project, which tests must not change."""
    return built("binary").package


@pytest.fixture
def package(sealed: Path) -> Package:
    return Package.read(sealed)


@pytest.fixture
def verify(tmp_path: Path) -> Callable[[bytes], Ran]:
    """Run `sluice package verify` on the bytes of a package."""

    def run(content: bytes) -> Ran:
        (tmp_path / "package.tar").write_bytes(content)
        return Toy(tmp_path).sluice("package", "verify", "package.tar")

    return run


@pytest.fixture
def refused() -> Callable[[Ran, str], None]:
    """Assert that verification was refused with one line that contains this reason."""

    def check(ran: Ran, why: str) -> None:
        assert ran.status == 2, ran.said
        assert ran.out == ""
        assert ran.err == f"sluice: {ran.line}\n"
        assert ran.line.startswith("package.tar: "), ran.line
        assert why in ran.line

    return check
