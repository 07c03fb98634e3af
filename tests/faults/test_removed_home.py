"""The home is removed while a kernel uses it: what is reported afterwards is on disk."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from jobnb import (
    Instance,
    JobRun,
    RunStatus,
    Session,
    StaticPartitionsDefinition,
    StepStatus,
    StorageError,
    asset,
    execute_job,
    job,
    op,
)
from jobnb import events as ev
from jobnb.execution.task import RunCanceledError
from jobnb.storage import engines
from jobnb.storage.process import is_gone
from tests.execution.until import WAIT, until

Removal = Callable[[Path], None]


def all_of_it(home: Path) -> None:
    shutil.rmtree(home)


def the_history(home: Path) -> None:
    for path in home.glob("history.db*"):
        path.unlink()


def the_file(home: Path) -> None:
    (home / "history.db").unlink()


def the_log(home: Path) -> None:
    (home / "history.db-wal").unlink()


def the_log_and_its_index(home: Path) -> None:
    the_log(home)
    (home / "history.db-shm").unlink()


def moved_away(home: Path) -> None:
    home.rename(home.with_name(f"{home.name} moved"))


def replaced(home: Path) -> None:
    with Instance(home=home.with_name("another")) as another:
        another.create_run(JobRun("other", "other"))
    moved_away(home)
    home.with_name("another").rename(home)


REMOVALS = [all_of_it, the_history, the_file, the_log, the_log_and_its_index, moved_away, replaced]


@op
def first() -> int:
    return 1


@op
def second(first: int) -> int:
    return first + 1


@job
def daily() -> None:
    second(first())


SEEN = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1])
    for run_id, status in connection.execute("SELECT run_id, status FROM runs").fetchall():
        query = "SELECT kinds FROM event_chunks WHERE run_id = ? ORDER BY id"
        kinds = " ".join(kinds for kinds, in connection.execute(query, [run_id])).split()
        print(run_id, status, *sorted({"PIPELINE_START", "PIPELINE_SUCCESS"} & set(kinds)))
"""


def seen_by_others(home: Path) -> dict[str, list[str]]:
    """What another process finds of the runs, by their ids, while this one has the home open."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", textwrap.dedent(SEEN), str(home / "history.db")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}


WHOLE = ["SUCCESS", "PIPELINE_START", "PIPELINE_SUCCESS"]


@pytest.mark.parametrize("remove", REMOVALS)
def test_a_run_after_the_removal_is_on_disk(
    tmp_path: Path, remove: Removal, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    with Instance(home=home) as instance, caplog.at_level(logging.WARNING, "jobnb.storage"):
        execute_job(daily, instance)
        remove(home)
        done = execute_job(daily, instance)
        assert done.success
        assert done.output_for_node("second") == 2
        assert seen_by_others(home)[done.run_id] == WHOLE
        assert "removed" in caplog.text
        assert str(home) in caplog.text
        assert instance.get_run_by_id(done.run_id).is_success


@pytest.mark.parametrize("remove", REMOVALS)
@pytest.mark.parametrize("way", ["execute_job", "launch", "execute_in_process"])
def test_a_run_whose_op_removes_the_home_is_on_disk_from_its_beginning(
    tmp_path: Path, remove: Removal, way: str
) -> None:
    home = tmp_path / "home"

    @op
    def clean(first: int) -> int:
        remove(home)
        return 3

    @job
    def cleaning() -> None:
        clean(first())

    with Instance(home=home) as instance:
        if way == "execute_job":
            run_id = execute_job(cleaning, instance, raise_on_error=True).run_id
        elif way == "launch":
            run_id = cleaning.launch(instance=instance).result().run_id
        else:
            run_id = cleaning.execute_in_process(instance=instance).run_id
        assert seen_by_others(home)[run_id] == WHOLE
        state = instance.run_state(run_id)
        assert {step.status for step in state.steps.values()} == {StepStatus.SUCCEEDED}


@pytest.mark.parametrize("remove", [all_of_it, the_history, the_log])
def test_a_backfill_whose_home_is_removed_is_on_disk_from_there_on(
    tmp_path: Path, remove: Removal
) -> None:
    home = tmp_path / "home"

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]))
    def letters(context: Any) -> None:
        if context.partition_key == "b":
            context.instance.get_runs_count()  # what was made so far is on disk
            remove(home)

    session = Session(home=str(home)).add(letters)
    try:
        backfill = session.backfill("letters")
        assert backfill.result(timeout=60).made == 3
        with Instance(home=home) as other:
            made = {run.partition_key for run in other.get_runs() if run.is_success}
            assert {"b", "c"} <= made
            assert other.get_materialized_partitions("letters") >= {"b", "c"}
            assert other.get_backfill(backfill.backfill_id).status.value == "COMPLETED"
    finally:
        session.instance.dispose()


@pytest.mark.parametrize("remove", [all_of_it, the_history, the_file, the_log])
def test_whenever_it_is_removed_a_reported_success_is_on_disk(
    tmp_path: Path, remove: Removal
) -> None:
    """At each statement of a run, or at each commit."""
    for moment in ("after_cursor_execute", "commit"):
        at, came = 0, True
        while came:
            at, came, count = at + 1, False, 0
            home = tmp_path / f"{moment}{at}"

            def look(*_about: object, at: int = at, home: Path = home) -> None:
                nonlocal count, came
                count += 1
                if count == at:
                    came = True
                    remove(home)

            with Instance(home=home) as instance:
                event.listen(instance._opened().engine, moment, look)
                done = execute_job(daily, instance)
                assert done.success
                with Instance(home=home) as other:
                    run = other.get_run_by_id(done.run_id)
                    assert run is not None, (moment, at)
                    assert run.is_success, (moment, at)
                    kept = [each.event_type for each in other.events(done.run_id)]
                    # The run tells of the removal too, as of all that is logged meanwhile.
                    kept = [kind for kind in kept if kind is not ev.EventType.LOG_MESSAGE]
                    assert kept == [each.event_type for each in done.all_events], (moment, at)
        assert at > 3


@op(out=None)
def goes_on(context: Any) -> None:
    ended = Path(os.environ["ENDED"])
    try:
        while True:
            time.sleep(0.05)
    finally:
        ended.write_text(str(os.getpid()))


@job
def endless() -> None:
    goes_on()


@pytest.mark.parametrize("remove", [all_of_it, moved_away, replaced])
@pytest.mark.parametrize("looked", ["from its kernel", "from nowhere"])
def test_a_detached_run_whose_home_is_removed_ends_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remove: Removal, looked: str
) -> None:
    home, ended = tmp_path / "home", tmp_path / "ended"
    monkeypatch.setenv("ENDED", str(ended))
    with Instance(home=home) as instance:
        run = endless.launch(instance=instance, detach=True)
        until(lambda: run.current_step == "goes_on")
        holder = instance.control.holder(run.run_id)
        assert holder is not None
        remove(home)
        if looked == "from its kernel":
            with pytest.raises(RunCanceledError, match="home .* was removed"):
                run.result(WAIT)
            assert run.status == "CANCELED"
        until(lambda: is_gone(holder))
        assert ended.read_text() == str(holder.pid)
        with Instance(home=home) as later:
            record = later.get_run_by_id(run.run_id)
            assert record is not None
            assert record.status is RunStatus.CANCELED


def test_kernels_that_share_a_removed_home_share_the_new_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Instance(home=home) as one, Instance(home=home) as two:
        execute_job(daily, one)
        the_history(home)
        ids = {execute_job(daily, each).run_id for each in (one, two, one, two)}
        assert {run.run_id for run in one.get_runs()} == ids
        assert {run.run_id for run in two.get_runs()} == ids
        assert set(seen_by_others(home)) == ids


@pytest.mark.parametrize("remove", [all_of_it, the_history, the_file])
def test_what_is_left_beside_a_removed_file_harms_no_new_one(
    tmp_path: Path, remove: Removal
) -> None:
    """What is new lies in a log beside the file, and this one has but a part of it."""
    home = tmp_path / "home"
    with Instance(home=home) as idle, Instance(home=home) as instance:
        for number in range(20):
            instance.save_preset("daily", str(number), {"text": "x" * 100_000})
        with closing(sqlite3.connect(home / "history.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
        instance.set_values({"a": "b"})
        assert idle.get_values(["a"]) == {"a": "b"}
        remove(home)
        with Instance(home=home) as new:
            done = execute_job(daily, new)
        assert execute_job(daily, instance).success
        assert instance.get_run_by_id(done.run_id).is_success
        assert len(idle.get_runs()) == 2
        with closing(sqlite3.connect(home / "history.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_threads_that_notice_together_make_one_new_history(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home, ids, failed = tmp_path / "home", [], []
    with Instance(home=home) as instance, caplog.at_level(logging.WARNING, "jobnb.storage"):
        execute_job(daily, instance)
        begun = threading.Barrier(5)

        def work() -> None:
            begun.wait()
            try:
                ids.extend(execute_job(daily, instance).run_id for _ in range(5))
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        begun.wait()
        moved_away(home)
        for thread in threads:
            thread.join(timeout=60)
        assert failed == []
        assert len([r for r in caplog.records if "removed or replaced" in r.getMessage()]) == 1
        last = ids[-1]
        assert seen_by_others(home)[last] == WHOLE


def test_reading_a_removed_history_finds_a_new_one_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Instance(home=tmp_path / ".jobnb") as instance:
        execute_job(daily, instance)
        all_of_it(tmp_path / ".jobnb")
        assert instance.get_runs() == []
        assert (tmp_path / ".jobnb" / ".gitignore").exists()
        assert str(tmp_path / ".jobnb") in caplog.text


def test_a_home_that_cannot_be_made_again_is_an_error_and_what_waits_is_written_later(
    tmp_path: Path,
) -> None:
    home = tmp_path / "folder" / "home"
    with Instance(home=home) as instance:
        log = instance.open_log(instance.create_run(JobRun("daily", "r")))
        log.due = float("inf")
        log.events.append(ev.RunStarted(1.0, "daily"))
        log.commit()
        shutil.rmtree(tmp_path / "folder")
        (tmp_path / "folder").write_text("in the way")
        log.events.append(ev.Logged(2.0, 20, "kept"))
        with pytest.raises(StorageError, match="folder"):
            log.commit()
        with pytest.raises(StorageError, match="folder"):
            instance.get_runs()
        (tmp_path / "folder").unlink()
        log.events.append(ev.RunSucceeded(3.0, "daily"))
        log.close()
        with Instance(home=home) as other:
            assert len(other.events("r")) == 3
            assert other.get_run_by_id("r").status is RunStatus.SUCCESS


def test_a_run_that_someone_deletes_stays_deleted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Instance(home=home) as instance, Instance(home=home) as other:
        the_history(home)
        log = instance.open_log(instance.create_run(JobRun("daily", "r")))
        log.events.append(ev.RunStarted(1.0, "daily"))
        log.commit()
        other.delete_run("r")
        log.events.append(ev.RunSucceeded(2.0, "daily"))
        log.close()
        assert instance.get_runs() == []


def test_a_database_that_a_url_names_is_looked_after_too(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.db"
    with Instance(home=tmp_path / "home", url=f"sqlite:///{file}") as instance:
        execute_job(daily, instance)
        file.unlink()
        done = execute_job(daily, instance)
    with Instance(home=tmp_path / "home", url=f"sqlite:///{file}") as other:
        assert other.get_run_by_id(done.run_id).is_success


def test_a_relative_database_stays_where_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    with Instance(home=tmp_path / "home", url="sqlite:///here.db") as instance:
        monkeypatch.chdir(tmp_path / "below")
        instance._opened().engine.dispose()  # the next connection is a new one
        done = execute_job(daily, instance)
        assert instance.get_run_by_id(done.run_id).is_success
    assert list((tmp_path / "below").iterdir()) == []


def test_looking_after_the_file_costs_no_more_with_more_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    place = engines.place

    def counted(path: str) -> Any:
        looks.append(path)
        return place(path)

    with Instance(home=tmp_path) as instance:
        log = instance.open_log(instance.create_run(JobRun("daily", "r")))
        log.due = float("inf")
        monkeypatch.setattr(engines, "place", counted)
        for many in (1, 1000):
            looks.clear()
            log.events += [ev.Logged(1.0, 20, "x")] * many
            log.commit()
            assert len(looks) <= 2
        log.due = float("inf")
        instance._opened().read(lambda connection: None)
        assert len(looks) <= 3
        log.close()
