"""Past this machine, in simulation: 1,000 workers and a million steps."""

from __future__ import annotations

import cProfile
import pstats
from typing import Any

import pytest

from tests.benchmarks.conftest import Measure
from tests.benchmarks.simulation import DEPTH, Simulation, simulation

STEPS, WORKERS = 1_000_000, 1_000


@pytest.mark.timeout(900)
def test_a_million_steps_on_a_thousand_workers(measure: Measure, benchmark: Any) -> None:
    """What the coordinator takes for each step; nothing of it is a step's own time."""
    steps = 10_000 if benchmark.disabled else STEPS
    made: list[Any] = []

    def prepare() -> Simulation:
        made.append(simulation(steps // DEPTH, WORKERS))
        prepared: Simulation = made[-1].__enter__()
        return prepared

    found = measure(Simulation.run, pieces=steps, budget_us=40.0, prepare=prepare, rounds=1)
    for each in made:
        each.__exit__(None, None, None)
    found["workers"] = WORKERS


def calls_of(elements: int, workers: int) -> tuple[int, Simulation]:
    """How many functions a simulated run calls, and the run."""
    with simulation(elements, workers) as simulated:
        profile = cProfile.Profile()
        profile.runcall(simulated.run)
    return pstats.Stats(profile).total_calls, simulated  # type: ignore[attr-defined]


def test_the_coordinators_work_grows_with_the_number_of_steps() -> None:
    few, _ = calls_of(100, 100)
    many, simulated = calls_of(1_000, 100)
    assert many < 11.5 * few
    assert simulated.workers.done > 0.9 * 1_000 * DEPTH


def test_no_worker_is_idle_while_a_step_is_ready() -> None:
    with simulation(500, 50) as simulated:
        simulated.run()
    assert simulated.workers.idle == 0
    # So they take about as long together as all steps do one by one, divided among them.
    least = simulated.workers.done / 50
    assert simulated.workers.clock < 1.15 * least


def test_it_does_not_depend_on_the_number_of_workers() -> None:
    few, _ = calls_of(500, 10)
    many, _ = calls_of(500, 1_000)
    assert many < 1.5 * few
