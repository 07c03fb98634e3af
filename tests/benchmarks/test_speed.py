"""What jobnb adds to the user's own work, beside its budget.

`pytest tests/benchmarks --benchmark-json=speed.json` keeps the numbers: `extra_info` of each
benchmark holds microseconds per step and the budget. Nothing here fails for being slow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import pytest

import jobnb
from jobnb import Instance, JobRun, job
from jobnb import events as ev
from jobnb.display.folding import fold_picture
from jobnb.display.graph_pictures import job_picture
from jobnb.display.layout import lay_out
from jobnb.display.svg import picture_svg
from jobnb.plan.build import build_plan
from tests.benchmarks.conftest import Measure, size
from tests.benchmarks.shapes import SHAPES, asset_definitions, chain, fan, increase, source

N = size(1_000)


@pytest.fixture(params=["ephemeral", "durable", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Instance]:
    url = request.getfixturevalue("database") if request.param == "server" else None
    kept = request.param != "ephemeral"
    with Instance(home=tmp_path, url=url) if kept else Instance.ephemeral() as instance:
        yield instance


@pytest.mark.parametrize("shape", SHAPES)
def test_run(measure: Measure, shape: str, store: Instance) -> None:
    """A job whose definitions were read before: it is planned and run."""
    made = SHAPES[shape](N)
    budget = 30.0 if store.is_persistent else 15.0
    measure(lambda: made.execute_in_process(instance=store), pieces=N, budget_us=budget)
    assert store.get_runs()[0].is_success


@pytest.mark.parametrize("shape", SHAPES)
def test_plan_for_the_first_time(measure: Measure, shape: str) -> None:
    """Annotations are read, names resolved, config bound."""
    measure(build_plan, pieces=N, budget_us=None, prepare=lambda: SHAPES[shape](N))


def test_build_op_invocations(measure: Measure) -> None:
    def build() -> Any:
        @job
        def composed() -> None:
            x = source()
            for i in range(N):
                x = increase.alias(f"increase_{i}")(x)

        return composed.graph

    measure(build, pieces=N, budget_us=25.0)


def test_build_and_plan_assets(measure: Measure) -> None:
    def build() -> Any:
        return build_plan(asset_definitions(N).get_job_def("everything"))

    measure(build, pieces=N, budget_us=60.0)
    assert len(build().steps) == N


def test_plan_assets_again(measure: Measure) -> None:
    """A plan is kept between runs of the same snapshot."""
    definitions = asset_definitions(N)
    build_plan(definitions.get_job_def("everything"))
    measure(lambda: build_plan(definitions.get_job_def("everything")), pieces=N, budget_us=10.0)


@pytest.mark.parametrize("durable", [False, True])
def test_run_assets_again(measure: Measure, durable: bool, tmp_path: Path) -> None:
    """Assets that are materialized again: versions, provenance and events included."""
    definitions = asset_definitions(N)
    budget = 45.0 if durable else 25.0
    with Instance(home=tmp_path) if durable else Instance.ephemeral() as instance:

        def run() -> Any:
            return definitions.get_job_def("everything").execute_in_process(instance=instance)

        run()
        measure(run, pieces=N, budget_us=budget)
        assert instance.get_runs()[0].is_success


def _told(n: int) -> list[ev.Event]:
    """The log of a run of `n` steps."""
    with Instance.ephemeral() as instance:
        result = chain(n).execute_in_process(instance=instance)
        return instance.events(result.run_id)


def test_encode_events(measure: Measure) -> None:
    told = _told(N)
    measure(lambda: ev.encode_events(told), pieces=len(told), budget_us=0.5)
    assert ev.decode_events(ev.encode_events(told)) == told


def test_commit_to_disk(measure: Measure, tmp_path: Path) -> None:
    told = _told(N)
    with Instance.local_temp(str(tmp_path)) as instance:

        def opened() -> Any:
            log = instance.open_log(instance.create_run(JobRun("daily")))
            log.due = float("inf")
            log.events.extend(told)
            return log

        measure(lambda log: log.close(), pieces=N, budget_us=15.0, prepare=opened)
        assert len(instance.events(instance.get_runs()[0].run_id)) == len(told)


@pytest.mark.parametrize(("nodes", "most_ms"), [(100, 100.0), (size(1_000), 1_000.0)])
@pytest.mark.parametrize("shape", ["chain", "fan"])
def test_draw(measure: Measure, shape: str, nodes: int, most_ms: float) -> None:
    """A picture that was never drawn, folded where it is large."""
    made = {"chain": chain, "fan": fan}[shape](nodes)
    picture = fold_picture(job_picture(made))
    if lay_out(picture) is None:
        pytest.skip("no layout program is here")
    drawn: list[str] = []
    fresh = iter(range(10))

    def unseen() -> Any:
        # A layout is kept by the structure of its picture; another size is another structure.
        made = SHAPES[shape](nodes - 9 + next(fresh))
        return fold_picture(job_picture(made))

    def draw(picture: Any) -> None:
        drawn.append(picture_svg(picture) or "")

    measure(draw, pieces=nodes, budget_us=most_ms * 1_000 / nodes, prepare=unseen, rounds=2)
    assert all(text.startswith("<svg") for text in drawn)


def test_import(measure: Measure, tmp_path: Path) -> None:
    """`import jobnb` in a process of its own; `import_us` leaves out the start of Python."""
    # As after an install: the modules are compiled, by the first round.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    code = (
        "import sys, time; began = time.perf_counter(); import jobnb; "
        "print(time.perf_counter() - began)"
    )
    took: list[float] = []

    def fresh_process() -> None:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            cwd=Path(jobnb.__file__).parents[1], env={**os.environ, **compiled},
        )  # fmt: skip
        took.append(float(done.stdout))

    told = measure(fresh_process, pieces=1, budget_us=None)
    told["import_us"] = round(median(took) * 1e6)
    told["budget_import_us"] = 100_000
    assert took


def _hamilton_chain(n: int) -> ModuleType:
    module = ModuleType("hamilton_chain")
    lines = ["def a_0() -> int: return 0"]
    lines += [f"def a_{i}(a_{i - 1}: int) -> int: return a_{i - 1} + 1" for i in range(1, n)]
    exec("\n".join(lines), module.__dict__)
    for name, value in list(vars(module).items()):
        if name.startswith("a_"):
            value.__module__ = module.__name__
    sys.modules[module.__name__] = module
    return module


def test_rival(measure: Measure) -> None:
    """The same chain in Hamilton, which keeps no log; its depth is bound by Python's stack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        driver = pytest.importorskip("hamilton.driver")
        n = 100
        built = driver.Builder().with_modules(_hamilton_chain(n)).build()
        measure(lambda: built.execute([f"a_{n - 1}"]), pieces=n, budget_us=None)
        assert built.execute([f"a_{n - 1}"]) == {f"a_{n - 1}": n - 1}
