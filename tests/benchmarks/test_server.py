"""How long the server takes to answer, with several clients at once; no answer is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import NOTEBOOK, TOKEN, YEAR, Client, begin, end, write_notebook
from tests.server.load import load

P99_MS = 250
"""What 99 of 100 requests take at most, on a machine that does nothing else."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server of a notebook: its address, and a run of its history."""
    write_notebook(tmp_path / NOTEBOOK)
    process, address = begin(tmp_path, "-n", NOTEBOOK, "--in-process")
    client = Client(address, tmp_path)
    run_id = client.done("daily", YEAR)
    client.http.close()
    yield address, run_id
    end(process)
    assert process.stdout is not None
    process.stdout.close()


def told(benchmark: Any, served: tuple[str, str], clients: int, seconds: float) -> dict[str, Any]:
    address, run_id = served

    def work() -> dict[str, Any]:
        asked = load(address, TOKEN, run_id, clients=clients, seconds=seconds, pause=clients / 100)
        return asyncio.run(asked)

    found: dict[str, Any] = benchmark.pedantic(work, rounds=1)
    assert not found["errors"]
    assert found["requests"] > 0
    benchmark.extra_info.update(found)
    return found


def test_many_clients_are_answered(benchmark: Any, served: tuple[str, str]) -> None:
    told(benchmark, served, clients=10, seconds=3)


@pytest.mark.long
def test_fifty_clients_are_answered_soon_for_half_a_minute(
    benchmark: Any, served: tuple[str, str]
) -> None:
    assert told(benchmark, served, clients=50, seconds=30)["p99_ms"] <= P99_MS
