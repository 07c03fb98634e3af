"""The instance: where it lives, what it costs, and what happens when the place is bad."""

from __future__ import annotations

import gc
import os
import pickle
import sqlite3
import subprocess
import sys
import textwrap
import threading
import weakref
from pathlib import Path

import pytest

from jobnb import (
    Instance,
    InvariantViolationError,
    JobnbError,
    JobRun,
    Session,
    StorageError,
    instance_for_test,
)
from jobnb import events as ev
from jobnb.storage.history import DATABASE_VARIABLE, HOME_VARIABLE
from tests.storage.place import Place


def python(code: str, place: Place | None = None, *args: str) -> subprocess.CompletedProcess[str]:
    place = place or Place(Path(), None)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), str(place.home), *args],
        capture_output=True, text=True, timeout=120, check=False, env=place.environment,
    )  # fmt: skip


def test_a_run_in_memory_needs_no_sqlalchemy_until_it_is_asked_for() -> None:
    done = python(
        """
        import sys
        from jobnb.events import StepStarted, StepSucceeded, RunStarted
        from jobnb.storage.instance import Instance
        from jobnb.storage.run import JobRun
        instance = Instance.ephemeral()
        log = instance.open_log(instance.create_run(JobRun("daily")))
        log.events.append(RunStarted(1.0, "daily"))
        for i in range(1000):
            log.events.append(StepStarted(1.0, f"s{i}"))
            log.events.append(StepSucceeded(1.0, f"s{i}", 0.0))
            log.commit()
        log.close()
        heavy = {"sqlalchemy", "pydantic", "pandas", "sqlite3"}
        print(sorted(heavy & set(sys.modules)))
        print(len(instance.events(log.run.run_id)), "sqlalchemy" in sys.modules)
        """
    )
    assert done.stdout.split("\n")[:2] == ["[]", "2001 True"], done.stderr


def test_the_home_comes_from_the_environment_else_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    with Instance.get() as here:
        assert here.home == tmp_path / ".jobnb"
        assert (tmp_path / ".jobnb" / ".gitignore").read_text() == "*\n"
        monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "else where"))
        with Instance.get() as there:
            assert there.home == tmp_path / "else where"
            assert there is not here


def test_one_home_is_one_object_until_it_is_disposed_of(tmp_path: Path) -> None:
    first = Instance.from_home(tmp_path)
    assert Instance.from_home(str(tmp_path)) is first
    first.dispose()
    first.dispose()
    second = Instance.from_home(tmp_path)
    assert second is not first
    second.dispose()


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    with Instance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run(JobRun("daily"))
        log = instance.open_log(run)
        log.events.append(ev.RunStarted(1.0, "daily"))
    with Instance(home=tmp_path) as again:
        assert again.get_runs()[0].run_id == run.run_id
        assert again.events(run.run_id) == log.events


def test_another_database_is_named_by_url(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    with Instance(home=tmp_path / "home", url=url) as instance:
        instance.create_run(JobRun("daily"))
        assert (tmp_path / "other.db").exists()
        assert not (tmp_path / "home" / "history.db").exists()
        assert "other.db" in instance.info_str()
        assert "runs: 1" in instance.info_str()


def test_a_variable_names_the_database_of_every_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"sqlite:///{tmp_path}/here.db"
    monkeypatch.setenv(DATABASE_VARIABLE, here)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    with Instance.get() as instance, Session(home=str(tmp_path / "other")).instance as other:
        instance.create_run(JobRun("daily"))
        assert other.get_runs_count() == 1
        assert instance is Instance.from_home(tmp_path / "home", here)
        assert pickle.loads(pickle.dumps(other)) is other
    # What is for trying out or for a test stays by itself, also in the processes it starts.
    with Instance.local_temp() as instance, pickle.loads(pickle.dumps(instance)) as again:
        assert instance.get_runs_count() == again.get_runs_count() == 0
    with instance_for_test() as instance:
        assert Instance.get() is instance
        assert DATABASE_VARIABLE not in os.environ
    assert os.environ[DATABASE_VARIABLE] == here


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "is not a database URL"),
        ("postgresql+nodriver://x/y", "driver"),
        ("mysql://x/y", "never kept in 'mysql'"),
        ("postgressql://x/y", "Did you mean 'postgresql'"),
    ],
)
def test_a_bad_url_is_told_in_words(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(StorageError, match=words):
        Instance(home=tmp_path, url=url)


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    from jobnb.storage.engines import parsed_url

    assert "hunter2" not in repr(parsed_url("postgresql://me:hunter2@host/db", "x"))


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for home in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        with pytest.raises(StorageError, match=HOME_VARIABLE) as caught:
            Instance(home=home)
        assert "\n" not in str(caught.value)
        assert str(home) in str(caught.value)


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(StorageError, match="not a database") as caught:
        Instance(home=tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "history.db").unlink()
    (tmp_path / "history.db").mkdir()
    with pytest.raises(StorageError, match="history"):
        Instance(home=tmp_path)


def test_a_history_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Instance(home=tmp_path).dispose()
    raw = sqlite3.connect(tmp_path / "history.db")
    with raw:
        raw.execute("UPDATE kvs SET value = '99' WHERE key = 'jobnb/schema_version'")
    raw.close()
    with pytest.raises(StorageError, match=r"schema 99.*Update jobnb"):
        Instance(home=tmp_path)


def test_odd_characters_in_the_path_are_no_part_of_a_url(tmp_path: Path) -> None:
    home = tmp_path / "a?b=c#d %41 ü"
    with Instance(home=home) as instance:
        instance.create_run(JobRun("daily"))
    assert (home / "history.db").exists()


def test_values_have_a_folder_of_their_own(tmp_path: Path) -> None:
    with Instance.local_temp(str(tmp_path)) as instance:
        assert Path(instance.storage_directory()) == tmp_path / "storage"
        assert instance.root_directory == str(tmp_path)
    with Instance.ephemeral(tempdir=str(tmp_path / "e")) as instance:
        assert Path(instance.storage_directory()) == tmp_path / "e" / "storage"


def test_temporary_folders_go_with_the_instance() -> None:
    with Instance.ephemeral() as instance:
        folder = Path(instance.storage_directory())
        assert folder.is_dir()
    assert not folder.exists()
    with Instance.local_temp() as instance:
        folder = Path(instance.root_directory)
        assert (folder / "history.db").is_file()
    assert not folder.exists()
    forgotten = Instance.ephemeral()
    folder = Path(forgotten.storage_directory())
    del forgotten
    gc.collect()
    assert not folder.exists()


def test_an_instance_nobody_holds_is_collected(tmp_path: Path) -> None:
    instance = Instance(home=tmp_path)
    log = instance.open_log(instance.create_run(JobRun("daily")))
    log.close()
    seen = weakref.ref(instance)
    instance.dispose()
    del instance, log
    gc.collect()
    assert seen() is None


def test_a_closed_instance_says_so(instance: Instance) -> None:
    instance.dispose()
    for use in (instance.get_runs, lambda: instance.create_run(JobRun("x"))):
        with pytest.raises(InvariantViolationError, match="closed"):
            use()


def test_the_flusher_starts_with_the_first_log_and_ends_with_the_instance(tmp_path: Path) -> None:
    def flushers() -> int:
        return sum(thread.name == "jobnb-log" for thread in threading.enumerate())

    before = flushers()
    instance = Instance(home=tmp_path)
    assert flushers() == before
    for _ in range(3):
        instance.open_log(instance.create_run(JobRun("x")))
    assert flushers() == before + 1
    instance.dispose()
    assert flushers() == before


def test_a_preloaded_instance_begins_with_runs() -> None:
    run = JobRun("daily")
    with Instance.ephemeral(preload=[(run, [ev.RunStarted(1.0, "daily")])]) as instance:
        assert instance.get_runs()[0].status.value == "STARTED"


def test_kinds_and_settings_are_told(tmp_path: Path) -> None:
    with Instance.ephemeral(settings={"a": 1}) as instance:
        assert (instance.is_ephemeral, instance.is_persistent, instance.home) == (True, False, None)
        assert instance.get_settings("a") == 1
        assert "in memory" in instance.info_str()
        assert repr(instance) == "Instance.ephemeral()"
        with pytest.raises(JobnbError, match="one process"):
            pickle.dumps(instance)
    with Instance.local_temp(str(tmp_path), overrides={"b": 2}) as instance:
        assert (instance.is_ephemeral, instance.is_persistent) == (False, True)
        assert instance.settings == {"b": 2}
        again = pickle.loads(pickle.dumps(instance))
        assert again.home == instance.home
        again.dispose()


def test_an_instance_for_a_test_stands_in_for_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, "/somewhere")
    with instance_for_test(overrides={"x": 1}) as instance:
        assert Instance.get() is instance
        assert os.environ[HOME_VARIABLE] == str(instance.home)
        home = instance.home
    assert os.environ[HOME_VARIABLE] == "/somewhere"
    assert home is not None
    assert not home.exists()
    with instance_for_test(set_dagster_home=False):
        assert os.environ[HOME_VARIABLE] == "/somewhere"


# -- several processes


WRITER = """
    import sys
    from jobnb.events import AssetMaterialized, Logged, RunStarted, RunSucceeded
    from jobnb.storage.instance import Instance
    from jobnb.storage.run import JobRun
    home, who, runs = sys.argv[1:]
    instance = Instance.from_home(home)
    for n in range(int(runs)):
        log = instance.open_log(instance.create_run(JobRun(who)))
        log.events.append(RunStarted(1.0, who))
        for i in range(20):
            log.events.append(Logged(float(i), 20, f"{who} {i}"))
            log.events.append(AssetMaterialized(float(n), "s", ("shared", str(i))))
            log.commit()
        log.events.append(RunSucceeded(2.0, who))
        log.close()
        instance.add_run_tags(log.run.run_id, {"n": str(n)})
    instance.dispose()
"""


def test_several_processes_write_to_one_new_home_at_once(place: Place) -> None:
    """The home and its tables are not there yet, so they also race to make them."""
    count = 15 if place.url is None else 5
    done: list[subprocess.CompletedProcess[str]] = []
    threads = [
        threading.Thread(
            target=lambda who=f"w{i}": done.append(python(WRITER, place, who, str(count)))
        )
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 4
    with place.open() as instance:
        assert instance.get_runs_count() == 4 * count
        for run in instance.get_runs():
            assert run.is_success
            assert len(instance.events(run.run_id)) == 42
        assert len(instance.get_asset_keys()) == 20
        latest = max(
            (r.asset_entry.last_materialization_storage_id or 0)
            for r in instance.get_asset_records()
        )
        assert latest > 0


def test_a_killed_writer_leaves_what_it_had_committed(place: Place) -> None:
    code = """
        import os, signal, sys
        from jobnb.events import Logged, RunStarted
        from jobnb.storage.instance import Instance
        from jobnb.storage.run import JobRun
        instance = Instance.from_home(sys.argv[1])
        log = instance.open_log(instance.create_run(JobRun("daily", "r")))
        log.due = float("inf")
        log.events += [RunStarted(1.0, "daily", ("a",)), Logged(2.0, 20, "kept")]
        log.commit()
        log.due = 1e12
        log.events.append(Logged(3.0, 20, "lost"))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert python(code, place).returncode == -9
    with place.open() as instance:
        messages = [e.message for e in instance.all_logs("r")]
        assert messages[1] == "kept"
        assert len(messages) == 3
        assert "was interrupted" in messages[2]
        assert instance.run_state("r").status.value == "FAILURE"
        instance.create_run(JobRun("next"))
        assert instance.get_runs_count() == 2


def test_a_process_that_ends_with_an_open_log_writes_it(place: Place) -> None:
    code = """
        import sys
        from jobnb.events import Logged
        from jobnb.storage.instance import Instance
        from jobnb.storage.run import JobRun
        instance = Instance.from_home(sys.argv[1])
        log = instance.open_log(instance.create_run(JobRun("daily", "r")))
        log.events.append(Logged(1.0, 20, "last words"))
    """
    done = python(code, place)
    assert (done.returncode, done.stderr) == (0, "")
    with place.open() as instance:
        words, end = (e.message for e in instance.all_logs("r"))
        assert words == "last words"
        assert "interrupted before it began" in end


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_child_uses_connections_of_its_own(place: Place) -> None:
    code = """
        import os, sys
        from jobnb.storage.instance import Instance
        from jobnb.storage.run import JobRun
        instance = Instance.from_home(sys.argv[1])
        instance.create_run(JobRun("parent"))
        child = os.fork()
        for i in range(50):
            instance.create_run(JobRun("child" if child == 0 else "parent"))
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(instance.get_runs_count())
    """
    done = python(code, place)
    assert done.stdout.strip() == "101", done.stderr


def test_a_reader_is_not_held_up_by_a_writer(on_file: Instance) -> None:
    """In WAL mode a reader sees the last committed moment while a write is going on."""
    on_file.create_run(JobRun("a"))
    assert on_file.home is not None
    raw = sqlite3.connect(on_file.home / "history.db", isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("DELETE FROM runs")
    try:
        assert on_file.get_runs_count() == 1
    finally:
        raw.execute("ROLLBACK")
        raw.close()
    assert on_file.get_runs_count() == 1


def test_a_writer_waits_for_another(on_file: Instance) -> None:
    assert on_file.home is not None
    raw = sqlite3.connect(
        on_file.home / "history.db", isolation_level=None, check_same_thread=False
    )
    raw.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, raw.execute, ["ROLLBACK"])
    release.start()
    on_file.create_run(JobRun("a"))
    release.join()
    raw.close()
    assert on_file.get_runs_count() == 1
