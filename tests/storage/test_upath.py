"""IO managers on paths: a file for each partition, on disk or anywhere that `UPath` reaches."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    AssetIn,
    DailyPartitionsDefinition,
    InvariantViolationError,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    StaticPartitionsDefinition,
    StepOutputNotFoundError,
    UPathIOManager,
    asset,
    build_input_context,
    build_output_context,
    job,
    materialize,
    op,
)

LETTERS = StaticPartitionsDefinition(["a", "b", "c"])


class JsonIOManager(UPathIOManager):
    extension = ".json"

    def dump_to_path(self, context: Any, obj: Any, path: Any) -> None:
        path.write_text(json.dumps(obj))

    def load_from_path(self, context: Any, path: Any) -> Any:
        return json.loads(path.read_text())

    def get_metadata(self, context: Any, obj: Any) -> dict[str, Any]:
        return {"size": len(str(obj))}


@asset(partitions_def=LETTERS)
def letters(context):
    found = {key: [key] for key in context.partition_keys}
    return found if len(found) > 1 else found[context.partition_key]


@pytest.fixture(params=["pathlib", "upath"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "pathlib":
        return tmp_path
    upath = pytest.importorskip("upath")
    return upath.UPath(f"memory://{tmp_path}")


def test_each_partition_lies_in_a_file_of_its_own(base: Any) -> None:
    resources = {"io_manager": JsonIOManager(base)}
    result = materialize([letters], resources=resources, partition_key="a")
    event = result.get_asset_materialization_events()[0]
    assert event.metadata["path"]["value"] == str(base / "letters" / "a@.json")
    assert event.metadata["size"]["value"] == 5
    materialize([letters], resources=resources, partition_key=PartitionKeyRange("b", "c"))
    assert sorted(path.name for path in (base / "letters").iterdir()) == [
        "a@.json", "b@.json", "c@.json",
    ]  # fmt: skip
    assert json.loads((base / "letters" / "c@.json").read_text()) == ["c"]


def test_several_partitions_load_as_a_dict_and_missing_ones_only_where_allowed(base: Any) -> None:
    @asset
    def strict(letters):
        return letters

    @asset(ins={"letters": AssetIn(metadata={"allow_missing_partitions": True})})
    def lenient(letters):
        return letters

    manager = JsonIOManager(base)
    resources = {"io_manager": manager}
    materialize([letters], resources=resources, partition_key=["a", "c"])
    with pytest.raises(StepOutputNotFoundError, match="1 of 3 partitions .* 'b'"):
        materialize([letters, strict], resources=resources, selection=["strict"])
    result = materialize([letters, lenient], resources=resources, selection=["lenient"])
    assert result.asset_value("lenient") == {"a": ["a"], "c": ["c"]}
    context = build_input_context(
        asset_key="letters", partition_key="a", asset_partitions_def=LETTERS
    )
    assert manager.load_input(context) == ["a"]
    assert manager.load_partitions(context) == {"a": ["a"]}
    out = build_output_context(asset_key="letters", partition_key="b", asset_partitions_def=LETTERS)
    assert not manager.has_output(out)


def test_dimensions_are_nested_folders(base: Any) -> None:
    days = DailyPartitionsDefinition("2013-01-01", end_date="2013-02-01")
    grid = MultiPartitionsDefinition({"day": days, "letter": LETTERS})

    @asset(partitions_def=grid)
    def gridded(context):
        return str(context.partition_key)

    resources = {"io_manager": JsonIOManager(base)}
    key = MultiPartitionKey({"day": "2013-01-02", "letter": "b"})
    result = materialize([gridded], resources=resources, partition_key=key)
    assert (base / "gridded" / "2013-01-02" / "b@.json").exists()
    assert result.asset_value("gridded") == "2013-01-02|b"


def test_a_subclass_decides_where_partitions_lie(tmp_path: Path) -> None:
    class ByLetter(JsonIOManager):
        def get_path_for_partition(self, context, path, partition):
            return path / f"letter={partition}" / "data"

    materialize([letters], resources={"io_manager": ByLetter(tmp_path)}, partition_key="b")
    assert (tmp_path / "letters" / "letter=b" / "data.json").is_file()


def test_outputs_of_ops_lie_by_run_step_and_name(tmp_path: Path) -> None:
    @op
    def one():
        return 1

    @op
    def more(number):
        return number + 1

    @job(resource_defs={"io_manager": JsonIOManager(str(tmp_path))})
    def work():
        more(one())

    result = work.execute_in_process()
    assert result.output_for_node("more") == 2
    assert (tmp_path / result.run_id / "one" / "result.json").is_file()


def test_a_value_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    class Breaking(JsonIOManager):
        def dump_to_path(self, context, obj, path):
            path.write_text("half of")
            if obj == "bad":
                raise ValueError("disk is on fire")
            super().dump_to_path(context, obj, path)

    manager = Breaking(tmp_path)
    manager.handle_output(build_output_context(asset_key="a"), "good")
    with pytest.raises(ValueError, match="on fire"):
        manager.handle_output(build_output_context(asset_key="a"), "bad")
    assert manager.load_input(build_input_context(asset_key="a")) == "good"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_value_may_be_a_folder(tmp_path: Path) -> None:
    class Folders(UPathIOManager):
        def dump_to_path(self, context, obj, path):
            path.mkdir()
            for name, text in obj.items():
                (path / name).write_text(text)

        def load_from_path(self, context, path):
            return {each.name: each.read_text() for each in path.iterdir()}

    manager = Folders(tmp_path)
    for value in ({"x": "1", "y": "2"}, {"z": "3"}):
        manager.handle_output(build_output_context(asset_key=["deep", "a"]), value)
        assert manager.load_input(build_input_context(asset_key=["deep", "a"])) == value


def test_what_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoDot(JsonIOManager):
        extension = "json"

    with pytest.raises(InvariantViolationError, match="begins with a dot"):
        NoDot(tmp_path)
    with pytest.raises(StepOutputNotFoundError, match="Materialize the asset 'a' first"):
        JsonIOManager(tmp_path).load_input(build_input_context(asset_key="a"))
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(InvariantViolationError, match=r"jobnb\[upath\]"):
        JsonIOManager("s3://bucket/values")
