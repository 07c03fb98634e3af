"""What a list of events adds up to."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    Instance,
    RunState,
    RunStatus,
    Session,
    StepStatus,
    asset,
    asset_check,
    fold,
)
from jobnb import events as ev

ERROR = ev.ErrorInfo("ValueError", "no rows")


def started(*keys: str) -> ev.RunStarted:
    return ev.RunStarted(10.0, "daily", keys)


def test_steps_stand_in_planned_order_and_wait() -> None:
    state = fold([started("b", "a")])
    assert list(state.steps) == ["b", "a"]
    assert state.counts == {StepStatus.QUEUED: 2}
    assert (state.status, state.job_name, state.started) == (RunStatus.STARTED, "daily", 10.0)
    assert state.seconds is None


def test_a_step_that_succeeds_has_times_outputs_and_logs() -> None:
    state = fold(
        [
            started("load"),
            ev.StepStarted(11.0, "load"),
            ev.Logged(11.5, 20, "hello", "load"),
            ev.OutputYielded(12.0, "load", "result", "Any", metadata={"a": {"value": 1}}),
            ev.OutputHandled(12.1, "load", "result", "io_manager", metadata={"b": {"value": 2}}),
            ev.OutputYielded(12.2, "load", "parts", "Any", mapping_key="k"),
            ev.StepSucceeded(13.0, "load", 2.0),
            ev.RunSucceeded(14.0, "daily"),
        ]
    )
    step = state.steps["load"]
    assert (step.status, step.started, step.ended, step.seconds) == (
        StepStatus.SUCCEEDED, 11.0, 13.0, 2.0,
    )  # fmt: skip
    assert step.outputs == {"result": {"a": {"value": 1}, "b": {"value": 2}}, "parts[k]": {}}
    assert (step.attempts, step.logs, state.logs, state.events) == (1, 1, 1, 8)
    assert state.is_success
    assert state.seconds == 4.0
    assert state.done == 1


def test_the_last_report_of_an_attempt_is_how_far_the_step_is() -> None:
    events: list[ev.Event] = [
        started("load"),
        ev.StepStarted(11.0, "load"),
        ev.StepProgressed(11.1, "load", 1, 4),
        ev.StepProgressed(11.2, "load", 2, 4, "rows"),
    ]
    state = fold(ev.decode_events(ev.encode_events(events)))
    assert state.steps["load"].progress == events[-1]
    fold([ev.StepRetried(12.0, "load", 1, 0.5, ERROR), ev.StepRestarted(13.0, "load", 2)], state)
    assert state.steps["load"].progress is None
    fold([ev.StepProgressed(13.1, "load", 7), ev.StepSucceeded(14.0, "load", 3.0)], state)
    assert state.steps["load"].progress == ev.StepProgressed(13.1, "load", 7)


def test_a_retried_step_counts_attempts_and_forgets_the_error_when_it_succeeds() -> None:
    events: list[ev.Event] = [
        started("load"),
        ev.StepStarted(11.0, "load"),
        ev.StepRetried(12.0, "load", 1, 0.5, ERROR),
    ]
    state = fold(events)
    assert state.steps["load"].status is StepStatus.RETRYING
    assert state.steps["load"].error == ERROR
    fold([ev.StepRestarted(12.5, "load", 2), ev.StepSucceeded(13.0, "load", 0.5)], state)
    step = state.steps["load"]
    assert (step.status, step.attempts, step.error) == (StepStatus.SUCCEEDED, 2, None)
    assert step.started == 12.5


def test_after_a_failed_run_waiting_steps_are_skipped_and_begun_ones_failed() -> None:
    state = fold(
        [
            started("a", "b", "c", "d"),
            ev.StepStarted(11.0, "a"),
            ev.StepFailed(12.0, "a", ERROR, 1.0),
            ev.StepSkipped(12.0, "b", ("a",), True),
            ev.StepStarted(12.5, "d"),
            ev.RunFailed(13.0, "daily", ("a",)),
        ]
    )
    assert [s.status.value for s in state.steps.values()] == [
        "failed", "skipped", "skipped", "failed",
    ]  # fmt: skip
    assert state.error == ERROR
    assert state.steps["b"].because == ("a",)
    assert state.steps["d"].seconds == 0.5
    assert state.status is RunStatus.FAILURE
    assert state.is_finished


def test_after_a_canceled_run_open_steps_are_canceled() -> None:
    state = fold(
        [
            started("a", "b", "c"),
            ev.StepStarted(11.0, "a"),
            ev.StepSucceeded(11.5, "a", 0.5),
            ev.StepStarted(11.5, "b"),
            ev.RunCanceling(12.0, "daily"),
            ev.RunCanceled(13.0, "daily"),
        ]
    )
    assert [s.status.value for s in state.steps.values()] == ["succeeded", "canceled", "canceled"]
    assert state.steps["b"].ended == 13.0
    assert state.steps["c"].ended is None


def test_the_last_materialization_of_an_asset_is_kept() -> None:
    first = ev.AssetMaterialized(1.0, "a", ("x", "y"), metadata={"n": {"value": 1}})
    last = ev.AssetMaterialized(2.0, "a", ("x", "y"), metadata={"n": {"value": 2}})
    assert fold([first, last]).materialized == {AssetKey(["x", "y"]): last}


def test_a_check_is_not_counted_with_the_assets_of_the_title() -> None:
    @asset
    def orders() -> int:
        return 1

    @asset
    def revenue(orders: int) -> int:
        return orders

    @asset_check(asset=orders)
    def positive(orders: int) -> bool:
        return orders > 0

    with Instance.ephemeral() as instance:
        session = Session().add(orders, revenue, positive)
        both = session.materialize(instance=instance)
        one = session.materialize("orders", instance=instance)
        checks = session.materialize("checks(orders)", instance=instance)
        titles = [instance.run_state(each.run_id).title for each in (both, one, checks)]
    assert titles == ["materialize orders, revenue (2 assets)", "materialize orders", "checks"]


def test_the_error_of_the_run_itself_wins() -> None:
    own = ev.ErrorInfo("OSError", "disk full")
    state = fold([ev.StepFailed(1.0, "a", ERROR), ev.RunFailed(2.0, "daily", error=own)])
    assert state.error == own


def test_states_share_nothing() -> None:
    fold([started("a"), ev.Logged(1.0, 20, "x", "a")])
    assert RunState().steps == {}
    assert fold([started("a")]).steps["a"].outputs == {}


@pytest.mark.parametrize("status", list(RunStatus))
def test_a_run_is_finished_when_it_succeeded_failed_or_was_canceled(status: RunStatus) -> None:
    ended = {RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.CANCELED}
    assert status.is_finished == (status in ended)


keys = st.sampled_from(["a", "b", "c[k]"])
times = st.floats(0, 100)


def made(kind: Any, *args: Any, **kwargs: Any) -> st.SearchStrategy[ev.Event]:
    return st.builds(kind, times, *args, **kwargs)


any_event: st.SearchStrategy[ev.Event] = st.one_of(
    made(ev.RunStarting),
    made(ev.RunStarted, st.just("daily"), st.lists(keys).map(tuple)),
    made(ev.RunSucceeded, st.just("daily")),
    made(ev.RunFailed, st.just("daily"), error=st.sampled_from([None, ERROR])),
    made(ev.RunCanceling, st.just("daily")),
    made(ev.RunCanceled, st.just("daily")),
    made(ev.EngineNote, st.just("note")),
    made(ev.StepStarted, keys),
    made(ev.StepRestarted, keys, st.integers(2, 4)),
    made(ev.StepRetried, keys, st.integers(1, 4)),
    made(ev.StepSucceeded, keys, st.just(1.0)),
    made(ev.StepFailed, keys, st.just(ERROR)),
    made(ev.StepSkipped, keys, st.just(("a",))),
    made(ev.OutputYielded, keys, st.just("result"), st.just("Any")),
    made(ev.AssetMaterialized, keys, st.just(("x",))),
    made(ev.Logged, st.just(20), st.just("line"), step_key=st.none() | keys),
)


@given(st.lists(any_event), st.lists(st.integers(0, 30)))
def test_folding_in_pieces_is_folding_in_one_go(events: list[ev.Event], cuts: list[int]) -> None:
    state: RunState | None = None
    places = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    for start, end in itertools.pairwise(places):
        state = fold(events[start:end], state)
    assert state == fold(events)


@given(st.lists(any_event))
def test_any_order_adds_up_to_something_consistent(events: list[ev.Event]) -> None:
    state = fold(events)
    assert state.events == len(events)
    assert sum(state.counts.values()) == len(state.steps)
    if events and isinstance(events[-1], (ev.RunSucceeded, ev.RunFailed, ev.RunCanceled)):
        assert state.done == len(state.steps)
