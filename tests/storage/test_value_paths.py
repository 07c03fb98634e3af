"""Each value has a place of its own, whatever its name is; what earlier versions stored is read."""

from __future__ import annotations

import pickle
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    AssetMaterialization,
    AssetOut,
    Definitions,
    DynamicOut,
    DynamicOutput,
    FilesystemIOManager,
    InMemoryIOManager,
    Instance,
    JobnbError,
    MetadataValue,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
    StepOutputNotFoundError,
    UPathIOManager,
    asset,
    job,
    materialize,
    multi_asset,
    op,
)
from jobnb.storage.formats import FORMATS
from jobnb.storage.value_paths import asset_place, output_place, safe_name

# -- one place for each


NAMES = st.text(
    st.sampled_from("aAbB1.@+%~-_/|\\ :üÜe\u0301\u00e9\u0130ıſ\u212a"), min_size=1, max_size=5
)
KEYS = st.lists(NAMES | st.text(min_size=1, max_size=3), min_size=1, max_size=3).map(tuple)
VALUES = st.tuples(KEYS, st.none() | KEYS)


def folded(parts: tuple[str, ...]) -> str:
    """A path as the least discerning file system sees it."""
    text = unicodedata.normalize("NFKD", "/".join(parts))
    return unicodedata.normalize("NFKD", text.casefold())


@given(VALUES, VALUES)
@example((("a",), ("b",)), (("a", "b"), None))
@example((("a",), ("B",)), (("a", "B"), None))
@example((("a",), ("1", "b")), (("a", "1"), ("b",)))
@example((("Orders",), None), (("orders",), None))
@example((("Orders",), None), (("orders+1",), None))
@example((("a",), ("B",)), (("a",), ("b@1",)))
@example((("x" * 400,), None), (("x" * 399 + "X",), None))
@example((("x" * 90,) * 20, None), (("x" * 90,) * 19 + ("X" * 90,), None))
def test_different_values_never_share_a_place_even_where_capitals_do_not_count(
    one: Any, other: Any
) -> None:
    assume(one != other)
    assert folded(asset_place(*one).parts) != folded(asset_place(*other).parts)


RUN = "0b9c1d8e-1111-4222-8333-abcdefabcdef"


@given(
    st.sampled_from([RUN, "r", "R", "versioned_outputs"]) | NAMES,
    st.lists(NAMES, min_size=2, max_size=3),
    st.booleans(),
    VALUES,
)
@example("r", ["s", "result"], False, (("r", "s", "result"), None))
@example("r", ["s", "result"], False, (("r",), ("s", "result")))
@example(RUN, ["s", "result"], False, ((RUN, "s", "result"), None))
@example("versioned_outputs", ["v", "s", "o"], True, (("versioned_outputs", "v", "s", "o"), None))
def test_the_outputs_of_ops_never_share_a_place_with_an_asset(
    run: str, rest: list[str], versioned: bool, value: Any
) -> None:
    first = "versioned_outputs" if versioned else run
    output = output_place([first, *rest], versioned=versioned)
    assert folded(output.parts) != folded(asset_place(*value).parts)


@given(KEYS, KEYS)
def test_the_outputs_of_ops_never_share_a_place(one: Any, other: Any) -> None:
    assume(one != other)
    assert folded(output_place(one).parts) != folded(output_place(other).parts)


@given(st.text(min_size=1, max_size=60) | NAMES, st.text(min_size=1, max_size=60), KEYS)
@example("..", ".", ("/etc", "..", "..", "passwd"))
@example("CON", "nul.txt", ("C:\\x", "aux."))
@example("ü" * 200, "a" * 500, ("\U0001f600" * 300,))
def test_no_place_leads_out_of_the_folder_and_each_name_is_one_that_every_system_takes(
    name: str, partition: str, rest: Any
) -> None:
    for place in (asset_place([name, *rest], [partition]), output_place([name, partition, *rest])):
        for part in place.parts:
            assert part not in {"", ".", ".."}
            assert part.isascii()
            assert not set(part) & set('/\\:*?"<>|\0 \n')
            assert not part.startswith(".")
            assert part[-1] not in ". "
            assert part.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt1"}
            assert len(part) + max(len(each.suffix) for each in FORMATS) <= 255
        assert len("/".join(place.parts)) <= 900


@given(NAMES, st.sampled_from([each for form in FORMATS for each in (form.suffix, *form.others)]))
def test_no_name_looks_like_one_with_the_ending_of_a_format(name: str, ending: str) -> None:
    if ending:
        assert not asset_place([f"{name}{ending}"]).parts[0].lower().endswith(ending)


@pytest.mark.parametrize(
    ("key", "partition", "path"),
    [
        (["orders"], None, "orders"),
        (["warehouse", "raw_orders"], None, "warehouse/raw_orders"),
        (["orders"], ["2020-01-01"], "orders/2020-01-01"),
        (["warehouse", "orders-eu"], ["2020"], "warehouse/orders-eu/2020"),
        (["orders"], ["v1.2"], "orders/v1.2@"),
        (["orders"], ["eu"], "orders/eu@"),
        (["orders"], ["2020-01-01", "EWR"], "orders/2020-01-01/EWR@7"),
        (["Orders"], None, "Orders+1"),
        (["a", "2020"], None, "a/2020+"),
    ],
)
def test_ordinary_names_are_those_of_the_files(key: Any, partition: Any, path: str) -> None:
    assert "/".join(asset_place(key, partition).parts) == path


def test_the_outputs_of_a_run_lie_by_step_and_name() -> None:
    assert output_place([RUN, "outer.load[k1]", "result"]).parts == (
        RUN,
        "outer.load[k1]",
        "result",
    )
    assert output_place([RUN, "dyn", "out", "k1"]).parts == (RUN, "dyn", "out", "k1")


# -- through the managers


LETTERS = StaticPartitionsDefinition(["b", "B", "c/d", "..", "CON", "x" * 300, "\u00fc", "u\u0308"])


class Pickles(UPathIOManager):
    def dump_to_path(self, context: Any, obj: Any, path: Any) -> None:
        path.write_bytes(pickle.dumps(obj))

    def load_from_path(self, context: Any, path: Any) -> Any:
        return pickle.loads(path.read_bytes())


class Ending(Pickles):
    extension = ".json"


class Holder(InMemoryIOManager):
    """One dictionary for several runs."""


def managers(folder: Path) -> dict[str, Any]:
    return {
        "files": FilesystemIOManager(base_dir=str(folder)),
        "upath": Pickles(folder),
        "upath with an ending": Ending(folder),
        "memory": Holder(),
    }


KINDS = sorted(managers(Path()))


@asset(partitions_def=LETTERS)
def a(context: Any) -> Any:
    return f"partition {context.partition_key}"


@asset(key=["a", "b"])
def a_b() -> Any:
    return "asset a/b"


@asset(key=["a", "B"])
def a_capital_b() -> Any:
    return "asset a/B"


@asset(key=["A"])
def capital() -> Any:
    return "asset A"


@multi_asset(
    outs={
        "one": AssetOut(key=AssetKey(["a", "c", "d"])),
        "other": AssetOut(key=AssetKey(["a", "c/d"])),
        "frame": AssetOut(key=AssetKey(["a.parquet"])),
    }
)
def several() -> Any:
    return "asset a, c, d", "asset a, c/d", "asset a.parquet"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["partitions", "assets"])
def test_partitions_and_assets_of_the_same_path_are_several_values(
    tmp_path: Path, kind: str, first: str
) -> None:
    folder = tmp_path / "values"
    resources = {"io_manager": managers(folder)[kind]}
    assets = [a_b, a_capital_b, capital, several]
    keys = [each for asset_def in assets for each in asset_def.keys]

    def make(what: str) -> None:
        if what == "assets":
            materialize(assets, resources=resources, instance=instance)
            return
        for key in LETTERS.get_partition_keys():
            materialize([a], resources=resources, partition_key=key, instance=instance)

    with Instance.ephemeral() as instance:
        make(first)
        make("assets" if first == "partitions" else "partitions")
        definitions = Definitions([a, *assets], resources=resources)
        for key in LETTERS.get_partition_keys():
            value = definitions.load_asset_value("a", partition_key=key, instance=instance)
            assert value == f"partition {key}"
        for key in keys:
            told = definitions.load_asset_value(key, instance=instance)
            assert told.removeprefix("asset ").replace(", ", "/") == key.to_user_string()
    assert [each for each in tmp_path.iterdir() if each != folder] == []


@pytest.mark.parametrize("kind", KINDS)
def test_dimensions_are_not_mistaken_for_keys(tmp_path: Path, kind: str) -> None:
    grid = MultiPartitionsDefinition(
        {"x": StaticPartitionsDefinition(["p", "p/q"]), "y": StaticPartitionsDefinition(["q", "r"])}
    )

    @asset(partitions_def=grid)
    def g(context: Any) -> Any:
        return f"grid {context.partition_key}"

    @asset(key=["g", "p"], partitions_def=StaticPartitionsDefinition(["q", "r"]))
    def g_p(context: Any) -> Any:
        return f"line {context.partition_key}"

    @asset(key=["g", "p", "q"])
    def g_p_q() -> Any:
        return "point"

    resources = {"io_manager": managers(tmp_path)[kind]}
    with Instance.ephemeral() as instance:
        for x, y in (("p", "q"), ("p", "r"), ("p/q", "r")):
            key = MultiPartitionKey({"x": x, "y": y})
            materialize([g], resources=resources, partition_key=key, instance=instance)
        for y in "qr":
            materialize([g_p], resources=resources, partition_key=y, instance=instance)
        materialize([g_p_q], resources=resources, instance=instance)
        load = Definitions([g, g_p, g_p_q], resources=resources).load_asset_value
        assert load("g", partition_key="p|q", instance=instance) == "grid p|q"
        assert load("g", partition_key="p/q|r", instance=instance) == "grid p/q|r"
        assert load("g/p", partition_key="r", instance=instance) == "line r"
        assert load("g/p/q", instance=instance) == "point"


@pytest.mark.parametrize("kind", ["files", "upath with an ending"])
def test_a_file_and_a_folder_of_one_name_are_there_side_by_side(tmp_path: Path, kind: str) -> None:
    resources = {"io_manager": managers(tmp_path)[kind]}

    @asset(key=["w"])
    def above() -> Any:
        return 1

    @asset(key=["w", "x", "y"])
    def below() -> Any:
        return 2

    load = Definitions([above, below], resources=resources).load_asset_value
    for first, second in ((above, below), (below, above)):
        materialize([first], resources=resources)
        materialize([second], resources=resources)
        assert [load("w"), load("w/x/y")] == [1, 2]
    if kind == "files":
        assert (tmp_path / "w" / "x" / "y").is_file()
        assert pickle.loads((tmp_path / "w.pickle").read_bytes()) == 1


def test_an_asset_that_gets_partitions_later_is_stored_beside_its_old_value(tmp_path: Path) -> None:
    resources = {"io_manager": FilesystemIOManager(base_dir=str(tmp_path))}

    @asset(name="a")
    def whole() -> Any:
        return "whole"

    materialize([whole], resources=resources)
    materialize([a], resources=resources, partition_key="b")
    assert Definitions([whole], resources=resources).load_asset_value("a") == "whole"
    materialize([whole], resources=resources)
    load = Definitions([a], resources=resources).load_asset_value
    assert load("a", partition_key="b") == "partition b"


def test_a_file_that_was_never_a_value_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    resources = {"io_manager": FilesystemIOManager(base_dir=str(tmp_path))}
    with pytest.raises(JobnbError, match="Cannot store the value of asset 'a/b'"):
        materialize([a_b], resources=resources)
    assert (tmp_path / "a").read_text() == "mine"


def test_mapped_steps_and_outputs_that_differ_in_capitals_only_have_files_of_their_own(
    tmp_path: Path,
) -> None:
    @op(out=DynamicOut())
    def split() -> Any:
        yield DynamicOutput(1, "k")
        yield DynamicOutput(2, "K")

    @op
    def load(x: int) -> int:
        return x * 10

    @op
    def total(xs: list[int]) -> int:
        return sum(xs)

    @job(resource_defs={"io_manager": FilesystemIOManager(base_dir=str(tmp_path))})
    def work() -> None:
        total(split().map(load).collect())

    result = work.execute_in_process(run_id=RUN)
    assert result.output_for_node("total") == 30
    files = {
        str(each.relative_to(tmp_path / RUN)) for each in tmp_path.rglob("*") if each.is_file()
    }
    assert {each.casefold() for each in files} == {
        "split/result/k", "split/result/k+1", "load[k]/result", "load[k]+20/result", "total/result",
    }  # fmt: skip


# -- what earlier versions stored


def older_file(base: Path, *names: str, value: Any) -> Path:
    """A file as earlier versions wrote it."""
    stem = base.joinpath(*map(safe_name, names))
    stem.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, pd.DataFrame):
        path = stem.with_name(f"{stem.name}.parquet")
        value.to_parquet(path)
    else:
        path = stem.with_name(f"{stem.name}.pkl")
        path.write_bytes(pickle.dumps(value))
    return path


def recorded(instance: Instance, key: list[str], path: Path, partition: str | None = None) -> None:
    """What the history of an earlier version tells of a value."""

    @op(out={})
    def earlier(context: Any) -> None:
        told = {"path": MetadataValue.path(str(path))}
        context.log_event(AssetMaterialization(key, metadata=told, partition=partition))

    @job
    def past() -> None:
        earlier()

    past.execute_in_process(instance=instance)


@pytest.fixture
def instance(tmp_path: Path) -> Any:
    with Instance.local_temp(str(tmp_path / "home")) as made:
        yield made


FRAMES = [{"value": 1}, pd.DataFrame({"n": [1]})]


@pytest.mark.parametrize("value", FRAMES, ids=["pickle", "parquet"])
def test_values_that_an_earlier_version_stored_are_read_until_they_are_made_again(
    instance: Instance, value: Any
) -> None:
    base = Path(instance.storage_directory())

    @asset(name="orders")
    def orders() -> Any:
        return "new"

    @asset(partitions_def=StaticPartitionsDefinition(["eu", "2020"]), name="parts")
    def parts(context: Any) -> Any:
        return "new"

    older_file(base, "orders", value=value)
    for key in ("eu", "2020"):
        recorded(instance, ["parts"], older_file(base, "parts", key, value=value), key)

    def same(found: Any) -> bool:
        return found.equals(value) if isinstance(value, pd.DataFrame) else found == value

    load = Definitions([orders, parts]).load_asset_value
    assert same(load("orders", instance=instance))
    assert same(load("parts", partition_key="eu", instance=instance))
    assert same(load("parts", partition_key="2020", instance=instance))
    materialize([orders], instance=instance)
    for key in ("eu", "2020"):
        materialize([parts], instance=instance, partition_key=key)
    assert load("orders", instance=instance) == "new"
    assert load("parts", partition_key="eu", instance=instance) == "new"
    assert load("parts", partition_key="2020", instance=instance) == "new"


@pytest.mark.parametrize("value", FRAMES, ids=["pickle", "parquet"])
@pytest.mark.parametrize("last", ["partition", "asset"])
def test_an_old_file_of_two_values_is_that_of_the_one_that_was_recorded_last(
    instance: Instance, value: Any, last: str
) -> None:
    path = older_file(Path(instance.storage_directory()), "a", "b", value=value)
    for each in ("asset", "partition") if last == "partition" else ("partition", "asset"):
        if each == "asset":
            recorded(instance, ["a", "b"], path)
        else:
            recorded(instance, ["a"], path, "b")
    load = Definitions([a, a_b]).load_asset_value

    def of_asset() -> Any:
        return load("a/b", instance=instance)

    def of_partition() -> Any:
        return load("a", partition_key="b", instance=instance)

    owner, other = (of_partition, of_asset) if last == "partition" else (of_asset, of_partition)
    assert type(owner()) is type(value)
    with pytest.raises(StepOutputNotFoundError):
        other()
    # The other is made anew: the old file stays with whose it is.
    if last == "partition":
        materialize([a_b], instance=instance)
    else:
        materialize([a], instance=instance, partition_key="b")
    assert type(owner()) is type(value)
    assert isinstance(other(), str)


def test_without_a_history_a_frame_of_another_value_is_not_taken_for_an_old_one(
    tmp_path: Path,
) -> None:
    @asset(key=["a", "b"])
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    resources = {"io_manager": FilesystemIOManager(base_dir=str(tmp_path))}
    materialize([frame], resources=resources)
    load = Definitions([a, frame], resources=resources).load_asset_value
    assert list(load("a/b")["n"]) == [1]
    with pytest.raises(StepOutputNotFoundError, match="partition 'b' of asset 'a'"):
        load("a", partition_key="b")


def test_the_history_is_asked_only_of_files_that_an_earlier_version_wrote(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asset(key=["w", "frame"])
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    load = Definitions([frame]).load_asset_value
    for _ in range(2):
        materialize([frame], instance=instance)
    asked: list[Any] = []
    ask = type(instance).get_event_records

    def get_event_records(self: Instance, *args: Any, **more: Any) -> Any:
        asked.append(args)
        return ask(self, *args, **more)

    monkeypatch.setattr(type(instance), "get_event_records", get_event_records)
    assert list(load("w/frame", instance=instance)["n"]) == [1]
    assert asked == []
    older_file(Path(instance.storage_directory()), "w", "frame", value=pd.DataFrame({"n": [2]}))
    assert list(load("w/frame", instance=instance)["n"]) == [2]
    assert asked


@pytest.mark.parametrize("remade", [True, False])
def test_old_files_of_upath_managers_are_read_and_not_taken_for_others(
    instance: Instance, tmp_path: Path, remade: bool
) -> None:
    base = tmp_path / "values"
    (base / "a").mkdir(parents=True)
    path = base / "a" / "b.json"
    path.write_bytes(pickle.dumps("old"))
    recorded(instance, ["a"], path, "b")
    resources = {"io_manager": Ending(base)}
    load = Definitions([a, a_b], resources=resources).load_asset_value
    if remade:
        materialize([a_b], instance=instance, resources=resources)
        assert load("a/b", instance=instance) == "asset a/b"
    else:
        with pytest.raises(StepOutputNotFoundError):
            load("a/b", instance=instance)
    assert load("a", partition_key="b", instance=instance) == "old"


def test_what_dagster_stored_without_an_ending_is_read(tmp_path: Path) -> None:
    (tmp_path / "orders").write_bytes(pickle.dumps([1]))

    @asset(name="orders")
    def orders() -> Any:
        return 1

    resources = {"io_manager": FilesystemIOManager(base_dir=str(tmp_path))}
    assert Definitions([orders], resources=resources).load_asset_value("orders") == [1]
