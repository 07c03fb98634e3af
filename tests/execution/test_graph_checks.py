"""Checks that ops inside of a graph make: told, blocking, selected, left out, kept."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetIn,
    AssetKey,
    AssetOut,
    AssetsDefinition,
    AssetSelection,
    DynamicOut,
    DynamicOutput,
    EventRecordsFilter,
    EventType,
    GraphOut,
    In,
    Instance,
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    MaterializeResult,
    Nothing,
    Out,
    Output,
    Session,
    StaleStatus,
    StaticPartitionsDefinition,
    asset,
    graph,
    graph_asset,
    graph_multi_asset,
    job,
    materialize,
    op,
)


@op
def five():
    return 5


@op
def plus(x):
    return x + 1


@op
def is_large(x):
    return AssetCheckResult(passed=x > 3, metadata={"x": x})


@op
def says_no(x):
    return AssetCheckResult(passed=False, description="no")


def checked(check=is_large, blocking=False):
    """A graph with one check."""

    @graph_asset(check_specs=[AssetCheckSpec("large", asset="made", blocking=blocking)])
    def made():
        number = five()
        return {"result": number, "made_large": check(number)}

    return made


@graph_multi_asset(
    outs={"low": AssetOut(is_required=False), "high": AssetOut(is_required=False)},
    can_subset=True,
    check_specs=[
        AssetCheckSpec("fine", asset="low"),
        AssetCheckSpec("fine", asset="high", blocking=True),
    ],
)
def bounds():
    low = five()
    high = plus(low)
    return {
        "low": low,
        "high": high,
        "low_fine": is_large(low),
        "high_fine": says_no.alias("refuses")(high),
    }


@pytest.fixture
def instance(tmp_path):
    with Instance.local_temp(str(tmp_path)) as instance:
        yield instance


def verdicts(result):
    return {
        e.asset_check_key.to_user_string(): e.passed for e in result.get_asset_check_evaluations()
    }


def steps(result):
    return {key: state.status.value for key, state in result.state.steps.items()}


def test_an_op_of_the_graph_makes_the_check():
    made = checked()
    assert [spec.name for spec in made.check_specs] == ["large"]
    assert made.check_keys == {AssetCheckKey("made", "large")}
    assert list(made.keys_by_output_name) == ["result"]
    result = materialize([made])
    (said,) = result.get_asset_check_evaluations()
    assert (said.passed, said.blocking, said.metadata["x"].value) == (True, False, 5)
    assert said.target_materialization_data == (None, result.run_id)
    assert result.asset_value("made") == 5
    assert steps(result) == {"made.five": "succeeded", "made.is_large": "succeeded"}


@pytest.mark.parametrize(
    "verdict",
    [
        AssetCheckResult(passed=False),
        AssetCheckResult(passed=False, check_name="large", asset_key="made"),
        False,
        Output(AssetCheckResult(passed=False)),
    ],
)
def test_a_verdict_is_read_however_it_comes(verdict):
    @op
    def look(x):
        return verdict

    @op
    def look_and_yield(x):
        yield verdict if isinstance(verdict, (AssetCheckResult, Output)) else Output(verdict)

    for each in (look, look_and_yield):
        assert verdicts(materialize([checked(each)])) == {"made:large": False}


def test_one_op_gives_the_value_and_checks_it():
    outs = {"value": Out(), "first": Out(), "second": Out()}
    specs = [AssetCheckSpec("one", asset="made"), AssetCheckSpec("two", asset="made")]

    @op(out=outs)
    def yields():
        yield AssetCheckResult(passed=True, check_name="two")
        yield Output(1, "value")
        yield AssetCheckResult(passed=False, check_name="one")

    @op(out=outs)
    def returns():
        return 1, AssetCheckResult(passed=False), AssetCheckResult(passed=True)

    @op(out=outs)
    def tells():
        said = [AssetCheckResult(passed=n == "two", check_name=n) for n in ("one", "two")]
        yield MaterializeResult(value=1, check_results=said)

    def made_of(both):
        @graph_asset(check_specs=specs)
        def made():
            value, first, second = both()
            return {"result": value, "made_one": first, "made_two": second}

        return made

    for each in (yields, returns, tells):
        result = materialize([made_of(each)])
        assert verdicts(result) == {"made:one": False, "made:two": True}
        assert result.asset_value("made") == 1


@pytest.mark.parametrize(
    ("severity", "goes_on"), [(AssetCheckSeverity.WARN, True), (AssetCheckSeverity.ERROR, False)]
)
def test_a_blocking_check_stops_what_is_made_from_its_asset(severity, goes_on):
    @op
    def refuse(x):
        return AssetCheckResult(passed=False, severity=severity)

    @asset
    def report(made):
        return made

    result = materialize([checked(refuse, blocking=True), report], raise_on_error=False)
    assert result.success is goes_on
    assert steps(result)["report"] == ("succeeded" if goes_on else "blocked")


def test_what_is_made_from_another_asset_of_the_graph_goes_on():
    @asset
    def from_low(low):
        return low

    @asset
    def from_high(high):
        return high

    result = materialize([bounds, from_low, from_high], raise_on_error=False)
    assert verdicts(result) == {"low:fine": True, "high:fine": False}
    told = steps(result)
    assert (told["from_low"], told["from_high"]) == ("succeeded", "blocked")


def test_ops_of_the_graph_may_wait_for_the_check():
    @op(ins={"start": In(Nothing)})
    def finish():
        return 9

    @graph_asset(check_specs=[AssetCheckSpec("large", asset="made", blocking=True)])
    def made():
        verdict = says_no(five())
        return {"result": finish(start=verdict), "made_large": verdict}

    result = materialize([made], raise_on_error=False)
    assert steps(result)["made.finish"] == "blocked"
    assert result.get_asset_materialization_events() == []


def test_checks_are_left_out_with_the_ops_that_only_they_need(instance):
    result = materialize([checked()], selection="without_checks(*)", instance=instance)
    assert steps(result) == {"made.five": "succeeded"}
    assert verdicts(result) == {}


def test_checks_alone_look_at_what_is_stored(instance):
    made = checked()
    materialize([made], selection="without_checks(*)", instance=instance)
    result = materialize([made], selection="check:made:large", instance=instance)
    assert steps(result) == {"made.is_large": "succeeded"}
    assert result.get_asset_materialization_events() == []
    (said,) = result.get_asset_check_evaluations()
    (stored,) = instance.get_event_records(EventRecordsFilter(EventType.ASSET_MATERIALIZATION))
    assert said.target_materialization_data == (stored.storage_id, stored.run_id)
    assert stored.run_id != result.run_id


def test_one_check_of_several_runs_alone(instance):
    materialize([bounds], selection="without_checks(*)", instance=instance)
    result = materialize([bounds], selection="check:low:fine", instance=instance)
    assert verdicts(result) == {"low:fine": True}
    assert steps(result) == {"bounds.is_large": "succeeded"}


def test_an_asset_of_the_graph_that_is_not_asked_for_is_loaded(instance):
    materialize([bounds], selection="key:low", instance=instance)
    result = materialize([bounds], selection="key:high and not checks()", instance=instance)
    assert steps(result) == {"bounds.plus": "succeeded"}
    assert result.asset_value("high") == 6


def test_the_checks_of_some_assets_go_with_them(instance):
    result = materialize([bounds], selection=AssetSelection.assets("low"), instance=instance)
    assert verdicts(result) == {"low:fine": True}
    with pytest.raises(InvalidSubsetError, match="cannot make only some"):
        materialize([bounds.with_changes(can_subset=False)], selection="key:low")


def test_a_check_left_out_of_an_op_that_runs_anyway_is_not_told(instance):
    @op(out={"value": Out(), "verdict": Out()})
    def both():
        yield Output(1, "value")
        yield AssetCheckResult(passed=True)

    @graph_asset(check_specs=[AssetCheckSpec("fine", asset="made")])
    def made():
        value, verdict = both()
        return {"result": value, "made_fine": verdict}

    assert verdicts(materialize([made])) == {"made:fine": True}
    result = materialize([made], selection="without_checks(*)", instance=instance)
    assert (result.success, verdicts(result)) == (True, {})


def test_graphs_in_the_graph_check_too():
    @graph(out={"a": GraphOut(), "b": GraphOut()})
    def inner():
        number = five()
        return number, is_large(number)

    @graph_asset(check_specs=[AssetCheckSpec("large", asset="made")])
    def made():
        number, verdict = inner()
        return {"result": number, "made_large": verdict}

    result = materialize([made])
    assert verdicts(result) == {"made:large": True}
    assert set(steps(result)) == {"made.inner.five", "made.inner.is_large"}


def test_from_graph_takes_checks_too():
    @graph(out={"result": GraphOut(), "six_large": GraphOut()})
    def six():
        number = plus(five())
        return number, is_large(number)

    made = AssetsDefinition.from_graph(six, check_specs=[AssetCheckSpec("large", asset="six")])
    assert made.keys == {AssetKey("six")}
    assert verdicts(materialize([made])) == {"six:large": True}
    with pytest.raises(InvalidDefinitionError, match="no output 'six_other'"):
        AssetsDefinition.from_graph(
            six,
            keys_by_output_name={"result": AssetKey("six")},
            check_specs=[AssetCheckSpec("other", asset="six")],
        )


def test_other_keys_take_their_checks_along():
    named = checked().with_attributes(
        asset_key_replacements={AssetKey("made"): AssetKey(["far", "made"])}
    )
    assert verdicts(materialize([named])) == {"far/made:large": True}


def test_upstream_assets_and_partitions_reach_the_check(instance):
    days = StaticPartitionsDefinition(["mon", "tue"])

    @asset(partitions_def=days)
    def source(context):
        return context.partition_key

    @op
    def look(context, given):
        keys = {key.to_user_string() for key in context.selected_asset_check_keys}
        return AssetCheckResult(passed=given == context.partition_key and keys == {"made:same"})

    @op
    def keep(given):
        return given

    @graph_asset(
        ins={"given": AssetIn("source")},
        partitions_def=days,
        check_specs=[AssetCheckSpec("same", asset="made")],
    )
    def made(given):
        return {"result": keep(given), "made_same": look(given)}

    both = [source, made]
    (said,) = materialize(both, partition_key="tue").get_asset_check_evaluations()
    assert (said.passed, said.partition) == (True, "tue")
    materialize(both, partition_key="mon", selection="without_checks(*)", instance=instance)
    result = materialize(both, partition_key="mon", selection="checks(*)", instance=instance)
    assert verdicts(result) == {"made:same": True}


def test_a_check_beside_its_asset_waits_for_what_else_it_looks_at():
    ran = []

    @op
    def look(x):
        ran.append("look")
        return True

    @asset
    def other():
        ran.append("other")

    spec = AssetCheckSpec("same", asset="made", additional_deps=["other", "unknown"])

    @graph_asset(name="made", check_specs=[spec])
    def by_a_graph():
        number = five()
        return {"result": number, "made_same": look(number)}

    @asset(name="made", check_specs=[spec])
    def by_an_op():
        ran.append("look")
        return MaterializeResult(check_results=[AssetCheckResult(passed=True)])

    for made in (by_a_graph, by_an_op):
        assert materialize([made, other]).success
        assert ran == ["other", "look"]
        assert made.dependency_keys == frozenset()
        ran.clear()
        assert materialize([made]).success
        ran.clear()


def test_the_history_knows_the_last_verdict(instance):
    materialize([checked()], instance=instance)
    key = AssetCheckKey("made", "large")
    last = instance.get_latest_asset_check_evaluations(["made"])[key]
    assert (last.step_key, last.asset_check_evaluation.passed) == ("made.is_large", True)


def test_an_asset_is_made_though_a_blocking_check_of_its_graph_failed(instance, monkeypatch):
    monkeypatch.setattr(Session, "instance", instance)
    with Session.capture() as session:
        session.add(checked(says_no, blocking=True))
        session.materialize("made", raise_on_error=False)
        assert session.status("made").status is StaleStatus.FRESH


def test_no_verdict_is_told_in_words():
    @op
    def silent(x):
        pass

    @op
    def never(x):
        yield from ()

    for each, words in ((silent, "gave nothing"), (never, "did not give the check 'made:large'")):
        with pytest.raises(InvariantViolationError, match=words):
            materialize([checked(each)])


def test_a_verdict_of_another_check_is_told_in_words():
    @op
    def mixed_up(x):
        return AssetCheckResult(passed=True, check_name="big")

    with pytest.raises(InvariantViolationError, match="no check 'made:big'. Did you mean"):
        materialize([checked(mixed_up)])


def test_a_verdict_that_nobody_declared_is_told_in_words():
    @graph_asset
    def made():
        return is_large(five())

    @job
    def plain():
        is_large(five())

    for run in (lambda: materialize([made]), plain.execute_in_process):
        with pytest.raises(InvariantViolationError, match="declares no checks"):
            run()


def test_a_verdict_for_each_element_is_refused():
    @op(out=DynamicOut())
    def many():
        for number in (1, 2):
            yield DynamicOutput(number, str(number))

    @op
    def total(numbers):
        return sum(numbers)

    @graph_asset(check_specs=[AssetCheckSpec("large", asset="made")])
    def made():
        numbers = many()
        return {"result": total(numbers.collect()), "made_large": numbers.map(is_large)}

    with pytest.raises(InvalidDefinitionError, match="once for each element"):
        materialize([made])


def test_what_cannot_be_is_told():
    spec = AssetCheckSpec("large", asset="made")

    def define(compose, *specs):
        return graph_asset(name="made", check_specs=specs or [spec])(compose)

    with pytest.raises(InvalidDefinitionError, match=r"Return a dict: \{'result': \.\.\., 'made"):
        define(lambda: five())
    with pytest.raises(InvalidDefinitionError, match="Two checks are called 'made:large'"):
        define(lambda: five(), spec, spec)
    with pytest.raises(InvalidDefinitionError, match="cannot check another asset"):
        define(lambda: five(), AssetCheckSpec("large", asset="other"))
    with pytest.raises(InvalidDefinitionError, match="output would be called 'made_large'"):
        graph_multi_asset(outs={"made": AssetOut(), "made_large": AssetOut()}, check_specs=[spec])(
            lambda: five()
        )


def test_an_op_that_checks_can_be_called_by_a_test():
    assert is_large(1).passed is False
