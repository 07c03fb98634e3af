"""How long the server takes to answer, with several clients at once; no answer is an error."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.server.conftest import NOTEBOOK, TOKEN, YEAR, Client, begin, end, write_notebook
from tests.server.load import load


def test_many_clients_are_answered(benchmark: Any, tmp_path: Path) -> None:
    write_notebook(tmp_path / NOTEBOOK)
    process, address = begin(tmp_path, "-n", NOTEBOOK, "--in-process")
    client = Client(address, tmp_path)
    run_id = client.done("daily", YEAR)
    client.http.close()

    def work() -> dict[str, Any]:
        return asyncio.run(load(address, TOKEN, run_id, clients=10, seconds=3, pause=0.1))

    told = benchmark.pedantic(work, rounds=1)
    end(process)
    assert process.stdout is not None
    process.stdout.close()
    assert not told["errors"]
    assert told["requests"] > 0
    benchmark.extra_info.update(told)
