from __future__ import annotations

import pytest

from jobnb import (
    AssetExecutionContext,
    AssetIn,
    AssetKey,
    AssetOut,
    DataProvenance,
    DataVersion,
    Definitions,
    Instance,
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    IOManager,
    OpExecutionContext,
    Output,
    ResourceDefinition,
    SourceAsset,
    asset,
    build_asset_context,
    graph_asset,
    io_manager,
    job,
    materialize,
    multi_asset,
    op,
)
from jobnb.definitions.ops.output import provenance_of


def seen_by(body, **parameters):
    """What a function says of the context of the asset `made` of `base`."""
    found = {}

    @asset
    def base():
        return 1

    @asset(ins={"number": AssetIn("base")}, **parameters)
    def made(context, number):
        found["answer"] = body(context)
        return number

    result = materialize([base, made])
    assert result.success
    return found["answer"]


def test_keys_of_inputs_and_outputs():
    assert seen_by(lambda c: c.asset_key) == AssetKey("made")
    assert seen_by(lambda c: c.asset_key_for_output()) == AssetKey("made")
    assert seen_by(lambda c: c.asset_key_for_input("number")) == AssetKey("base")
    assert seen_by(lambda c: c.output_for_asset_key("made")) == "result"
    assert seen_by(lambda c: c.selected_asset_keys) == {AssetKey("made")}
    assert seen_by(lambda c: c.selected_output_names) == {"result"}
    assert seen_by(lambda c: (c.has_assets_def, c.is_subset)) == (True, False)
    assert seen_by(lambda c: c.job_def.name) == "__ephemeral_asset_job__"
    assert seen_by(lambda c: c.op_execution_context is c)


def test_names_that_are_not_there_are_told_with_the_nearest():
    with pytest.raises(InvalidDefinitionError, match="Did you mean 'number'"):
        seen_by(lambda c: c.asset_key_for_input("numbr"))
    with pytest.raises(InvalidDefinitionError, match="'other' of 'made' is no asset"):
        seen_by(lambda c: c.asset_key_for_output("other"))
    with pytest.raises(InvariantViolationError, match="does not make 'base'"):
        seen_by(lambda c: c.set_data_version("base", DataVersion("1")))
    with pytest.raises(InvariantViolationError, match="context.resources.file_manager"):
        seen_by(lambda c: c.file_manager)


def test_an_op_makes_no_assets_and_says_so():
    answers = []

    @op
    def plain(context):
        answers.extend([context.has_assets_def, context.selected_asset_keys])
        return context.assets_def

    @job
    def work():
        plain()

    with pytest.raises(InvariantViolationError, match="is an op and makes no assets"):
        work.execute_in_process()
    assert answers == [False, frozenset()]


def test_an_op_of_a_graph_asset_knows_the_assets_it_makes_and_takes():
    answers = {}

    @asset
    def base():
        return 1

    @op
    def first(context, number):
        answers["in"] = context.asset_key_for_input("number")
        return number

    @op
    def second(context, number):
        answers["out"] = context.asset_key_for_output()
        answers["makes"] = context.assets_def.key
        return number

    @graph_asset
    def made(base):
        return second(first(base))

    materialize([base, made])
    assert answers == {"in": AssetKey("base"), "out": AssetKey("made"), "makes": AssetKey("made")}


def test_metadata_is_added_asset_by_asset():
    @multi_asset(outs={"a": AssetOut(key="k/a"), "b": AssetOut()})
    def two(context):
        context.add_asset_metadata({"rows": 1}, asset_key="k/a")
        context.add_output_metadata({"rows": 2}, output_name="b")
        return 1, 2

    @asset
    def one(context):
        context.add_asset_metadata({"rows": 3})

    result = materialize([two, one])
    rows = {
        event.asset_key.to_user_string(): event.metadata["rows"]["value"]
        for event in result.get_asset_materialization_events()
    }
    assert rows == {"k/a": 1, "b": 2, "one": 3}


def test_the_data_version_that_is_set_is_recorded():
    @asset
    def one(context):
        context.set_data_version("one", DataVersion("7"))

    (event,) = materialize([one]).get_asset_materialization_events()
    assert event.data_version == "7"


def test_functions_that_are_not_given_a_context_can_ask_for_it():
    def helper():
        context = AssetExecutionContext.get()
        context.add_asset_metadata({"by": "helper"})
        return context.asset_key.to_user_string()

    @asset
    def quiet():
        return helper()

    @asset
    def streaming():
        yield Output(helper())

    @asset
    def nested(context):
        materialize([quiet])
        assert OpExecutionContext.get() is context
        return helper()

    result = materialize([quiet, streaming, nested])
    for event in result.get_asset_materialization_events():
        assert event.metadata["by"]["value"] == "helper"
        name = event.asset_key.to_user_string()
        assert result.asset_value(name) == name
    with pytest.raises(InvariantViolationError, match="No step runs"):
        AssetExecutionContext.get()


def test_a_retry_gets_a_context_of_its_own():
    numbers = []

    from jobnb import RetryPolicy

    @asset(retry_policy=RetryPolicy(max_retries=2))
    def shaky():
        numbers.append(OpExecutionContext.get().retry_number)
        if len(numbers) < 3:
            raise ValueError("not yet")

    assert materialize([shaky]).success
    assert numbers == [0, 1, 2]


def test_any_asset_of_the_job_can_be_loaded(tmp_path):
    instance = Instance.from_home(str(tmp_path))

    class Elsewhere(IOManager):
        def handle_output(self, context, obj):
            raise AssertionError("a source is not stored")

        def load_input(self, context):
            return f"<{context.asset_key.to_user_string()}>"

    @io_manager(required_resource_keys={"prefix"})
    def elsewhere(context):
        assert context.resources.prefix == "p"
        return Elsewhere()

    raw = SourceAsset("raw", io_manager_def=elsewhere)

    @asset
    def earlier():
        return 5

    @asset(deps=[earlier])
    def now(context):
        names = ["earlier", "raw"]
        found = [context.load_asset_value(name) for name in names]
        with pytest.raises(InvalidSubsetError, match="Did you mean 'earlier'"):
            context.load_asset_value("earlir")
        return found

    resources = {"prefix": ResourceDefinition.hardcoded_resource("p")}
    assert materialize([earlier], instance=instance).success
    for chosen in ("now", None):
        result = materialize(
            [raw, earlier, now], instance=instance, selection=chosen, resources=resources
        )
        assert result.asset_value("now") == [5, "<raw>"]


def test_all_definitions_around_the_job_are_known():
    definitions = seen_by(lambda c: c.repository_def)
    assert isinstance(definitions, Definitions)
    assert set(definitions.assets_by_key) == {AssetKey("base"), AssetKey("made")}


def test_provenance_is_read_from_the_tags_of_the_last_materialization():
    tags = {
        "dagster/code_version": "c",
        "dagster/input_data_version/a/b": "7",
        "dagster/input_event_pointer/a/b": "12",
        "dagster/input_data_version/d": "8",
    }
    key = AssetKey(["a", "b"])
    assert provenance_of(tags) == DataProvenance(
        "c",
        {key: DataVersion("7"), AssetKey("d"): DataVersion("8")},
        {key: 12, AssetKey("d"): None},
        False,
    )
    assert provenance_of({"other": "tag"}) is None


def test_provenance_of_an_asset_that_was_made_and_of_one_that_was_not():
    instance, found = Instance.ephemeral(), []

    @asset(code_version="3")
    def made(context):
        found.append(context.get_asset_provenance("made"))
        found.append(context.get_asset_provenance("never"))

    materialize([made], instance=instance)
    materialize([made], instance=instance)
    assert found[:2] == [None, None]
    assert found[2].code_version == "3"


def test_a_direct_call_knows_keys_too():
    @asset(name="made", ins={"number": AssetIn("base")})
    def made(context, number):
        return [
            context.asset_key_for_output("result"),
            context.asset_key_for_input("number"),
            context.asset_key,
        ]

    with build_asset_context() as context:
        assert made(context, 1) == [AssetKey("made"), AssetKey("base"), AssetKey("made")]
