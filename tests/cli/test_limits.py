"""`jobnb instance concurrency` and `jobnb instance queue`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobnb import DefaultRunCoordinator, Instance, QueuedRunCoordinator


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Instance(home=tmp_path / "home").dispose()
    return tmp_path / "home"


def test_limits_of_pools_are_set_shown_and_removed(home: Path, command: Any, printed: Any) -> None:
    at = ("--home", home)
    assert "No pool has a limit." in command("instance", "concurrency", "get", *at).stdout
    command("instance", "concurrency", "set", "db", "2", *at)
    (row,) = printed("instance", "concurrency", "get", "--all", *at)
    assert (row["pool"], row["limit"], row["taken"], row["waiting"]) == ("db", 2, 0, 0)
    assert "db" in command("instance", "concurrency", "get", "db", *at).stdout
    command("instance", "concurrency", "delete", "db", *at)
    assert printed("instance", "concurrency", "get", "db", *at)[0]["limit"] is None
    refused = command("instance", "concurrency", "set", "db", "1001", *at, code=2)
    assert "Give a number from 0 to 1000" in refused.stderr


def test_the_queue_is_set_shown_and_given_up(home: Path, command: Any, printed: Any) -> None:
    at = ("--home", home)
    assert "at once" in command("instance", "queue", "get", *at).stdout
    command(
        "instance", "queue", "set", "--max", 2, "--tag", "team=data:1", "--tag", "kind=*:1", *at
    )
    limits = [
        {"key": "team", "limit": 1, "value": "data"},
        {"key": "kind", "limit": 1, "value": {"applyLimitPerUniqueValue": True}},
    ]
    with Instance(home=home) as instance:
        assert instance.run_coordinator == QueuedRunCoordinator(2, limits)
    found = printed("instance", "queue", "get", *at)
    assert found == {"is_on": True, "limit": 2, "tags": limits, "waiting": 0}
    assert "1 with each value of kind" in command("instance", "queue", "get", *at).stdout
    command("instance", "queue", "set", "--off", *at)
    with Instance(home=home) as instance:
        assert instance.run_coordinator == DefaultRunCoordinator()
    assert "Say --max" in command("instance", "queue", "set", *at, code=2).stderr
    assert "KEY[=VALUE]:N" in command("instance", "queue", "set", "--tag", "x", *at, code=2).stderr
