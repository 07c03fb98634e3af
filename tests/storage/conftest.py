"""Instances to test with: in memory and on disk, which must answer the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobnb.storage.instance import Instance


@pytest.fixture(params=["memory", "disk"])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Instance]:
    if request.param == "memory":
        found = Instance.ephemeral(tempdir=str(tmp_path))
    else:
        found = Instance.local_temp(str(tmp_path / "home"))
    with found:
        yield found


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Instance]:
    with Instance.local_temp(str(tmp_path / "home")) as found:
        yield found
