"""A history on a PostgreSQL server: several at it, a server that goes, rights that are missing."""

from __future__ import annotations

import gc
import math
import random
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from jobnb import (
    AssetKey,
    Instance,
    InvalidDefinitionError,
    JobRun,
    MaterializeResult,
    MetadataValue,
    RunsFilter,
    StorageError,
    asset,
    materialize,
)
from jobnb import events as ev
from jobnb.storage import engines, lost_runs, tables
from jobnb.storage.process import this_process
from tests.postgres import Server
from tests.storage.place import Place


@contextmanager
def in_between(instance: Instance, work: Callable[[Any], Any]) -> Iterator[threading.Event]:
    """Do `work` in a transaction of another thread, which ends when the event is set."""
    begun, end = threading.Event(), threading.Event()

    def hold(connection: Any) -> None:
        work(connection)
        begun.set()
        assert end.wait(30)

    thread = threading.Thread(target=instance._opened().write, args=[hold])
    thread.start()
    try:
        assert begun.wait(30)
        yield end
    finally:
        end.set()
        thread.join(timeout=30)


def runs(connection: Any) -> int:
    return connection.scalar(select(func.count()).select_from(tables.runs))


# --- several at once ----------------------------------------------------------


def test_all_that_one_reader_reads_is_of_one_moment(durable: Instance) -> None:
    def twice(connection: Any) -> tuple[int, int]:
        before = runs(connection)
        with Place.of(durable).open() as other:
            other.create_run(JobRun("daily"))
        return before, runs(connection)

    assert durable._opened().read(twice) == (0, 0)
    assert durable.get_runs_count() == 1


def test_who_reads_cannot_write(on_server: Instance) -> None:
    with pytest.raises(StorageError, match="read-only"):
        on_server._opened().read(lambda c: c.execute(tables.runs.delete()))


def test_a_reader_does_not_wait_for_a_writer_and_a_writer_does(durable: Instance) -> None:
    durable.create_run(JobRun("daily"))
    delete = tables.runs.delete()
    with (
        Place.of(durable).open() as other,
        in_between(other, lambda c: c.execute(delete)) as end,
    ):
        assert durable.get_runs_count() == 1
        second = threading.Thread(target=durable.create_run, args=[JobRun("daily")])
        second.start()
        second.join(timeout=0.2)
        assert second.is_alive()
        end.set()
        second.join(timeout=30)
    assert durable.get_runs_count() == 1


def test_the_end_of_an_interrupted_run_is_noted_once_whoever_looks(durable: Instance) -> None:
    log = durable.open_log(durable.create_run(JobRun("daily", "r")))
    log.events.append(ev.RunStarted(1.0, "daily"))
    log.close()

    def note(connection: Any) -> None:
        assert lost_runs.note_end(connection, "r", this_process()) is not None

    with Place.of(durable).open() as other, in_between(other, note) as end:
        found: list[object] = []
        second = threading.Thread(
            target=lambda: found.append(
                durable._opened().write(lambda c: lost_runs.note_end(c, "r", this_process()))
            )
        )
        second.start()
        second.join(timeout=0.2)
        end.set()
        second.join(timeout=30)
    assert found == [None]
    assert [type(event).__name__ for event in durable.events("r")] == ["RunStarted", "RunFailed"]


def test_histories_in_two_schemas_do_not_wait_for_each_other(
    on_server: Instance, postgres: Server, tmp_path: Path
) -> None:
    url = postgres.new_schema()
    with in_between(on_server, runs), Instance(home=tmp_path / "other", url=url) as other:
        other.create_run(JobRun("daily"))
        assert other.get_runs_count() == 1
    assert on_server.get_runs_count() == 0


def test_a_process_killed_while_it_writes_leaves_nothing_and_holds_up_nobody(place: Place) -> None:
    script = """
        import sys, time
        from jobnb import Instance
        from jobnb.storage.run import JobRun
        from jobnb.storage.writing import insert_run
        def hold(connection):
            insert_run(connection, JobRun("daily"))
            print("writing", flush=True)
            time.sleep(600)
        Instance.from_home(sys.argv[1])._opened().write(hold)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(place.home)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=place.environment
    ) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
        finally:
            writer.kill()
    with place.open() as instance:
        assert instance.get_runs_count() == 0
        instance.create_run(JobRun("daily"))
        assert instance.get_runs_count() == 1


def test_a_writer_that_never_lets_go_is_told_when_patience_ends(
    on_server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_between(on_server, runs):
        monkeypatch.setattr(engines, "PATIENCE", 0.05)
        with pytest.raises(StorageError, match="Cannot write the history: another process") as told:
            on_server.create_run(JobRun("daily"))
    assert "\n" not in str(told.value)


# --- the server goes and comes --------------------------------------------------


def cut_off(server: Server) -> None:
    """As if the server had been started again, or a line in between were cut."""
    server.do(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )


def test_a_connection_that_was_cut_is_made_anew(on_server: Instance, postgres: Server) -> None:
    on_server.create_run(JobRun("daily"))
    cut_off(postgres)
    assert on_server.get_runs_count() == 1
    cut_off(postgres)
    on_server.create_run(JobRun("daily"))
    assert on_server.get_runs_count() == 2


def test_what_was_not_committed_when_it_was_cut_is_written_again_once(
    on_server: Instance, postgres: Server
) -> None:
    tries: list[int] = []

    def work(connection: Any) -> None:
        connection.execute(tables.kvs.insert().values(key=f"user/{len(tries)}", value="x"))
        tries.append(1)
        if len(tries) == 1:
            cut_off(postgres)
            runs(connection)

    on_server._opened().write(work)
    assert len(tries) == 2
    assert on_server.get_values(["0", "1"]) == {"1": "x"}


def test_a_server_that_stays_away_is_one_sentence(tmp_path: Path) -> None:
    url = f"postgresql://me:hunter2@/db?host={tmp_path}&connect_timeout=5"
    with pytest.raises(StorageError, match="Cannot open the history") as told:
        Instance(home=tmp_path / "home", url=url)
    assert "\n" not in str(told.value)
    assert "postgresql+psycopg://me:***@/db" in str(told.value)
    assert "JOBNB_HOME" not in str(told.value)


def test_rights_that_are_missing_are_one_sentence(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_schema()
    with Instance(home=tmp_path, url=url) as instance:
        instance.create_run(JobRun("daily"))
    schema = url.rpartition("%3D")[2]
    postgres.do("DROP ROLE IF EXISTS visitor; CREATE ROLE visitor LOGIN")
    theirs = url.replace("jobnb@", "visitor@")
    with pytest.raises(StorageError, match="Cannot open the history") as told:
        Instance(home=tmp_path, url=theirs)
    assert "\n" not in str(told.value)
    postgres.do(f"GRANT USAGE ON SCHEMA {schema} TO visitor")
    postgres.do(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO visitor")
    with Instance(home=tmp_path, url=theirs) as visitor:
        assert visitor.get_runs_count() == 1
        with pytest.raises(StorageError, match="permission denied") as told:
            visitor.create_run(JobRun("daily"))
    assert "\n" not in str(told.value)


def test_an_instance_that_nobody_holds_lets_go_of_its_connections(
    database: str, postgres: Server, tmp_path: Path
) -> None:
    def connections() -> int:
        return postgres.do("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mine'")

    instance = Instance(home=tmp_path, url=f"{database}&application_name=mine")
    instance.create_run(JobRun("daily"))
    assert connections() == 1
    del instance
    gc.collect()
    deadline = time.monotonic() + 30
    while connections() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert connections() == 0


# --- passwords and drivers ------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql//me:hunter2@host/db",
        "postgresql://me:hunter2@host:port/db",
        "postgresql://me:hunter2@[host/db",
        "nothing://me:hunter2@host/db",
        "postgresql+nothing://me:hunter2@host/db",
        "postgresql://me:hunter2@localhost:1/db",
        "postgresql://localhost:1/db?user=me&password=hunter2",
    ],
)
def test_an_error_never_shows_a_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(StorageError, match="Cannot open the history") as told:
        Instance(home=tmp_path, url=url)
    assert "hunter2" not in "".join(traceback.format_exception(told.value))


def test_an_instance_never_shows_its_password(postgres: Server, tmp_path: Path) -> None:
    url = postgres.url(options="-csearch_path=" + postgres.new_schema().rpartition("%3D")[2])
    for secret in (url.replace("jobnb@", "jobnb:hunter2@"), f"{url}&password=hunter2"):
        with Instance(home=tmp_path, url=secret) as instance:
            said = [repr(instance), instance.info_str(), repr(instance._opened().engine)]
            assert "hunter2" not in "".join(said)
            assert "***" in said[1]


def test_a_missing_driver_is_named_with_what_to_install(tmp_path: Path) -> None:
    script = """
        import sys
        sys.modules["psycopg"] = None
        from jobnb import Instance
        Instance(home=sys.argv[1], url="postgresql://me@host/db")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], capture_output=True,
        text=True, timeout=60, env=Place(tmp_path, None).environment, check=False,
    )  # fmt: skip
    assert "install jobnb[postgres]" in done.stderr.splitlines()[-1]


# --- texts ----------------------------------------------------------------------


def test_texts_may_be_long(instance: Instance) -> None:
    long = "".join(random.Random(1).choices("abcdefghij", k=20_000))
    instance.create_run(JobRun("daily", tags={"config": long, long[:1000]: "x"}))
    assert instance.get_runs_count(RunsFilter(tags={"config": long})) == 1
    assert instance.get_runs_count(RunsFilter(tags={long[:1000]: "x"})) == 1
    instance.save_preset("daily", long[:1000], {"a": 1})
    instance.set_values({long[:1000]: long})
    assert instance.get_values([long[:1000]]) == {long[:1000]: long}
    instance.add_dynamic_partitions("d" * 300, ["x" * 2000])
    assert instance.has_dynamic_partition("d" * 300, "x" * 2000)


def test_names_are_in_the_order_of_their_characters(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_database("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    names = ["B", "a", "b", "Ä", "_c"]
    found = []
    for place in (Place(tmp_path / "a", None), Place(tmp_path / "b", url)):
        with place.open() as instance:
            for name in names:
                instance.save_preset("daily", name, {})
                instance.create_run(JobRun("daily", f"run{name}", tags={name: name, "all": name}))
            found.append(
                (
                    list(instance.get_presets("daily")),
                    list(instance.get_run_tag_keys()),
                    list(instance.get_run_tags(limit=4)),
                    [r.dagster_run.run_id for r in instance.get_run_records(order_by="run_id")],
                    [str(key) for key in instance.get_asset_keys()],
                )
            )
    assert found[0] == found[1]


def test_a_text_that_the_server_cannot_hold_is_one_sentence(on_server: Instance) -> None:
    with pytest.raises(InvalidDefinitionError, match="NUL"):
        on_server.create_run(JobRun("daily", tags={"a": "b\0c"}))
    on_server.create_run(JobRun("daily", "r"))
    on_server.report_engine_event("a\0b", run_id="r")
    assert on_server.events("r")[0].message == "a\0b"


def test_metadata_within_metadata_and_numbers_that_json_lacks_are_kept(instance: Instance) -> None:
    given = {"ratio": float("nan"), "top": [float("-inf")], "rows": MetadataValue.int(3)}

    @asset(name="orders")
    def orders() -> MaterializeResult[Any]:
        return MaterializeResult(metadata={"data": given, "more": [MetadataValue.md("*x*")]})

    materialize([orders], instance=instance)
    event = instance.get_latest_materialization_event(AssetKey("orders"))
    assert event is not None
    metadata = event.asset_materialization.metadata
    data = metadata["data"].value
    assert math.isnan(data.pop("ratio"))
    assert data == {"top": [float("-inf")], "rows": MetadataValue.int(3)}
    assert metadata["more"].value == [MetadataValue.md("*x*")]
