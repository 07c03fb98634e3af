"""Runs in a process of their own: the same run to its launcher, and to everybody else."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    AssetKey,
    Failure,
    Instance,
    InvalidInvocationError,
    JobDefinition,
    Run,
    RunNotFoundError,
    RunStatus,
    Session,
    StepExecutionError,
    asset,
    job,
    op,
    resource,
)
from jobnb.display.widgets.run_source import source_of
from jobnb.events import EngineNote, Logged, RunFailed, StepStarted
from jobnb.execution import detached, followed
from jobnb.execution.task import RunCanceledError, cancel_all
from tests.execution.until import WAIT, end_runs, until
from tests.storage.conftest import durable, on_file, on_server, place
from tests.storage.place import Place

__all__ = ["durable", "on_file", "on_server", "place"]


@op
def five() -> int:
    print("on stdout")
    os.system("echo from a child")
    return 5


@op
def more(context: Any, number: int) -> int:
    context.log.info("pid %s", os.getpid())
    return number + 1


@job
def daily() -> None:
    more(five())


@pytest.fixture
def elsewhere(on_file: Instance) -> Iterator[Instance]:
    """The same history as another process opens it."""
    with Place.of(on_file).open() as found:
        yield found


@pytest.fixture(autouse=True)
def _ends_what_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    names = {"durable", "on_file", "on_server"} & set(request.fixturenames)
    found = [request.getfixturevalue(name) for name in names]
    yield
    for instance in found:
        end_runs(instance)


# --- the same run ------------------------------------------------------------------


def test_its_launcher_has_it_as_any_run(durable: Instance) -> None:
    run = daily.launch(instance=durable, detach=True, tags={"team": "data"})
    assert isinstance(run, Run)
    assert run.state.title == "daily"
    result = run.result(WAIT)
    assert result.success
    assert result.output_for_node("more") == 6
    assert run.status == "SUCCESS"
    assert run.progress == 1.0
    assert run.record.tags["team"] == "data"
    assert run.record.is_detached
    said = [e.text for e in run.events() if isinstance(e, Logged)]
    assert said[:2] == ["on stdout", "from a child"]
    assert f"pid {os.getpid()}" not in said
    assert run.events() == durable.events(run.run_id)
    assert Session().run(run.run_id, instance=durable) is run


def test_it_can_be_awaited_and_observed(on_file: Instance) -> None:
    seen = []
    run = daily.launch(instance=on_file, detach=True)
    run.observe(lambda change: seen.append(change.new), names=["status"])

    async def both() -> Any:
        return await run

    assert asyncio.run(both()).output_for_node("five") == 5
    until(lambda: seen and seen[-1] == "SUCCESS")


def test_what_was_handed_over_is_gone_and_was_private(
    on_file: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    begin = detached.start_process

    def look(folder: Path, module: str, **how: bool) -> Any:
        modes.extend(stat.S_IMODE(p.stat().st_mode) for p in (folder, folder / detached.RUN_FILE))
        return begin(folder, module, **how)

    monkeypatch.setattr(detached, "start_process", look)
    run = daily.launch(instance=on_file, detach=True)
    run.result(WAIT)
    assert modes == [0o700, 0o600]
    until(lambda: not detached.folder_of(on_file, run.run_id).exists())


def test_a_run_of_assets_and_of_one_partition_is_detached(on_file: Instance) -> None:
    @asset
    def orders() -> list[int]:
        return [1, 2]

    @asset
    def total(orders: list[int]) -> int:
        return sum(orders)

    session = Session().add(orders, total)
    run = session.launch(instance=on_file, detach=True)
    assert run.result(WAIT).asset_value("total") == 3
    latest = on_file.get_latest_materialization_event(AssetKey("total"))
    assert latest is not None
    assert latest.run_id == run.run_id


@op(out=None)
def fails() -> None:
    raise ValueError("no such file")


@job
def failing() -> None:
    fails()


def test_a_failure_says_what_and_where(on_file: Instance) -> None:
    run = failing.launch(instance=on_file, detach=True)
    with pytest.raises(StepExecutionError, match="ValueError: no such file"):
        run.result(WAIT)
    assert not run.result(raise_on_error=False).success


# --- what cannot be ---------------------------------------------------------------


def test_a_history_in_memory_is_refused() -> None:
    with pytest.raises(InvalidInvocationError, match="cannot be detached"):
        daily.launch(instance=Instance.ephemeral(), detach=True)


def test_what_cannot_be_sent_is_named_and_there_is_no_run(on_file: Instance) -> None:
    lock = threading.Lock()

    @op
    def locked() -> bool:
        return lock.locked()

    @job
    def guarded() -> None:
        locked()

    with pytest.raises(StepExecutionError, match="the op 'locked' cannot be sent"):
        guarded.launch(instance=on_file, detach=True)
    assert on_file.get_runs_count() == 0
    assert not list((Path(on_file.root_directory) / "detached").glob("*"))


def test_what_cannot_be_read_there_fails_the_run(
    on_file: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = detached.start_process

    def spoil(folder: Path, module: str, **how: bool) -> Any:
        path = folder / detached.RUN_FILE
        path.write_bytes(path.read_bytes()[:-20])
        return begin(folder, module, **how)

    monkeypatch.setattr(detached, "start_process", spoil)
    run = daily.launch(instance=on_file, detach=True)
    with pytest.raises(StepExecutionError):
        run.result(WAIT)
    assert isinstance(run.events()[-1], RunFailed)


# --- from elsewhere ---------------------------------------------------------------


@resource
def notes(context: Any) -> Iterator[str]:
    path = os.environ["NOTES"]
    with Path(path).open("a") as file:
        file.write("opened\n")
    yield path
    with Path(path).open("a") as file:
        file.write("closed\n")


@op(required_resource_keys={"notes"}, out=None)
def sleeps() -> None:
    while True:
        time.sleep(0.05)


@job(resource_defs={"notes": notes})
def endless() -> None:
    sleeps()


@op(required_resource_keys={"notes"}, out=None)
def waits_in_c() -> None:
    time.sleep(1000)


@job(resource_defs={"notes": notes})
def asleep() -> None:
    waits_in_c()


@op(required_resource_keys={"notes"}, out=None)
def holds_on() -> None:
    import ctypes

    Path(os.environ["NOTES"]).with_suffix(".held").touch()
    ctypes.PyDLL(None).sleep(1000)  # with the interpreter's lock: nothing else runs


@job(resource_defs={"notes": notes})
def stuck() -> None:
    holds_on()


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "notes"
    monkeypatch.setenv("NOTES", str(path))
    return path


def begun(run: Run) -> bool:
    return any(isinstance(event, StepStarted) for event in run.events())


@pytest.mark.parametrize("executor", [None, "multiprocess"])
def test_another_kernel_sees_it_and_cancels_it(
    on_file: Instance, elsewhere: Instance, told: Path, executor: str | None
) -> None:
    run = endless.launch(instance=on_file, detach=True, executor=executor)
    seen = Session().add(endless).run(run.run_id[:8], instance=elsewhere)
    until(lambda: begun(seen))
    assert seen is not run
    until(lambda: seen.status == "STARTED")
    assert seen.cancel("Nobody needs it.")
    seen.wait(WAIT)
    run.wait(WAIT)
    assert seen.status == run.status == "CANCELED"
    assert told.read_text() == "opened\nclosed\n"
    with pytest.raises(RunCanceledError, match="Nobody needs it"):
        run.result()
    assert not seen.cancel()
    until(lambda: elsewhere.control.holder(run.run_id) is None)


def test_a_background_run_is_canceled_from_another_kernel_too(
    on_file: Instance, elsewhere: Instance, told: Path
) -> None:
    run = endless.launch(instance=on_file, executor="multiprocess")
    until(lambda: begun(run))
    assert elsewhere.control.request_cancel(run.run_id, "From elsewhere.")
    assert run.wait(WAIT).status == "CANCELED"
    assert told.read_text() == "opened\nclosed\n"


def test_a_step_that_waits_in_c_is_left_behind(on_file: Instance, told: Path) -> None:
    run = asleep.launch(instance=on_file, detach=True)
    until(lambda: begun(run))
    assert run.cancel("Enough.")
    assert run.wait(WAIT).status == "CANCELED"
    assert told.read_text() == "opened\nclosed\n"
    with pytest.raises(RunCanceledError, match="Enough"):
        run.result()


def test_a_process_that_does_not_hear_is_ended(
    on_file: Instance, told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "PATIENCE", 0.5)
    run = stuck.launch(instance=on_file, detach=True)
    until(told.with_suffix(".held").exists)
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"


def test_sigterm_cancels_it(on_file: Instance, told: Path) -> None:
    run = endless.launch(instance=on_file, detach=True)
    until(lambda: begun(run))
    holder = on_file.control.holder(run.run_id)
    assert holder is not None
    os.kill(holder.pid, signal.SIGTERM)
    assert run.wait(WAIT).status == "CANCELED"
    assert told.read_text() == "opened\nclosed\n"


def test_the_end_of_its_launcher_leaves_it_alone(on_file: Instance, told: Path) -> None:
    run = endless.launch(instance=on_file, detach=True)
    until(lambda: begun(run))
    assert cancel_all(timeout=0.5)
    assert run.state.status is RunStatus.STARTED
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"


def test_a_run_that_a_session_does_not_know_is_its_log(
    on_file: Instance, elsewhere: Instance
) -> None:
    run = daily.launch(instance=on_file, detach=True)
    seen = Session().run(run.run_id, instance=elsewhere)
    assert seen.result(WAIT).success
    assert seen.events() == elsewhere.events(run.run_id)
    assert list(seen.state.steps) == ["five", "more"]
    assert source_of(seen).output("five", "result", None) == 5
    with pytest.raises(RunNotFoundError, match="There is no run 'nothing'"):
        Session().run("nothing", instance=elsewhere)


# --- time, retries and what is left ---------------------------------------------------


def test_it_fails_when_it_takes_longer_than_it_may(on_file: Instance, told: Path) -> None:
    run = endless.launch(instance=on_file, detach=True, tags={"dagster/max_runtime": "0.5"})
    with pytest.raises(StepExecutionError, match="longer than 0.5 s"):
        run.result(WAIT)
    assert told.read_text() == "opened\nclosed\n"


def at_last_of(context: Any) -> int:
    if context.retry_number:
        raise Failure("never")
    if not context.run.tags.get("dagster/retry_number"):
        raise ValueError("not yet")
    return 1


@op
def at_last(context: Any) -> int:
    return at_last_of(context)


@job(tags={"dagster/max_retries": "2"})
def retried() -> None:
    at_last()


def test_its_process_repeats_it_where_its_tags_say_so(on_file: Instance) -> None:
    run = retried.launch(instance=on_file, detach=True)
    run.wait(WAIT)
    assert run.status == "FAILURE"
    again = run.retried_by
    assert again is not None
    assert again.result(WAIT).output_for_node("at_last") == 1
    assert again.record.parent_run_id == run.run_id
    assert again.retried_by is None
    assert run.retried_by is again


@pytest.mark.parametrize("is_quick", [True, False])
def test_another_kernel_sees_what_repeats_it(
    on_file: Instance,
    elsewhere: Instance,
    told: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_quick: bool,
) -> None:
    told.touch()  # the run begins to fail once this is gone
    if not is_quick:  # it looks for the process when that has given the run back
        monkeypatch.setattr(elsewhere.control, "holder", lambda _run_id: None)

    @op
    def held(context: Any) -> int:
        while Path(os.environ["NOTES"]).exists():
            time.sleep(0.02)
        return at_last_of(context)

    @job(tags={"dagster/max_retries": "2"})
    def waiting() -> None:
        held()

    run = waiting.launch(instance=on_file, detach=True)
    seen = Session().add(waiting).run(run.run_id, instance=elsewhere)
    assert seen.retried_by is None
    told.unlink()
    again = seen.wait(WAIT).retried_by
    assert again is not None
    assert again.wait(WAIT).status == "SUCCESS"
    with Place.of(on_file).open() as later:
        ended = Session().add(waiting).run(run.run_id, instance=later).wait(WAIT)
        assert ended.retried_by is not None
        assert ended.retried_by.run_id == again.run_id


@op
def dies_once(context: Any, number: int) -> int:
    context.instance.events(context.run_id)  # what is asked for is on disk by then
    flag = Path(os.environ["NOTES"])
    if not flag.exists():
        flag.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return number + 1


@job
def mortal() -> None:
    more(dies_once(five()))


@pytest.fixture
def sent() -> JobDefinition:
    return mortal


def see_killed_and_resumed(instance: Instance, sent: JobDefinition) -> None:
    run = sent.launch(instance=instance, detach=True)
    run.wait(WAIT)
    assert run.state.status is RunStatus.FAILURE
    assert "is gone" in str(run.state.error and run.state.error.message)
    again = run.resume()
    assert again.record.is_detached
    result = again.result(WAIT)
    assert result.output_for_node("more") == 7
    assert list(again.state.steps) == ["dies_once", "more"]
    assert not any("run again, too" in e.text for e in again.events() if isinstance(e, EngineNote))


def test_a_killed_process_is_told_and_resume_does_the_rest(
    on_file: Instance, told: Path, sent: JobDefinition
) -> None:
    see_killed_and_resumed(on_file, sent)


def test_on_a_server_it_is_canceled_from_elsewhere_told_of_when_killed_and_resumed(
    on_server: Instance, told: Path, sent: JobDefinition
) -> None:
    run = endless.launch(instance=on_server, detach=True)
    with Place.of(on_server).open() as other:
        seen = Session().add(endless).run(run.run_id, instance=other)
        until(lambda: begun(seen))
        assert seen.cancel("Nobody needs it.")
        assert seen.wait(WAIT).status == "CANCELED"
    assert run.wait(WAIT).status == "CANCELED"
    assert told.read_text() == "opened\nclosed\n"
    told.unlink()
    see_killed_and_resumed(on_server, sent)
