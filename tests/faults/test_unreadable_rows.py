"""One row that cannot be read hides no other; texts that cannot be stored are refused."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from jobnb import (
    AssetCheckKey,
    AssetCheckResult,
    AssetKey,
    BackfillStatus,
    DailyPartitionsDefinition,
    Definitions,
    HourlyPartitionsDefinition,
    Instance,
    JobnbError,
    JobRun,
    PartitionBackfill,
    ReexecutionOptions,
    RunsFilter,
    RunStatus,
    RunTable,
    Session,
    StaticPartitionsDefinition,
    StorageError,
    TimeWindowPartitionsDefinition,
    asset,
    asset_check,
    execute_job,
    job,
    materialize,
    op,
)
from jobnb import events as ev
from jobnb.storage import records, tables
from tests.storage.place import Place

DAMAGED = [b"", b"\x00\xff", b"null", b"[]", b"{", b'{"job_name": 1}', b'{"kind": "??"}',
           b'{"job_name": "\xff"}', b"[" * 100_000]  # fmt: skip


@pytest.fixture(autouse=True)
def untold() -> Iterator[None]:
    """Nothing was told of yet, in this process."""
    records._told.clear()
    yield
    records._told.clear()


@op
def one() -> int:
    return 1


@job(tags={"team": "data"})
def daily() -> None:
    one()


@asset
def first() -> int:
    return 1


@asset
def second(first: int) -> int:
    return first


@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def letters() -> int:
    return 1


@asset_check(asset=first)
def is_one() -> AssetCheckResult:
    return AssetCheckResult(passed=True)


def damage(instance: Instance, table: Table, where: Any, **values: Any) -> None:
    changed = instance._opened().write(
        lambda c: c.execute(table.update().where(where).values(**values)).rowcount
    )
    assert changed


def made(instance: Instance, assets: Any = (first, second), **options: Any) -> str:
    return materialize(list(assets), instance=instance, **options).run_id


# --- runs -----------------------------------------------------------------------


@pytest.mark.parametrize("body", DAMAGED)
def test_a_damaged_run_is_marked_and_the_others_are_shown(durable: Instance, body: bytes) -> None:
    ids = [execute_job(daily, durable).run_id for _ in range(3)]
    damage(durable, tables.runs, tables.runs.c.run_id == ids[1], body=body)
    runs = {run.run_id: run for run in durable.get_runs()}
    assert list(runs) == ids[::-1]
    assert [run.unreadable is not None for run in runs.values()] == [False, True, False]
    marked = runs[ids[1]]
    assert (marked.job_name, marked.status) == ("daily", RunStatus.SUCCESS)
    assert marked.tags["team"] == "data"
    assert durable.get_run_by_id(ids[1]) == marked
    assert len(durable.get_runs(RunsFilter(tags={"team": "data"}))) == 3
    assert durable.run_state(ids[1]).status is RunStatus.SUCCESS
    assert durable.get_run_group(ids[1])[0] == ids[1]
    assert len(durable.all_logs(ids[1])) == len(durable.all_logs(ids[0]))


def test_a_run_that_cannot_be_read_is_neither_repeated_nor_changed(durable: Instance) -> None:
    run_id = execute_job(daily, durable).run_id
    damage(durable, tables.runs, tables.runs.c.run_id == run_id, body=b"{")
    with pytest.raises(StorageError, match=f"{run_id}' cannot be repeated"):
        execute_job(daily, durable, reexecution_options=ReexecutionOptions(run_id))
    with pytest.raises(StorageError, match=f"{run_id}' gets no tags"):
        durable.add_run_tags(run_id, {"a": "b"})
    durable.delete_run(run_id)
    assert durable.get_runs() == []


@pytest.mark.parametrize(
    "values",
    [{"created": "soon"}, {"created": 1e300}, {"updated": "late"}, {"started": "x"},
     {"ended": b"y"}, {"status": "SLEEPING"}, {"status": ""}, {"body": "text"}, {"body": 7},
     {"job_name": b"\xff\xfe"}],
)  # fmt: skip
def test_columns_of_another_kind_hide_nothing(on_file: Instance, values: dict[str, Any]) -> None:
    ids = [execute_job(daily, on_file).run_id for _ in range(3)]
    database, (column, value) = on_file._opened(), next(iter(values.items()))
    statement = f"UPDATE runs SET {column} = ? WHERE run_id = ?"
    database.write(lambda c: c.exec_driver_sql(statement, (value, ids[1])))
    runs = on_file.get_runs()
    assert [run.run_id for run in runs] == ids[::-1]
    assert runs[1].unreadable or column == "job_name"
    assert len(RunTable(on_file).to_pandas()) == 3
    assert on_file.get_runs_count() == 3


def test_a_status_that_is_not_known_is_told_where_the_run_is_asked_for(durable: Instance) -> None:
    ids = [execute_job(daily, durable).run_id for _ in range(2)]
    damage(durable, tables.runs, tables.runs.c.run_id == ids[0], status="SLEEPING")
    for ask in (durable.get_run_by_id, durable.get_run_record_by_id, durable.run_state):
        with pytest.raises(StorageError, match="'SLEEPING'.*update jobnb"):
            ask(ids[0])
    other, marked = durable.get_runs()
    assert other.unreadable is None
    assert "SLEEPING" in str(marked.unreadable)
    with pytest.raises(JobnbError, match="Did you mean 'SUCCESS'"):
        durable.get_runs(RunsFilter(statuses=["SUCCES"]))  # type: ignore[list-item]


def test_a_lost_run_of_a_status_that_is_not_known_hides_nothing(place: Place) -> None:
    with place.open() as instance:
        instance.create_run(JobRun("daily", "r"))
        damage(instance, tables.leases, tables.leases.c.run_id == "r", mark="gone")
        damage(instance, tables.runs, tables.runs.c.run_id == "r", status="SLEEPING")
    with place.open() as other:
        assert [run.run_id for run in other.get_runs()] == ["r"]


def test_a_damaged_lease_hides_nothing(tmp_path: Path) -> None:
    with Instance(home=tmp_path) as instance:
        instance.create_run(JobRun("daily", "r"))
        for column in ("host", "pid", "mark", "seen"):
            statement = f"UPDATE leases SET {column} = 'x'"
            instance._opened().write(lambda c, s=statement: c.exec_driver_sql(s))
            with Instance(home=tmp_path) as other:
                assert [run.run_id for run in other.get_runs()] == ["r"]


def test_a_marked_run_is_seen_wherever_runs_are_listed(tmp_path: Path) -> None:
    session = Session(home=str(tmp_path))
    with session.instance as instance:
        ids = [execute_job(daily, instance).run_id for _ in range(2)]
        damage(instance, tables.runs, tables.runs.c.run_id == ids[0], body=b"{")
        assert str(session.runs).count("(unreadable)") == 1
        from jobnb.display.history_views import run_table_view
        from jobnb.display.widgets.history_data import run_row

        view = run_table_view(session.runs)
        assert view.text.count("(unreadable)") == view.html.count("(unreadable)") == 1
        rows = [run_row(record) for record in instance.get_run_records()]
        assert ["cannot be read" in row["target"] for row in rows] == [False, True]
    command = [sys.executable, "-m", "jobnb.cli.main", "run", "list", "--json"]
    environment = {**Place(tmp_path, None).environment, "JOBNB_HOME": str(tmp_path)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = {row["run_id"]: row for row in json.loads(done.stdout)}
    assert {run_id: row["status"] for run_id, row in told.items()} == dict.fromkeys(ids, "SUCCESS")
    assert told[ids[1]]["unreadable"] is None
    assert "cannot be read" in told[ids[0]]["unreadable"]


# --- events, assets, checks, partitions -----------------------------------------


@pytest.mark.parametrize("body", DAMAGED)
def test_damaged_events_are_a_note_in_the_log_and_the_rest_is_there(
    durable: Instance, body: bytes
) -> None:
    durable.create_run(JobRun("daily", "r"))
    log = durable.open_log(JobRun("daily", "r"))
    for number in range(3):
        log.events.append(ev.Logged(float(number), 20, str(number)))
        log.commit()
    log.close()
    chunks = tables.event_chunks
    damage(durable, chunks, chunks.c.first_seq == 1, body=body)
    events = durable.events("r")
    if body == b"[]":
        assert [event.message for event in events] == ["0", "2"]
        return
    before, note, after = events
    assert (before.message, after.message) == ("0", "2")
    assert "cannot be read" in note.message
    assert durable.run_state("r").events == 3
    assert [entry.message for entry in durable.logs_after("r", 1)] == ["2"]


def test_one_event_of_a_newer_kind_hides_no_other_of_its_row(durable: Instance) -> None:
    durable.create_run(JobRun("daily", "r"))
    log = durable.open_log(JobRun("daily", "r"))
    log.events += [ev.Logged(float(number), 20, str(number)) for number in range(3)]
    log.close()
    first, _, last = json.loads(ev.encode_events(log.events))
    body = json.dumps([first, {"kind": "FROM_THE_FUTURE", "time": 1.0}, last]).encode()
    damage(durable, tables.event_chunks, tables.event_chunks.c.run_id == "r", body=body)
    messages = [event.message for event in durable.events("r")]
    assert (messages[0], messages[2]) == ("0", "2")
    assert "newer jobnb" in messages[1]


@pytest.mark.parametrize("body", DAMAGED)
def test_a_damaged_asset_hides_no_other(
    durable: Instance, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    made(durable)
    key = AssetKey("first").to_string()
    damage(durable, tables.assets, tables.assets.c.asset_key == key, body=body)
    with caplog.at_level(logging.WARNING, "jobnb.storage"):
        records = durable.get_asset_records()
        # What was last made of it is in the index of events, too.
        assert all(record.asset_entry.last_materialization for record in records)
        assert "cannot be read" in caplog.text
    assert AssetKey("second") in durable.last_made()
    indexed = tables.indexed_events
    damage(durable, indexed, indexed.c.asset_key == key, body=body)
    assert [str(r.asset_entry.asset_key) for r in durable.get_asset_records()] == [
        str(AssetKey("first")), str(AssetKey("second")),
    ]  # fmt: skip
    assert durable.get_latest_materialization_event(AssetKey("second")) is not None
    kind = ev.EventType.ASSET_MATERIALIZATION
    from jobnb.storage.records import EventRecordsFilter

    assert len(durable.get_event_records(EventRecordsFilter(kind))) == 1
    assert len(durable.get_event_records(EventRecordsFilter(kind), limit=1)) == 1
    durable.failed_steps()


def test_a_damaged_key_of_an_asset_hides_no_other(durable: Instance) -> None:
    made(durable)
    key = AssetKey("first").to_string()
    damage(durable, tables.assets, tables.assets.c.asset_key == key, asset_key="{")
    assert durable.get_asset_keys() == [AssetKey("second")]
    assert len(durable.get_asset_records()) == 1
    assert list(durable.last_made()) == [AssetKey("second")]


def test_a_damaged_check_hides_no_other(durable: Instance) -> None:
    @asset_check(asset=first)
    def is_small() -> AssetCheckResult:
        return AssetCheckResult(passed=True)

    materialize([first, is_one, is_small], instance=durable)
    indexed = tables.indexed_events
    said = indexed.c.kind == ev.EventType.ASSET_CHECK_EVALUATION.value
    rows = durable._opened().read(
        lambda c: c.execute(indexed.select().where(said).order_by(indexed.c.storage_id)).all()
    )
    damage(durable, indexed, indexed.c.storage_id == rows[0].storage_id, body=b"{")
    assert len(durable.get_latest_asset_check_evaluations(["first"])) == 1
    keys = [AssetCheckKey(AssetKey("first"), name) for name in ("is_one", "is_small")]
    assert sum(len(durable.get_asset_check_evaluation_records(key)) for key in keys) == 1


def test_a_damaged_partition_hides_no_other(durable: Instance) -> None:
    for key in ("a", "b"):
        made(durable, [letters], partition_key=key)
    indexed = tables.indexed_events
    is_a = (indexed.c.partition == "a") & (indexed.c.kind == "ASSET_MATERIALIZATION")
    damage(durable, indexed, is_a, body=b"{")
    assert set(durable.get_latest_materialization_by_partition("letters")) == {"b"}
    assert set(durable.partitions_made(AssetKey("letters"))) == {"b"}
    assert durable.get_materialized_partitions("letters") == {"a", "b"}


def test_the_partitions_of_a_job_are_told_beside_a_run_of_an_unknown_status(
    durable: Instance,
) -> None:
    for key in ("a", "b"):
        durable.create_run(
            JobRun("daily", key, status=RunStatus.SUCCESS, tags={"dagster/partition": key})
        )
    damage(durable, tables.runs, tables.runs.c.run_id == "a", status="SLEEPING")
    standing = durable.get_job_status_by_partition("daily", ["a", "b"])
    assert [each and each.value for each in standing.values()] == [None, "MATERIALIZED"]


# --- presets and backfills --------------------------------------------------------


@pytest.mark.parametrize("body", DAMAGED)
def test_a_damaged_preset_hides_no_other(
    durable: Instance, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    if body == b'{"job_name": 1}' or body == b'{"kind": "??"}':
        return  # that is a preset
    for name in ("one", "two"):
        durable.save_preset("daily", name, {"a": 1})
    damage(durable, tables.presets, tables.presets.c.name == "one", body=body)
    for _ in range(2):
        assert durable.get_presets("daily") == {"two": {"a": 1}}
    assert caplog.text.count("'one'") == 1
    durable.save_preset("daily", "one", {"b": 2})
    assert list(durable.get_presets("daily")) == ["one", "two"]


@pytest.mark.parametrize("body", DAMAGED)
def test_a_damaged_backfill_is_marked_and_the_others_are_shown(place: Place, body: bytes) -> None:
    if body == b'{"job_name": 1}' or body == b'{"kind": "??"}':
        body = b'{"status": "SLEEPING"}'
    with place.open() as instance:
        for name in ("one", "two", "three"):
            instance.add_backfill(PartitionBackfill(name))
        table = tables.backfills
        damage(instance, table, table.c.backfill_id == "two", body=body)
    with place.open() as instance:
        found = {each.backfill_id: each for each in instance.get_backfills()}
        assert list(found) == ["three", "two", "one"]
        assert "cannot be read" in str(found["two"].error)
        assert found["two"].status is BackfillStatus.REQUESTED
        damage(instance, table, table.c.backfill_id == "two", status="SLEEPING")
        assert instance.get_backfill("two").status is BackfillStatus.FAILED


# --- the version of the tables ---------------------------------------------------


@pytest.mark.parametrize("version", ["", "two", "-1", "0", "1.5", "\u00b2", "999"])
def test_a_version_of_the_tables_that_is_not_known_is_one_sentence(
    place: Place, version: str
) -> None:
    with place.open() as instance:
        own = tables.kvs.c.key == "jobnb/schema_version"
        damage(instance, tables.kvs, own, value=version)
    with pytest.raises(StorageError, match="version|newer jobnb") as told:
        place.open()
    assert "\n" not in str(told.value)


# --- homes and texts that cannot be ----------------------------------------------


def test_a_home_that_cannot_be_one_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for home in ("a\0b", str(tmp_path / "a\0b"), str(tmp_path / "\ud800"), file, file / "below"):
        for ways in (Instance, Instance.from_home, Instance.local_temp):
            with pytest.raises(StorageError, match="JOBNB_HOME") as told:
                ways(str(home))
            assert "\n" not in str(told.value)
        with pytest.raises(StorageError):
            materialize([first], instance=Session(home=str(home)).instance)
    monkeypatch.setenv("JOBNB_HOME", "~nobody-of-this-name/home")
    with pytest.raises(StorageError, match="JOBNB_HOME"):
        Instance.get()
    for url in ("sqlite:///a\0b.db", f"sqlite:///{tmp_path}/\ud800.db"):
        with pytest.raises(StorageError):
            Instance(home=tmp_path / "home", url=url)


def test_a_home_whose_name_is_no_utf8_is_one_all_the_same(tmp_path: Path) -> None:
    home = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    with Instance(home=home) as instance:
        assert execute_job(daily, instance).success


ILL = ["a\0b", "\0", "a\ud800b", "\udfff"]


@pytest.mark.parametrize("text", ILL)
def test_texts_that_cannot_be_stored_are_refused_wherever_they_are_given(
    instance: Instance, text: str
) -> None:
    execute_job(daily, instance)
    before = instance.get_runs_count()
    given = [
        lambda: daily.execute_in_process(instance=instance, run_id=text),
        lambda: daily.execute_in_process(instance=instance, tags={"a": text}),
        lambda: daily.execute_in_process(instance=instance, tags={text: "a"}),
        lambda: execute_job(daily, instance, tags={"a": text}),
        lambda: daily.launch(instance=instance, tags={"a": text}),
        lambda: materialize([letters], instance=instance, partition_key=text),
        lambda: materialize([letters], instance=instance, tags={"dagster/partition": text}),
        lambda: instance.create_run(JobRun("daily", text)),
        lambda: instance.create_run(JobRun(text)),
        lambda: instance.create_run(JobRun("daily", tags={"a": text})),
        lambda: instance.open_batch().begin(JobRun("daily", text)),
        lambda: instance.add_run_tags(instance.get_runs(limit=1)[0].run_id, {"a": text}),
        lambda: instance.add_dynamic_partitions("letters", [text]),
        lambda: instance.add_dynamic_partitions(text, ["a"]),
        lambda: instance.save_preset("daily", text, {}),
        lambda: instance.save_preset(text, "a", {}),
        lambda: instance.set_values({"a": text}),
        lambda: instance.set_values({text: "a"}),
        lambda: AssetKey(text),
        lambda: AssetKey(["a", text]),
        lambda: asset(key=text)(lambda: 1),
        lambda: StaticPartitionsDefinition([text]),
        lambda: DailyPartitionsDefinition("2013-01-01", fmt=f"%Y-%m-%d{text}"),
        lambda: HourlyPartitionsDefinition("2013-01-01", fmt=text),
        lambda: TimeWindowPartitionsDefinition(
            start="2013-01-01", fmt=f"{text}%Y-%m-%d", cron_schedule="0 0 * * *"
        ),
        lambda: Definitions(assets=[first]).get_job_def(text),
    ]
    for number, give in enumerate(given):
        with pytest.raises(JobnbError) as told:
            give()
        assert "\ud800" not in str(told.value), number
    assert instance.get_runs_count() == before


@pytest.mark.parametrize("text", ILL)
def test_asking_for_a_text_that_cannot_be_stored_finds_nothing_or_is_one_sentence(
    instance: Instance, text: str
) -> None:
    execute_job(daily, instance)
    asked = [
        lambda: instance.get_run_by_id(text),
        lambda: instance.get_runs(RunsFilter(job_name=text)),
        lambda: instance.get_runs(RunsFilter(tags={text: "a"})),
        lambda: instance.get_runs(RunsFilter(tags={"a": text})),
        lambda: instance.events(text),
        lambda: instance.get_presets(text),
        lambda: instance.delete_preset("daily", text),
        lambda: instance.get_values([text]),
        lambda: instance.get_backfill(text),
        lambda: instance.get_dynamic_partitions(text),
        lambda: instance.has_dynamic_partition("letters", text),
        lambda: instance.delete_dynamic_partition("letters", text),
        lambda: instance.get_job_status_by_partition("daily", [text])[text],
    ]
    for ask in asked:
        with suppress(JobnbError):
            assert not ask()
