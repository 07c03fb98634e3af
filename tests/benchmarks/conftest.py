"""How a benchmark tells what it measured: microseconds per step, and the budget beside them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

Measure = Callable[..., dict[str, Any]]

MEASURED = "PYTEST_XDIST_WORKER" not in os.environ
"""Whether times mean anything: pytest-benchmark takes none where tests run side by side."""


def size(pieces: int) -> int:
    """How large a benchmark is; a fiftieth where it is only shown to work."""
    return pieces if MEASURED else max(20, pieces // 50)


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """Time `work` a few times; what it costs per piece stands in the report, never in an assert.

    Each round works on what `prepare` gives, which is not timed. What the report says beside the
    times comes back, to be added to.
    """

    def measured(
        work: Callable[..., Any],
        *,
        pieces: int,
        budget_us: float | None,
        prepare: Callable[[], Any] = tuple,
        rounds: int = 3,
    ) -> dict[str, Any]:
        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            made = prepare()
            return (made if isinstance(made, tuple) else (made,)), {}

        benchmark.pedantic(work, setup=setup, rounds=rounds, warmup_rounds=1)
        if benchmark.stats is not None:  # None where benchmarks are switched off
            took = benchmark.stats.stats.median
            benchmark.extra_info["us_per_piece"] = round(took / pieces * 1e6, 2)
        benchmark.extra_info["pieces"] = pieces
        if budget_us is not None:
            benchmark.extra_info["budget_us_per_piece"] = budget_us
        extra: dict[str, Any] = benchmark.extra_info
        return extra

    return measured
