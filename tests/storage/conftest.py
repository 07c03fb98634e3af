"""Instances to test with: in memory, in a file and on a server, which must answer the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobnb import Instance
from tests.storage.place import Place


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Instance]:
    if request.param == "memory":
        found = Instance.ephemeral(tempdir=str(tmp_path))
    else:
        found = _place(request, tmp_path).open()
    with found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where there is no history yet."""
    return _place(request, tmp_path)


@pytest.fixture
def durable(place: Place) -> Iterator[Instance]:
    with place.open() as found:
        yield found


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[Instance]:
    """Where the test is about SQLite's file."""
    with Instance(home=tmp_path / "home") as found:
        yield found


@pytest.fixture
def on_server(database: str, tmp_path: Path) -> Iterator[Instance]:
    """Where the test is about PostgreSQL."""
    with Instance(home=tmp_path / "home", url=database) as found:
        yield found


def _place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    url = request.getfixturevalue("database") if request.param == "postgres" else None
    return Place(tmp_path / "home", url)
