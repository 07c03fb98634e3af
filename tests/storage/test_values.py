"""Values: stored so that they come back the same, whole, and in a place of their own."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

from jobnb import (
    ExecutedNotebook,
    FilesystemIOManager,
    InitResourceContext,
    InMemoryIOManager,
    Instance,
    InvariantViolationError,
    JobnbError,
    PartitionKeyRange,
    StaticPartitionsDefinition,
    StepOutputNotFoundError,
    StorageError,
    build_input_context,
    build_output_context,
    fs_io_manager,
    mem_io_manager,
)
from jobnb.storage import formats
from jobnb.storage.files import FileIOManager


def store(manager: Any, value: Any, **fields: Any) -> Path:
    context = build_output_context(**{"step_key": "s", "name": "result", "run_id": "r", **fields})
    manager.handle_output(context, value)
    return Path(context.get_logged_metadata()["path"].value)


def load(manager: Any, **fields: Any) -> Any:
    output = build_output_context(**{"step_key": "s", "name": "result", "run_id": "r", **fields})
    return manager.load_input(build_input_context(name="x", upstream_output=output))


def again(tmp_path: Path, value: Any) -> tuple[Any, str]:
    manager = FileIOManager(tmp_path)
    path = store(manager, value, asset_key="a")
    return manager.load_input(build_input_context(asset_key="a")), path.suffix


UTC_TIMES = pd.to_datetime(["2020-01-01", None], utc=True)
FAITHFUL = {
    "numbers": pd.DataFrame({"i": [1, 2], "f": [1.5, np.nan], "b": [True, False]}),
    "small": pd.DataFrame({"i": np.array([1], "int8"), "u": np.array([1], "uint64")}),
    "text": pd.DataFrame({"s": ["a", None], "t": ["", "ü\U0001f600"]}, dtype="str"),
    "times": pd.DataFrame({"t": pd.to_datetime(["2020-01-01", None]), "u": UTC_TIMES}),
    "berlin": pd.DataFrame({"t": UTC_TIMES.tz_convert("Europe/Berlin")}),
    "nanoseconds": pd.DataFrame({"t": pd.to_datetime([1], unit="ns")}),
    "delta": pd.DataFrame({"d": pd.to_timedelta([1, None], unit="s")}),
    "nullable": pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}),
    "flag": pd.DataFrame({"n": pd.array([True, None], dtype="boolean")}),
    "no rows": pd.DataFrame({"i": np.array([], "int64")}),
    "range": pd.DataFrame({"i": [1, 2]}, index=pd.RangeIndex(5, 9, 2, name="k")),
    "named index": pd.DataFrame({"i": [1, 2]}, index=pd.Index([7, 7], name="k")),
    "text index": pd.DataFrame({"i": [1, 2]}, index=pd.Index(["x", "y"])),
    "odd names": pd.DataFrame({"": [1], "a b/ü": [2], "__index_level_0__": [3]}),
}


@pytest.mark.parametrize("name", FAITHFUL)
def test_plain_frames_are_parquet_and_come_back_the_same(tmp_path: Path, name: str) -> None:
    frame = FAITHFUL[name]
    value, suffix = again(tmp_path, frame)
    pd.testing.assert_frame_equal(value, frame, check_index_type="equiv", check_freq=True)
    assert list(value.dtypes) == list(frame.dtypes)
    assert type(value.index) is type(frame.index)
    if name != "odd names":
        assert suffix == ".parquet"


class Subclass(pd.DataFrame):
    @property
    def _constructor(self) -> type:
        return Subclass


def with_attrs() -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["source"] = {"x": (1, 2)}
    return frame


UNFAITHFUL = {
    "objects": pd.DataFrame({"o": [1, "a", None]}, dtype=object),
    "lists": pd.DataFrame({"o": [[1], (2,)]}),
    "decimals": pd.DataFrame({"o": [Decimal("1.10")]}),
    "dates": pd.DataFrame({"o": [dt.date(2020, 1, 1)]}),
    "categories": pd.DataFrame({"c": pd.Categorical(["a"], categories=["b", "a"], ordered=True)}),
    "periods": pd.DataFrame({"p": pd.period_range("2020", periods=2, freq="M")}),
    "complex": pd.DataFrame({"z": [1j]}),
    "half": pd.DataFrame({"h": np.array([1], "float16")}),
    "masked": pd.DataFrame({"m": pd.array([1.5, None], dtype="Float64")}),
    "sparse": pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1])}),
    "number names": pd.DataFrame({0: [1], 1: [2]}),
    "same names": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "levels": pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
    "index levels": pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])),
    "column names": pd.DataFrame([[1]], columns=pd.Index(["a"], name="k")),
    "frequency": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2, freq="D")),
    "attrs": with_attrs(),
    "subclass": Subclass({"a": [1]}),
    "nothing": pd.DataFrame(),
    "only index": pd.DataFrame(index=[1, 2]),
}


@pytest.mark.parametrize("name", UNFAITHFUL)
def test_other_frames_are_pickled_and_come_back_the_same(tmp_path: Path, name: str) -> None:
    frame = UNFAITHFUL[name]
    value, suffix = again(tmp_path, frame)
    assert suffix == ""
    assert type(value) is type(frame)
    pd.testing.assert_frame_equal(value, frame, check_column_type="equiv", check_freq=True)
    assert list(value.dtypes) == list(frame.dtypes)
    assert value.attrs == frame.attrs


@pytest.mark.parametrize("value", [None, 3, "x", {"a": [1, (2,)]}, pd.Series([1], name="s"), dict])
def test_anything_else_is_pickled(tmp_path: Path, value: Any) -> None:
    back, suffix = again(tmp_path, value)
    assert suffix == ""
    assert back.equals(value) if isinstance(value, pd.Series) else back == value


def test_functions_of_a_notebook_are_stored_too(tmp_path: Path) -> None:
    scale = 3
    back, _ = again(tmp_path, lambda x: x * scale)
    assert back(2) == 6


def test_without_pyarrow_frames_are_pickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_has_pyarrow", lambda: False)
    assert again(tmp_path, FAITHFUL["numbers"])[1] == ""


# -- places


def test_every_kind_of_value_has_its_place(tmp_path: Path) -> None:
    manager = FileIOManager(tmp_path)
    run_id = "0b9c1d8e-1111-4222-8333-abcdefabcdef"
    run = tmp_path / run_id / "s"
    assert store(manager, 1, run_id=run_id) == run / "result"
    assert store(manager, 2, run_id=run_id, name="dyn", mapping_key="k") == run / "dyn" / "k"
    assert store(manager, 3, asset_key="a/b") == tmp_path / "a" / "b"
    assert store(manager, 4, asset_key="c") == tmp_path / "c"
    assert load(manager, run_id=run_id) == 1
    assert load(manager, run_id=run_id, name="dyn", mapping_key="k") == 2
    assert [load(manager, asset_key="a/b"), load(manager, asset_key="c")] == [3, 4]


def test_partitions_lie_side_by_side_and_load_together(tmp_path: Path) -> None:
    manager = FileIOManager(tmp_path)
    parts = StaticPartitionsDefinition(["x", "2/z"])
    for key, name, value in (("x", "x@", 1), ("2/z", "2%2Fz", 2)):
        path = store(manager, value, asset_key="a", partition_key=key, asset_partitions_def=parts)
        assert path == tmp_path / "a" / name

    def wanted(**fields: Any) -> Any:
        return manager.load_input(
            build_input_context(asset_key="a", asset_partitions_def=parts, **fields)
        )

    assert wanted(partition_key="x") == 1
    both = PartitionKeyRange("x", "2/z")
    assert wanted(asset_partition_key_range=both) == {"x": 1, "2/z": 2}
    (tmp_path / "a" / "x@").unlink()
    with pytest.raises(StepOutputNotFoundError, match="1 of 2 partitions of the asset 'a'.* 'x'"):
        wanted(asset_partition_key_range=both)


def test_a_value_of_another_format_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    manager = FileIOManager(tmp_path)
    store(manager, FAITHFUL["numbers"], asset_key="a")
    store(manager, 5, asset_key="a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    store(manager, FAITHFUL["numbers"], asset_key="a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


# -- what goes wrong


def test_a_value_that_was_never_stored_is_named_with_what_to_do(tmp_path: Path) -> None:
    manager = FileIOManager(tmp_path)
    with pytest.raises(StepOutputNotFoundError) as caught:
        manager.load_input(build_input_context(asset_key="warehouse/orders"))
    assert "asset 'warehouse/orders'" in str(caught.value)
    assert 'session.materialize("warehouse/orders")' in str(caught.value)
    days = StaticPartitionsDefinition(["mon", "tue"])
    with pytest.raises(StepOutputNotFoundError) as caught:
        load(manager, asset_key="orders", asset_partitions_def=days, partition_key="tue")
    assert 'session.materialize("orders", partition="tue")' in str(caught.value)
    with pytest.raises(StepOutputNotFoundError, match="output 'result' of step 's'"):
        load(manager)


@pytest.mark.parametrize("value", [3, FAITHFUL["numbers"]])
@pytest.mark.parametrize("content", [b"", b"garbage", b"PAR1garbagePAR1"])
def test_a_damaged_file_is_named_with_what_to_do(
    tmp_path: Path, value: Any, content: bytes
) -> None:
    manager = FileIOManager(tmp_path)
    path = store(manager, value, asset_key="a")
    path.write_bytes(content)
    with pytest.raises(JobnbError, match="asset 'a' cannot be read") as caught:
        load(manager, asset_key="a")
    assert str(path) in str(caught.value)
    assert 'Materialize it first with session.materialize("a")' in str(caught.value)
    assert "`jobnb asset materialize --select a`" in str(caught.value)


class Unpicklable:
    def __reduce__(self) -> Any:
        raise TypeError("I stay here")


def test_a_value_that_cannot_be_stored_leaves_the_old_one(tmp_path: Path) -> None:
    manager = FileIOManager(tmp_path)
    store(manager, 1, asset_key="a")
    with pytest.raises(JobnbError, match="asset 'a' is a Unpicklable .*I stay here"):
        store(manager, Unpicklable(), asset_key="a")
    assert load(manager, asset_key="a") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_write_that_is_cut_off_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = FileIOManager(tmp_path)
    store(manager, 1, asset_key="a")

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store(manager, 2, asset_key="a")
    assert load(manager, asset_key="a") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="asset 'a'"):
        store(FileIOManager(tmp_path / "file"), 1, asset_key="a")


def test_files_have_the_rights_of_any_new_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    assert store(FileIOManager(tmp_path), 1).stat().st_mode == plain.stat().st_mode


# -- the managers that come with jobnb


def test_memory_keeps_objects_as_they_are_for_one_run() -> None:
    manager = mem_io_manager.call(None)
    assert type(manager) is InMemoryIOManager
    value = object()
    manager.handle_output(build_output_context(step_key="s", name="o"), value)
    output = build_output_context(step_key="s", name="o")
    assert manager.load_input(build_input_context(upstream_output=output)) is value
    assert mem_io_manager.call(None) is not manager
    with pytest.raises(StepOutputNotFoundError, match="'a/b'.*one run"):
        manager.load_input(build_input_context(asset_key="a/b"))


def test_an_op_inside_a_graph_finds_the_value_that_was_stored_as_an_asset(tmp_path: Path) -> None:
    for manager in (InMemoryIOManager(), FileIOManager(tmp_path)):
        output = build_output_context(step_key="s", name="o", asset_key="a")
        manager.handle_output(output, 3)
        assert manager.load_input(build_input_context(upstream_output=output)) == 3
        assert manager.load_input(build_input_context(asset_key="a")) == 3


def test_the_filesystem_manager_stores_where_the_config_or_the_instance_says(
    tmp_path: Path,
) -> None:
    with Instance.ephemeral(tempdir=str(tmp_path / "own")) as instance:
        default = fs_io_manager.call(InitResourceContext({}, None, instance=instance))
        assert default.base_dir == tmp_path / "own" / "storage"
        given = fs_io_manager.call(
            InitResourceContext({"base_dir": str(tmp_path)}, None, instance=instance)
        )
        assert given.base_dir == tmp_path
        as_class = FilesystemIOManager().create_io_manager(
            InitResourceContext({}, None, instance=instance)
        )
        assert as_class.base_dir == tmp_path / "own" / "storage"
    named = FilesystemIOManager(base_dir=str(tmp_path / "x"))
    assert named.create_io_manager(None).base_dir == tmp_path / "x"
    with pytest.raises(InvariantViolationError, match="base_dir"):
        fs_io_manager.call(InitResourceContext({}, None))


def test_a_relative_folder_is_that_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    manager = FileIOManager("values")
    monkeypatch.chdir("/")
    assert store(manager, 1) == tmp_path / "values" / "r@" / "s" / "result"


def test_the_config_of_the_filesystem_manager_is_an_optional_folder() -> None:
    from jobnb.config import bind_value, schema_of

    schema = schema_of(fs_io_manager.config_schema)
    assert bind_value(schema, {}, (), "fs_io_manager") in ({}, None)
    assert bind_value(schema, {"base_dir": "/x"}, (), "fs_io_manager") == {"base_dir": "/x"}
    assert fs_io_manager.configured({"base_dir": "/x"}) is not fs_io_manager


def test_an_executed_notebook_is_a_file_that_jupyter_opens(tmp_path: Path) -> None:
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1\nb = 2")])
    node.metadata["jobnb"] = {"explore_tags": ["plot"]}
    for metadata in ({}, dict(node.metadata)):
        node.metadata = nbformat.from_dict(metadata)
        text = nbformat.writes(node) + "\n"
        done = ExecutedNotebook(text, "sales.ipynb", {"total": 3, "set": {1}}, "python3")
        value, suffix = again(tmp_path, done)
        assert (value, suffix) == (done, ".ipynb")
        (stored,) = tmp_path.rglob("*.ipynb")
        opened = nbformat.read(stored, as_version=4)
        nbformat.validate(opened)
        assert opened.cells[0].source == "a = 1\nb = 2"


def test_a_notebook_whose_results_are_large_or_whose_text_is_odd_is_pickled(tmp_path: Path) -> None:
    text = nbformat.writes(nbformat.v4.new_notebook()) + "\n"
    large = ExecutedNotebook(text, results={"bytes": np.random.default_rng(1).bytes(5_000_000)})
    for done in (large, ExecutedNotebook('{"cells": [], "metadata": {}}')):
        value, suffix = again(tmp_path, done)
        assert (value, suffix) == (done, "")
