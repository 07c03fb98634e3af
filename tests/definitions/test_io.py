"""IO managers as definitions, and the contexts they see."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from jobnb import (
    AssetKey,
    AssetMaterialization,
    ConfigurableIOManager,
    ConfigurableIOManagerFactory,
    DailyPartitionsDefinition,
    InMemoryIOManager,
    InputContext,
    InputManager,
    InputManagerDefinition,
    InvalidDefinitionError,
    InvariantViolationError,
    IOManager,
    IOManagerDefinition,
    OutputContext,
    PartitionKeyRange,
    ResourceDefinition,
    StaticPartitionsDefinition,
    build_input_context,
    build_output_context,
    input_manager,
    io_manager,
    resource,
)
from jobnb.definitions.resources.resource import resource_def_of


class Kept(IOManager):
    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        self.values[tuple(context.get_identifier())] = obj

    def load_input(self, context: InputContext) -> Any:
        return self.values[tuple(context.get_identifier())]


def test_what_is_stored_is_loaded_by_the_context_that_follows_it() -> None:
    kept = Kept()
    output = build_output_context(step_key="load", name="result", run_id="r")
    kept.handle_output(output, 3)
    assert kept.load_input(build_input_context(upstream_output=output)) == 3


@pytest.mark.parametrize("kind", [InputManager, IOManager])
def test_managers_must_say_how_they_store_and_load(kind: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        kind()


def test_a_function_with_and_without_context_and_parentheses_makes_an_io_manager() -> None:
    @io_manager
    def bare() -> IOManager:
        """Bare."""
        return InMemoryIOManager()

    @io_manager(
        config_schema={"path": str},
        output_config_schema={"name": str},
        input_config_schema={"skip": int},
        required_resource_keys={"db"},
        description="Full.",
        version="1",
    )
    def full(context: Any) -> IOManager:
        return InMemoryIOManager()

    assert isinstance(bare, IOManagerDefinition)
    assert isinstance(bare, ResourceDefinition)
    assert (bare.description, bare.config_schema, bare.wants_context) == ("Bare.", None, False)
    assert isinstance(bare.call(None), InMemoryIOManager)
    assert full.config_schema == {"path": str}
    assert (full.output_config_schema, full.input_config_schema) == ({"name": str}, {"skip": int})
    assert (full.required_resource_keys, full.description, full.version) == ({"db"}, "Full.", "1")
    assert full.wants_context


def test_an_io_manager_that_is_there_already_is_taken_as_it_is() -> None:
    kept = Kept()
    made = IOManagerDefinition.hardcoded_io_manager(kept, "mine")
    assert isinstance(made, IOManagerDefinition)
    assert made.call(None) is kept
    assert made.description == "mine"
    with pytest.raises(InvalidDefinitionError, match="is 5, which is no IOManager"):
        IOManagerDefinition.hardcoded_io_manager(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("decorator", [resource, io_manager, input_manager, io_manager({"a": int})])
def test_a_function_that_needs_more_than_the_context_is_refused(decorator: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="'both' is called with the context only"):

        @decorator
        def both(context: Any, other: Any) -> None: ...

    @decorator
    def one(context: Any, other: int = 1) -> None: ...


def test_an_input_manager_is_a_function_that_loads() -> None:
    @input_manager
    def answer() -> int:
        return 42

    @input_manager(input_config_schema={"year": int}, description="By year.")
    def by_year(context: InputContext) -> Any:
        return context.config["year"]

    @input_manager
    def other(_context: InputContext) -> InputManager:
        return answer.call(None)  # type: ignore[no-any-return]

    assert isinstance(answer, InputManagerDefinition)
    context = build_input_context(config={"year": 2013})
    assert answer.call(None).load_input(context) == 42
    assert by_year.call(None).load_input(context) == 2013
    assert other.call(None).load_input(context) == 42
    assert (by_year.input_config_schema, by_year.description) == ({"year": int}, "By year.")


def test_an_io_manager_may_have_its_config_as_fields() -> None:
    class Folder(ConfigurableIOManager):
        path: str

        def handle_output(self, context: OutputContext, obj: Any) -> None: ...

        def load_input(self, context: InputContext) -> Any:
            return self.path

    folder = Folder(path="/data")
    assert isinstance(folder, IOManager)
    assert isinstance(resource_def_of(folder), ResourceDefinition)
    assert folder.load_input(build_input_context()) == "/data"

    class Half(ConfigurableIOManager):
        def load_input(self, context: InputContext) -> Any: ...

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_a_factory_makes_the_io_manager_of_its_fields() -> None:
    class Factory(ConfigurableIOManagerFactory):
        size: int

        def create_io_manager(self, context: Any) -> IOManager:
            made = Kept()
            made.values["size",] = self.size
            return made

    made = Factory(size=3).create_resource(None)  # type: ignore[arg-type]
    assert made.values == {("size",): 3}


# -- contexts


@pytest.mark.parametrize(
    ("context", "names"),
    [
        (
            build_output_context(),
            ["step_key", "name", "job_name", "dagster_type", "op_def", "asset_key",
             "partition_key", "step_context", "instance", "asset_partitions_def",
             "asset_partition_key", "asset_partition_keys", "asset_partition_key_range",
             "asset_partitions_time_window"],
        ),
        (
            build_input_context(),
            ["name", "job_name", "dagster_type", "op_def", "asset_key", "partition_key",
             "step_context", "instance", "asset_partitions_def", "asset_partition_key",
             "asset_partition_keys", "asset_partition_key_range",
             "asset_partitions_time_window"],
        ),
    ],
)  # fmt: skip
def test_what_a_context_does_not_have_is_named(context: Any, names: list[str]) -> None:
    for name in names:
        with pytest.raises(InvariantViolationError, match=name if "asset_p" not in name else "no"):
            getattr(context, name)
    assert (context.metadata, context.config, context.resource_config) == ({}, None, {})
    told = (context.has_asset_key, context.has_partition_key, context.has_asset_partitions)
    assert told == (False, False, False)
    assert isinstance(context.log, logging.Logger)
    assert list(context.resources) == []


def test_identifiers_tell_values_apart() -> None:
    def identifier(**fields: Any) -> Any:
        return build_output_context(step_key="s", name="o", run_id="r", **fields).get_identifier()

    assert identifier() == ["r", "s", "o"]
    assert identifier(mapping_key="k") == ["r", "s", "o", "k"]
    assert identifier(version="v1") == ["versioned_outputs", "v1", "s", "o"]
    with pytest.raises(InvariantViolationError, match="cannot be versioned"):
        identifier(version="v1", mapping_key="k")
    assert build_output_context().run_id == "__EPHEMERAL_RUN_ID"
    with pytest.raises(InvariantViolationError, match="upstream_output"):
        build_input_context(asset_key="a").get_identifier()
    assert build_input_context(name="x").has_input_name
    assert not build_input_context().has_input_name


def test_assets_and_partitions_are_told() -> None:
    days = DailyPartitionsDefinition("2020-01-01")
    one = build_output_context(
        asset_key="a/b", partition_key="2020-01-01", asset_partitions_def=days
    )
    assert one.asset_key == AssetKey(["a", "b"])
    assert (one.partition_key, one.asset_partition_key) == ("2020-01-01", "2020-01-01")
    assert one.get_asset_identifier() == ["a", "b", "2020-01-01"]
    several = build_input_context(
        asset_key="a",
        asset_partitions_def=days,
        asset_partition_key_range=PartitionKeyRange("2020-01-01", "2020-01-03"),
    )
    assert several.has_asset_partitions
    assert several.asset_partition_keys == ["2020-01-01", "2020-01-02", "2020-01-03"]
    assert several.asset_partition_key_range.end == "2020-01-03"
    window = several.asset_partitions_time_window
    assert (window.start.day, window.end.day) == (1, 4)
    with pytest.raises(InvariantViolationError, match="3 partitions"):
        _ = several.asset_partition_key
    named = build_input_context(
        asset_key="a",
        partition_key="x",
        asset_partitions_def=StaticPartitionsDefinition(["x", "y"]),
    )
    assert named.asset_partition_key_range == PartitionKeyRange("x", "x")
    with pytest.raises(InvariantViolationError, match="not made of time"):
        _ = named.asset_partitions_time_window
    unpartitioned = build_output_context(asset_key="a", partition_key="p")
    assert unpartitioned.get_asset_identifier() == ["a"]


def test_output_metadata_adds_up_and_is_consumed_once() -> None:
    context = build_output_context()
    context.add_output_metadata({"rows": 3})
    context.add_output_metadata({"path": "x"})
    with pytest.raises(InvariantViolationError, match="'rows'"):
        context.add_output_metadata({"rows": 4})
    assert {key: value.value for key, value in context.get_logged_metadata().items()} == {
        "rows": 3, "path": "x",
    }  # fmt: skip
    assert context.consume_logged_metadata().keys() == {"rows", "path"}
    assert context.consume_logged_metadata() == {}


def test_logged_events_are_consumed_once() -> None:
    context = build_output_context()
    event = AssetMaterialization("x")
    context.log_event(event)
    assert context.get_logged_events() == [event]
    assert list(context.consume_events()) == [event]
    assert list(context.consume_events()) == []
    with pytest.raises(InvariantViolationError, match="AssetMaterialization"):
        context.log_event("x")  # type: ignore[arg-type]


def test_resources_are_attributes() -> None:
    context = build_output_context(resources={"db": "a string"})
    assert context.resources.db == "a string"
    with pytest.raises(AttributeError, match="'dbb'"):
        _ = context.resources.dbb
