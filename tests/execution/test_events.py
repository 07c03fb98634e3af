"""The log of a run: which events come, and in which order."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetMaterialization,
    AssetObservation,
    DynamicOut,
    DynamicOutput,
    ExpectationResult,
    In,
    Instance,
    InvariantViolationError,
    Nothing,
    Out,
    Output,
    asset,
    job,
    materialize,
    op,
)
from jobnb.events import EngineNote, InputLoaded, OutputYielded, StepSkipped
from tests.execution.told import kinds, of_kind, told


@op
def one():
    return 1


@op
def plus(x):
    return x + 1


def test_a_plain_chain_tells_each_step_from_start_to_success():
    @job
    def chain():
        plus(one())

    assert told(chain.execute_in_process()) == [
        "PIPELINE_START",
        "STEP_START one",
        "STEP_OUTPUT one",
        "HANDLED_OUTPUT one",
        "STEP_SUCCESS one",
        "STEP_START plus",
        "LOADED_INPUT plus",
        "STEP_INPUT plus",
        "STEP_OUTPUT plus",
        "HANDLED_OUTPUT plus",
        "STEP_SUCCESS plus",
        "PIPELINE_SUCCESS",
    ]


def test_the_engine_and_resources_frame_the_steps():
    @job
    def single():
        one()

    events = single.execute_in_process().all_events
    around = [e.event_type_value for e in events if not e.is_step_event]
    assert around == [
        "PIPELINE_START",
        "ENGINE_EVENT",
        "RESOURCE_INIT_STARTED",
        "RESOURCE_INIT_SUCCESS",
        "ENGINE_EVENT",
        "PIPELINE_SUCCESS",
    ]
    assert next(e for e in events if isinstance(e, EngineNote)).text.startswith("Executing steps")


def test_times_never_go_back_and_the_start_names_the_steps_in_order():
    @job
    def chain():
        plus(plus.alias("first")(one()))

    events = chain.execute_in_process().all_events
    assert [e.time for e in events] == sorted(e.time for e in events)
    assert events[0].step_keys == ("one", "first", "plus")


def test_what_a_step_yields_is_told_between_its_outputs():
    @op(out={"a": Out(), "b": Out()})
    def both():
        yield Output(1, "a", metadata={"rows": 1})
        yield AssetMaterialization("made", metadata={"size": 2})
        yield AssetObservation("seen")
        yield ExpectationResult(success=False, label="positive")
        yield Output(2, "b")

    @job
    def telling():
        both()

    result = telling.execute_in_process()
    assert kinds(result, "both") == [
        "STEP_START",
        "STEP_OUTPUT",
        "HANDLED_OUTPUT",
        "ASSET_MATERIALIZATION",
        "ASSET_OBSERVATION",
        "STEP_EXPECTATION_RESULT",
        "STEP_OUTPUT",
        "HANDLED_OUTPUT",
        "STEP_SUCCESS",
    ]
    assert of_kind(result, "STEP_OUTPUT")[0].metadata == {"rows": {"type": "int", "value": 1}}
    assert result.asset_materializations_for_node("both")[0].metadata["size"].value == 2
    assert result.asset_observations_for_node("both")[0].asset_key.to_user_string() == "seen"
    assert result.expectation_results_for_node("both")[0].label == "positive"
    assert result.success, "an expectation that did not hold fails nothing"


def test_log_event_is_told_at_once():
    @op
    def early(context):
        context.log_event(AssetMaterialization("early"))
        return 1

    @job
    def telling():
        early()

    assert kinds(telling.execute_in_process(), "early")[1:3] == [
        "ASSET_MATERIALIZATION",
        "STEP_OUTPUT",
    ]


def test_nothing_is_yielded_but_neither_stored_nor_loaded():
    @op(out=Out(Nothing))
    def first(): ...

    @op(ins={"go": In(Nothing)})
    def second():
        return 2

    @job
    def ordered():
        second(first())

    result = ordered.execute_in_process()
    assert kinds(result, "first") == ["STEP_START", "STEP_OUTPUT", "STEP_SUCCESS"]
    assert "LOADED_INPUT" not in kinds(result, "second")


def test_a_dynamic_output_tells_each_mapping_key_and_who_loads_it():
    @op(out=DynamicOut())
    def parts():
        yield DynamicOutput("x", "a", metadata={"n": 1})
        yield DynamicOutput("y", "b")

    @op
    def joined(items):
        return "".join(items)

    @op
    def same(item):
        return item

    @job
    def fan():
        joined(parts().map(same).collect())

    result = fan.execute_in_process()
    yielded = [
        e for e in result.all_events if isinstance(e, OutputYielded) and e.step_key == "parts"
    ]
    assert [e.mapping_key for e in yielded] == ["a", "b"]
    loaded = [e for e in result.all_events if isinstance(e, InputLoaded)]
    assert [(e.step_key, e.upstream_step) for e in loaded] == [
        ("same[a]", "parts"),
        ("same[b]", "parts"),
        ("joined", "same[a]"),
        ("joined", "same[b]"),
    ]


def test_an_asset_run_plans_materializes_and_keeps_the_metadata():
    @asset(metadata={"owner": "me"})
    def orders(context):
        context.add_output_metadata({"rows": 3})
        return Output([1, 2, 3], metadata={"kind": "list"})

    @asset
    def total(orders):
        return sum(orders)

    result = materialize([orders, total])
    planned = result.get_asset_materialization_planned_events()
    assert [e.asset_key.to_user_string() for e in planned] == ["orders", "total"]
    assert kinds(result, "orders") == [
        "ASSET_MATERIALIZATION_PLANNED",
        "STEP_START",
        "STEP_OUTPUT",
        "ASSET_MATERIALIZATION",
        "HANDLED_OUTPUT",
        "STEP_SUCCESS",
    ]
    made = of_kind(result, "ASSET_MATERIALIZATION", "orders")[0]
    assert {"rows", "kind"} <= set(made.metadata)


def test_a_skip_names_what_was_missing():
    @op(out={"left": Out(is_required=False), "right": Out(is_required=False)})
    def branch():
        yield Output(1, "left")

    @job
    def branching():
        left, right = branch()
        plus.alias("on_left")(left)
        plus.alias("after")(plus.alias("on_right")(right))

    result = branching.execute_in_process()
    skipped = [e for e in result.all_events if isinstance(e, StepSkipped)]
    assert [(e.step_key, e.because, e.failed) for e in skipped] == [
        ("on_right", ("branch.right",), False),
        ("after", ("on_right.result",), False),
    ]
    assert result.success


def test_every_event_is_in_the_history_when_the_call_returns(tmp_path):
    @job
    def chain():
        plus(one())

    with Instance.local_temp(str(tmp_path)) as instance:
        result = chain.execute_in_process(instance=instance)
        run_id = result.run_id
    with Instance.local_temp(str(tmp_path)) as again:
        told = again.events(run_id)
        assert told == result.all_events
        assert {hash(each) for each in told} == {hash(each) for each in result.all_events}
        assert told[:-1] != result.all_events[1:]
        assert again.get_run_by_id(run_id).is_success


@pytest.mark.parametrize("keep", [True, False])
def test_events_do_not_depend_on_what_is_kept(keep):
    @job
    def chain():
        plus(one())

    result = chain.execute_in_process(keep_outputs=keep)
    assert len(told(result)) == 12


def test_a_value_that_is_yielded_bare_is_told_with_what_to_yield():
    @asset
    def orders():
        yield 3

    with pytest.raises(
        InvariantViolationError, match=r"'orders' yields or logs 3, .*Output\(value"
    ):
        materialize([orders])
