"""What IO managers are told of the definition, of the value and of the asset."""

from __future__ import annotations

import pickle

import pytest

from jobnb import (
    AssetKey,
    AssetSpec,
    DataVersion,
    EventRecordsFilter,
    EventType,
    Instance,
    IntMetadataValue,
    InvalidDefinitionError,
    InvalidInvocationError,
    IOManager,
    MetadataValue,
    Out,
    Output,
    PartitionKeyRange,
    ResourceDefinition,
    StaticPartitionsDefinition,
    UPathIOManager,
    asset,
    build_input_context,
    build_output_context,
    fs_io_manager,
    graph_asset,
    job,
    materialize,
    observable_source_asset,
    observe,
    op,
)
from jobnb.storage.files import FileIOManager


class Told(IOManager):
    """Keeps what it was told, by the name of what it stored or loaded."""

    def __init__(self):
        self.stored, self.loaded = {}, {}

    def handle_output(self, context, obj):
        self.stored[context.asset_key.to_user_string()] = context

    def load_input(self, context):
        self.loaded[context.name] = context
        return 1


@op(out=Out(metadata={"op": 1}))
def one():
    return Output(1, metadata={"rows": 5})


@graph_asset(metadata={"own": 2}, group_name="shop")
def made():
    return one()


@asset
def after(context, made):
    context.add_output_metadata({"added": 7})
    return made


def test_the_metadata_of_the_asset_and_of_the_value_are_told():
    told = Told()
    materialize([made, after], resources={"io_manager": told})
    stored = told.stored["made"]
    assert stored.definition_metadata == stored.metadata == {"op": 1, "own": 2}
    assert stored.output_metadata == {"rows": IntMetadataValue(5)}
    assert stored.asset_spec.group_name == "shop"
    assert told.stored["after"].output_metadata == {"added": IntMetadataValue(7)}
    assert told.loaded["made"].upstream_output.metadata == {"op": 1, "own": 2}


def test_an_asset_that_the_run_does_not_make_is_told_of_by_its_name():
    told = Told()
    materialize([made, after], selection="after", resources={"io_manager": told})
    upstream = told.loaded["made"].upstream_output
    assert (upstream.name, upstream.metadata) == ("made", {"op": 1, "own": 2})


def test_metadata_that_was_added_to_an_asset_later_is_told_too():
    @asset(metadata={"first": 1})
    def plain():
        return 1

    told = Told()
    more = plain.with_attributes(metadata_by_key={AssetKey("plain"): {"second": 2}})
    materialize([more], resources={"io_manager": told})
    assert told.stored["plain"].metadata == {"first": 1, "second": 2}


def test_a_resource_that_is_no_io_manager_is_told_by_name():
    wrong = {"io_manager": ResourceDefinition.hardcoded_resource(3)}
    with pytest.raises(
        InvalidDefinitionError, match="'io_manager' is no IO manager: 'int' has no handle"
    ):
        materialize([made], resources=wrong)
    with pytest.raises(InvalidDefinitionError, match="'int' has no load_input"):
        materialize([made, after], selection="after", resources=wrong)


def test_contexts_for_tests_take_all_of_it():
    output = build_output_context(
        asset_key="a",
        asset_partitions_def=StaticPartitionsDefinition(["x", "y", "z"]),
        asset_partition_key_range=PartitionKeyRange("x", "y"),
        definition_metadata={"d": 1},
        output_metadata={"o": 2},
        asset_spec=AssetSpec("a", group_name="g"),
    )
    assert (output.metadata, output.output_metadata) == ({"d": 1}, {"o": IntMetadataValue(2)})
    assert (output.asset_spec.group_name, output.asset_partition_keys) == ("g", ["x", "y"])
    assert build_input_context(definition_metadata={"d": 1}).metadata == {"d": 1}
    with pytest.raises(InvalidInvocationError, match="metadata of an output is a dict, not 'x'"):
        build_output_context(metadata="x")
    with pytest.raises(InvalidInvocationError, match="upstream_output is an OutputContext, not 3"):
        build_input_context(upstream_output=3)


# -- what loading tells


class Telling(IOManager):
    """Says something while it loads."""

    def handle_output(self, context, obj):
        pass

    def load_input(self, context):
        context.add_input_metadata({"rows": 3}, description="read again")
        return 1


LETTERS = StaticPartitionsDefinition(["a", "b"])


@asset
def up():
    return 1


@asset
def down(up):
    return up


@asset(partitions_def=LETTERS)
def lettered():
    return 1


@asset(partitions_def=LETTERS)
def below(lettered):
    return lettered


@asset
def all_letters(lettered):
    return lettered


def loaded_metadata(result):
    return [
        {name: each["value"] for name, each in event.metadata.items()}
        for event in result.all_events
        if event.event_type_value == "LOADED_INPUT"
    ]


def observed(result):
    events = [each for each in result.all_events if each.event_type_value == "ASSET_OBSERVATION"]
    return [each.asset_observation for each in events]


@pytest.mark.parametrize("chosen", [None, "down"])
def test_what_an_io_manager_says_while_it_loads_stands_in_the_event_and_observes_the_asset(chosen):
    result = materialize([up, down], resources={"io_manager": Telling()}, selection=chosen)
    assert loaded_metadata(result) == [{"rows": 3}]
    (observation,) = observed(result)
    assert observation.asset_key == AssetKey("up")
    assert observation.description == "read again"
    assert observation.metadata["rows"] == IntMetadataValue(3)
    kinds = [each.event_type_value for each in result.all_events if each.step_key == "down"]
    assert kinds.index("ASSET_OBSERVATION") < kinds.index("LOADED_INPUT")


def test_of_one_partition_that_is_loaded_it_is_an_observation_of_this_partition():
    managers = {"io_manager": Telling()}
    one_of = {"resources": managers, "partition_key": "b", "selection": "below"}
    assert observed(materialize([lettered, below], **one_of))[0].partition == "b"
    of_all = materialize([lettered, all_letters], resources=managers, selection="all_letters")
    assert [each.partition for each in observed(of_all)] == [None]


def test_what_is_said_of_an_op_stands_in_the_event_alone():
    @op
    def plus(x):
        return x + 1

    @op
    def total(xs):
        return sum(xs)

    @job(resource_defs={"io_manager": Telling()})
    def work():
        total([plus(one()), plus.alias("again")(one.alias("other")())])

    result = work.execute_in_process()
    assert loaded_metadata(result) == [{"rows": 3}] * 4
    assert observed(result) == []


def test_input_metadata_in_a_test_of_an_io_manager():
    context = build_input_context(asset_key="up")
    Telling().load_input(context)
    context.add_input_metadata({"size": 1})
    assert [each.description for each in context.get_observations()] == ["read again", None]
    assert set(context.consume_metadata()) == {"rows", "size"}
    assert context.consume_metadata() == {}
    assert len(list(context.consume_events())) == 2
    assert list(context.consume_events()) == []
    assert len(context.get_observations()) == 2
    without = build_input_context()
    Telling().load_input(without)
    assert without.get_observations() == []
    with pytest.raises(InvalidDefinitionError, match="Metadata 'bad'"):
        without.add_input_metadata({"bad": object()})


def test_where_a_value_was_loaded_from_is_told(tmp_path):
    @op
    def plus(x):
        return x + 1

    files = fs_io_manager.configured({"base_dir": str(tmp_path)})

    @job(resource_defs={"io_manager": files})
    def work():
        plus(one())

    result = work.execute_in_process()
    (stored,) = [
        each.metadata["path"]["value"]
        for each in result.all_events
        if each.event_type_value == "HANDLED_OUTPUT" and each.step_key == "one"
    ]
    assert loaded_metadata(result) == [{"path": stored}]
    assets = materialize([up, down], resources={"io_manager": files})
    assert loaded_metadata(assets)[0]["path"].startswith(str(tmp_path / "up"))
    (seen,) = observed(assets)
    assert (seen.asset_key, seen.tags) == (AssetKey("up"), {})
    assert seen.metadata == {"path": MetadataValue.path(str(tmp_path / "up"))}


class Pickles(UPathIOManager):
    """Tells something of each file that it loads."""

    def dump_to_path(self, context, obj, path):
        path.write_bytes(pickle.dumps(obj))

    def load_from_path(self, context, path):
        context.add_input_metadata({"size": path.stat().st_size})
        return pickle.loads(path.read_bytes())


@pytest.mark.parametrize("manager", [FileIOManager, Pickles])
def test_files_observe_the_partition_that_they_load_and_none_of_several(tmp_path, manager):
    files = {"io_manager": manager(str(tmp_path))}
    for key in ("a", "b"):
        made = materialize([lettered, below], resources=files, partition_key=key)
        seen = observed(made)[-1]
        assert (seen.partition, list(seen.metadata)) == (key, ["path"])
    of_all = materialize([lettered, all_letters], resources=files, selection="all_letters")
    assert "path" not in {name for each in observed(of_all) for name in each.metadata}


def test_what_is_loaded_is_no_new_version_of_a_source(tmp_path):
    versions = iter(["v1", "v2"])

    @observable_source_asset
    def files():
        return DataVersion(next(versions))

    @asset
    def made(files):
        return files

    instance, given = Instance.ephemeral(), {"resources": {"io_manager": Telling()}}
    observe([files], instance=instance)
    for _ in range(2):
        materialize([files, made], instance=instance, **given)
        tags = instance.get_latest_materialization_event(AssetKey("made")).dagster_event.tags
        assert tags["dagster/input_data_version/files"] == "v1"
    assert instance.get_latest_data_version_record(AssetKey("files")).data_version == "v1"
    of_kind = EventRecordsFilter(EventType.ASSET_OBSERVATION, AssetKey("files"))
    assert len(instance.get_event_records(of_kind)) == 3  # one of them tells a version
    observe([files], instance=instance)
    assert instance.get_latest_data_version_record(AssetKey("files")).data_version == "v2"
