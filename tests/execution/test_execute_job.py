"""Running a job for its history, and running parts of an earlier run again."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap

import pytest
from pydantic import SecretStr

from jobnb import (
    AssetKey,
    Config,
    ConfigurableResource,
    Definitions,
    DynamicOut,
    DynamicOutput,
    ExecutionInterruptedError,
    In,
    Instance,
    InvalidConfigError,
    InvalidSubsetError,
    InvariantViolationError,
    JobExecutionResult,
    Nothing,
    Out,
    Output,
    ReexecutionOptions,
    RunNotFoundError,
    RunStatus,
    asset,
    config_mapping,
    define_asset_job,
    execute_job,
    fs_io_manager,
    graph,
    job,
    mem_io_manager,
    op,
    reconstructable,
)
from jobnb.execution.result import MissingOutputError

RAN: list[str] = []
FAILING = {"on": True}


@pytest.fixture(autouse=True)
def fresh():
    RAN.clear()
    FAILING["on"] = True


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


@op
def one():
    RAN.append("one")
    return 1


@op(out=DynamicOut())
def parts(x):
    RAN.append("parts")
    for number in range(3):
        yield DynamicOutput(number + x, f"k{number}")


@op
def ten(x):
    RAN.append("ten")
    return x * 10


@op
def summed(xs):
    RAN.append("summed")
    if FAILING["on"]:
        raise ValueError("not yet")
    return sum(xs)


@op(out=Out(Nothing))
def signal():
    RAN.append("signal")


@op(ins={"go": In(Nothing)})
def last(x):
    RAN.append("last")
    return x + 1


@job(tags={"team": "a"})
def pipeline():
    last(summed(parts(one()).map(ten).collect()), go=signal())


# --- running -----------------------------------------------------------------


def test_values_go_through_the_jobs_own_io_managers(instance):
    FAILING["on"] = False
    with execute_job(reconstructable(pipeline), instance, tags={"by": "me"}) as result:
        assert isinstance(result, JobExecutionResult)
        assert result.success
        assert result.output_for_node("last") == 61
        assert result.output_for_node("ten") == {"k0": 10, "k1": 20, "k2": 30}
    assert result.run.tags == {"team": "a", "by": "me"}
    assert instance.get_run_by_id(result.run_id).status is RunStatus.SUCCESS


def test_a_failure_is_a_result_unless_it_is_to_be_raised(instance):
    assert not execute_job(pipeline, instance).success
    with pytest.raises(ValueError, match="not yet"):
        execute_job(pipeline, instance, raise_on_error=True)


def test_selection_and_config(instance):
    @op(config_schema={"n": int})
    def configured(context):
        return context.op_config["n"]

    @job
    def two():
        configured()
        one()

    config = {"ops": {"configured": {"config": {"n": 4}}}}
    result = execute_job(two, instance, run_config=config, op_selection=["configured"])
    assert result.output_for_node("configured") == 4
    assert RAN == []
    with pytest.raises(InvalidConfigError):
        execute_job(two, instance, run_config={"ops": {"configured": {"config": {"n": "x"}}}})


def test_assets_are_selected_by_key(instance):
    @asset
    def orders():
        return [1, 2]

    @asset
    def total(orders):
        return sum(orders)

    both = Definitions(assets=[orders, total], jobs=[define_asset_job("both")]).get_job_def("both")
    execute_job(both, instance)
    result = execute_job(both, instance, asset_selection=[AssetKey("total")])
    assert result.asset_value("total") == 3
    assert len(result.get_asset_materialization_events()) == 1


def test_what_memory_held_is_gone_and_the_error_says_so(instance):
    @job(resource_defs={"io_manager": mem_io_manager})
    def in_memory():
        ten(one())

    result = execute_job(in_memory, instance)
    with pytest.raises(MissingOutputError, match="let go after its last reader"):
        result.output_for_node("one")


# --- reconstructable ---------------------------------------------------------


def make_pipeline():
    return pipeline


@graph
def only_one():
    one()


def make_graph():
    return only_one


def test_what_can_be_reconstructed(instance):
    assert reconstructable(pipeline).get_definition() is pipeline
    assert execute_job(reconstructable(make_pipeline), instance).job_def is pipeline
    assert execute_job(reconstructable(make_graph), instance).success


@pytest.mark.parametrize(
    ("target", "words"),
    [(5, "takes a job"), (lambda: pipeline, "lambda")],
)
def test_what_cannot(target, words):
    with pytest.raises(InvariantViolationError, match=words):
        reconstructable(target)


def test_a_function_that_gives_no_job_is_named():
    def wrong():
        return 5

    with pytest.raises(InvariantViolationError, match="'wrong' gave 5"):
        reconstructable(wrong).get_definition()


# --- repeating ---------------------------------------------------------------


def test_from_failure_runs_only_what_had_not_succeeded(instance):
    first = execute_job(pipeline, instance, tags={"by": "me"})
    assert RAN == ["one", "parts", "signal", "ten", "ten", "ten", "summed"]
    RAN.clear()

    options = ReexecutionOptions.from_failure(first.run_id, instance)
    assert sorted(options.step_selection) == ["last", "summed"]
    second = execute_job(pipeline, instance, reexecution_options=options)
    assert not second.success
    assert RAN == ["summed"]

    FAILING["on"] = False
    RAN.clear()
    options = ReexecutionOptions.from_failure(second.run_id, instance)
    third = execute_job(pipeline, instance, reexecution_options=options)
    assert third.success
    assert RAN == ["summed", "last"]
    assert third.output_for_node("last") == 61
    assert third.output_for_node("parts") == {"k0": 1, "k1": 2, "k2": 3}, "of the first run"
    run = third.run
    assert (run.parent_run_id, run.root_run_id) == (second.run_id, first.run_id)
    assert list(run.step_keys_to_execute) == ["summed", "last"]
    assert run.tags["by"] == "me"
    assert run.is_resume_retry
    assert third.all_events[0].step_keys == ("summed", "last")


def test_any_part_can_be_repeated(instance):
    FAILING["on"] = False
    first = execute_job(pipeline, instance)
    for selection, ran in (
        (["*ten"], ["one", "parts", "ten", "ten", "ten"]),
        (["summed+"], ["summed", "last"]),
        (["ten"], ["ten", "ten", "ten"]),
        (["last"], ["last"]),
    ):
        RAN.clear()
        options = ReexecutionOptions(first.run_id, step_selection=selection)
        again = execute_job(pipeline, instance, reexecution_options=options)
        assert (again.success, RAN) == (True, ran)
        assert again.output_for_node("last") == 61
    RAN.clear()
    whole = execute_job(pipeline, instance, reexecution_options=ReexecutionOptions(first.run_id))
    assert len(RAN) == 8
    assert not whole.run.is_resume_retry


@op
def picky(x):
    RAN.append(f"picky {x}")
    if x == 2 and FAILING["on"]:
        raise ValueError("two")
    return x


@op
def kept_apart(x):
    RAN.append(f"kept_apart {x}")
    return x * 10


@op
def listed(xs):
    RAN.append("listed")
    return list(xs)


@job
def by_element():
    listed(parts(one()).map(lambda x: kept_apart(picky(x))).collect())


def test_from_failure_a_mapped_step_runs_for_the_elements_that_did_not_succeed(instance):
    first = execute_job(by_element, instance)
    assert first.get_failed_step_keys() == {"picky[k1]"}
    RAN.clear()
    options = ReexecutionOptions.from_failure(first.run_id, instance)
    assert options.step_selection == ["picky[k1]", "kept_apart[k1]", "listed"]
    second = execute_job(by_element, instance, reexecution_options=options)
    assert not second.success
    assert RAN == ["picky 2"]

    FAILING["on"] = False
    RAN.clear()
    options = ReexecutionOptions.from_failure(second.run_id, instance)
    third = execute_job(by_element, instance, reexecution_options=options)
    assert third.output_for_node("listed") == [10, 20, 30]
    assert RAN == ["picky 2", "kept_apart 2", "listed"]
    assert third.output_for_node("kept_apart") == {"k1": 20}, "only what this run made"
    assert list(third.run.step_keys_to_execute) == ["picky[k1]", "kept_apart[k1]", "listed"]
    # The elements of later runs and of earlier ones are found, whatever is repeated of them.
    RAN.clear()
    options = ReexecutionOptions(third.run_id, ["listed"])
    fourth = execute_job(by_element, instance, reexecution_options=options)
    assert (fourth.output_for_node("listed"), RAN) == ([10, 20, 30], ["listed"])


@pytest.mark.parametrize(
    ("selection", "ran"),
    [
        (["picky[k1]"], ["picky 2"]),
        (["picky[k2]", "picky[k0]"], ["picky 1", "picky 3"]),
        (["picky[k1]+"], ["picky 2", "kept_apart 2"]),
        (["picky[k1]*"], ["picky 2", "kept_apart 2", "listed"]),
        (["*kept_apart[k1]"], ["one", "parts", "picky 2", "kept_apart 2"]),
        (["kept_apart[k0]", "listed"], ["kept_apart 1", "listed"]),
        (["picky[?]"], ["picky 1", "picky 2", "picky 3"]),
        (["picky[k1]", "picky"], ["picky 1", "picky 2", "picky 3"]),
        (["picky[k0]+", "kept_apart[k2]"], ["picky 1", "kept_apart 1", "kept_apart 3"]),
    ],
)
@pytest.mark.parametrize("way", ["execute_job", "launch"])
def test_elements_of_a_mapped_step_are_repeated_by_their_names(instance, selection, ran, way):
    FAILING["on"] = False
    first = execute_job(by_element, instance)
    RAN.clear()
    if way == "execute_job":
        options = ReexecutionOptions(first.run_id, selection)
        again = execute_job(by_element, instance, reexecution_options=options)
    else:
        run = by_element.launch(instance=instance).wait(30)
        RAN.clear()
        again = run.rerun(steps=selection).result(30)
    assert again.success
    assert ran == RAN
    if "listed" in ran:
        assert again.output_for_node("listed") == [10, 20, 30]


def test_what_an_interrupt_left_of_a_mapped_step_is_repeated(instance):
    def interrupted(x):
        if x == 2 and FAILING["on"]:
            raise KeyboardInterrupt

    @op
    def stopping(x):
        RAN.append(f"stopping {x}")
        interrupted(x)
        return x

    @job
    def stopped():
        listed(parts(one()).map(lambda x: kept_apart(stopping(x))).collect())

    with pytest.raises(ExecutionInterruptedError):
        execute_job(stopped, instance)
    FAILING["on"] = False
    RAN.clear()
    (run,) = instance.get_runs()
    options = ReexecutionOptions.from_failure(run.run_id, instance)
    again = execute_job(stopped, instance, reexecution_options=options)
    assert again.output_for_node("listed") == [10, 20, 30]
    assert RAN == ["stopping 2", "kept_apart 2", "stopping 3", "kept_apart 3", "listed"]


def test_elements_that_are_not_there_are_named(instance):
    FAILING["on"] = False
    first = execute_job(by_element, instance)
    for selection, words in (
        (["picky[k9]"], "no 'picky\\[k9\\]' in run .* 'picky\\[k\\d\\]'"),
        (["listed[k0]"], "'listed' is not mapped over anything"),
        (["pick[k0]"], "'picky'"),
    ):
        options = ReexecutionOptions(first.run_id, selection)
        with pytest.raises(InvalidSubsetError, match=words):
            execute_job(by_element, instance, reexecution_options=options)


def test_a_branch_that_was_not_taken_stays_so(instance):
    @op(out={"left": Out(is_required=False), "right": Out(is_required=False)})
    def branch():
        yield Output(1, "left")

    @job
    def branching():
        left, right = branch()
        ten.alias("on_left")(left)
        ten.alias("on_right")(right)

    first = execute_job(branching, instance)
    options = ReexecutionOptions(first.run_id, step_selection=["on_left", "on_right"])
    again = execute_job(branching, instance, reexecution_options=options)
    assert again.is_node_success("on_left")
    assert again.is_node_skipped("on_right")


def test_the_config_of_the_parent_is_used_again(instance):
    @op(config_schema={"n": int})
    def configured(context):
        return context.op_config["n"]

    @job
    def single():
        configured()

    first = execute_job(single, instance, run_config={"ops": {"configured": {"config": {"n": 4}}}})
    again = execute_job(single, instance, reexecution_options=ReexecutionOptions(first.run_id))
    assert again.output_for_node("configured") == 4


def test_what_cannot_be_repeated_is_said_before_anything_runs(instance):
    first = execute_job(pipeline, instance)
    count = instance.get_runs_count()
    RAN.clear()
    for options, error, words in (
        (ReexecutionOptions("nope"), RunNotFoundError, "no run 'nope'"),
        (ReexecutionOptions(first.run_id, ["nope"]), InvalidSubsetError, "nope"),
        (ReexecutionOptions(first.run_id, ["last"]), InvalidSubsetError, "'summed', which did"),
    ):
        with pytest.raises(error, match=words):
            execute_job(pipeline, instance, reexecution_options=options)
    other, whole = only_one.to_job(), ReexecutionOptions(first.run_id)
    with pytest.raises(InvariantViolationError, match="is of the job 'pipeline'"):
        execute_job(other, instance, reexecution_options=whole)
    FAILING["on"] = False
    good = execute_job(pipeline, instance)
    with pytest.raises(InvariantViolationError, match="only a run that failed"):
        ReexecutionOptions.from_failure(good.run_id, instance)
    assert instance.get_runs_count() == count + 1


@pytest.mark.parametrize("how", ["the default", "named mem_io_manager"])
@pytest.mark.parametrize("where", ["in memory", "on disk"])
@pytest.mark.parametrize("held", [True, False])
def test_what_a_blocking_run_kept_in_memory_is_made_again_or_still_there(
    how, where, held, tmp_path
):
    named = {"io_manager": mem_io_manager} if how != "the default" else None
    again_of = job(resource_defs=named, name="steps")(
        lambda: last(summed(parts(one()).map(ten).collect()), go=signal())
    )
    made = Instance.ephemeral() if where == "in memory" else Instance(home=tmp_path)
    with made as instance:
        first = again_of.execute_in_process(instance=instance, raise_on_error=False)
        run_id = first.run_id
        FAILING["on"] = False
        if not held:
            del first
            gc.collect()
        RAN.clear()
        options = ReexecutionOptions.from_failure(run_id, instance)
        again = execute_job(again_of, instance, reexecution_options=options)
        assert again.success
        assert named or again.output_for_node("last") == 61
        notes = [e.message for e in again.all_events if "kept in memory only" in (e.message or "")]
        if held:
            assert RAN == ["summed", "last"]
            assert notes == []
        else:
            assert RAN == ["one", "parts", "ten", "ten", "ten", "summed", "last"]
            assert "'ten', 'parts', 'one' run again" in notes[0]


def test_a_file_that_is_gone_is_made_again(tmp_path):
    with Instance(home=tmp_path) as instance:
        first = execute_job(pipeline, instance)
        FAILING["on"] = False
        (gone,) = (tmp_path / "storage" / first.run_id).glob("ten*k1*/result*")
        gone.unlink()
        RAN.clear()
        options = ReexecutionOptions.from_failure(first.run_id, instance)
        again = execute_job(pipeline, instance, reexecution_options=options)
        assert again.output_for_node("last") == 61
        assert RAN == ["ten", "summed", "last"]


@pytest.mark.parametrize("given", ["by the job", "by Definitions", "for the run"])
def test_a_named_file_manager_is_used_in_process_and_read_from_failure(given, tmp_path):
    named = {"io_manager": fs_io_manager}
    pipe = pipeline
    if given == "by the job":
        pipe = job(resource_defs=named, name="pipe")(lambda: last(summed([one()]), go=signal()))
    elif given == "by Definitions":
        bare = job(name="pipe")(lambda: last(summed([one()]), go=signal()))
        pipe = Definitions(jobs=[bare], resources=named).get_job_def("pipe")
    with Instance(home=tmp_path) as instance:
        first = pipe.execute_in_process(
            instance=instance,
            raise_on_error=False,
            **({"resources": named} if given == "for the run" else {}),
        )
        run_id = first.run_id
        assert list((tmp_path / "storage" / run_id / "one").iterdir())
        FAILING["on"] = False
        del first
        gc.collect()
        RAN.clear()
        options = ReexecutionOptions.from_failure(run_id, instance)
        assert execute_job(pipe, instance, reexecution_options=options).success
        assert RAN == ["summed", "last"]


def test_another_process_repeats_what_this_one_left(tmp_path):
    program = textwrap.dedent(
        """
        import sys
        from jobnb import Instance, job, op
        from jobnb.execution.execute_job import execute_job
        from jobnb.execution.reexecution import ReexecutionOptions

        @op
        def load():
            print("load")
            return [1, 2]

        @op
        def total(xs):
            if sys.argv[2] == "fail":
                raise ValueError("no")
            return sum(xs)

        @job
        def daily():
            total(load())

        with Instance.local_temp(sys.argv[1]) as instance:
            options = None
            if sys.argv[2] != "fail":
                run = instance.get_runs()[0]
                options = ReexecutionOptions.from_failure(run.run_id, instance)
            result = execute_job(daily, instance, reexecution_options=options)
            print(result.success, result.output_for_node("total") if result.success else None)
        """
    )
    (tmp_path / "program.py").write_text(program)
    outputs = [
        subprocess.run(
            [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "home"), mode],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")[:-1]
        for mode in ("fail", "again")
    ]
    assert outputs == [["load", "False None"], ["True 3"]]


PIN = "48151623"


class Pin(Config):
    pin: SecretStr


class Key(ConfigurableResource):
    pin: SecretStr


@op
def enter(config: Pin):
    return config.pin.get_secret_value()


@op
def leave(config: Pin):
    return config.pin.get_secret_value()


@op
def unlock(key: Key):
    return key.pin.get_secret_value()


@config_mapping
def as_ops(val: Pin):
    return {"enter": {"config": {"pin": val.pin.get_secret_value()}}}


@graph(config=as_ops)
def mapped():
    enter()


@config_mapping
def as_run_config(val: Pin):
    return {"ops": as_ops.resolve_from_unvalidated_config(val)}


@job
def plain():
    enter()
    leave()


@job
def with_mapped_graph():
    mapped()
    leave()


@job(config=as_run_config)
def wholly_mapped():
    enter()


@job(resource_defs={"key": Key.configure_at_launch()})
def with_resource():
    unlock()
    enter()


@pytest.mark.parametrize(
    ("run", "config", "selection"),
    [
        (plain, {"ops": {"enter": 1, "leave": 1}}, None),
        (plain, {"ops": {"enter": 1, "leave": 1}}, ["enter"]),
        (with_mapped_graph, {"ops": {"mapped": 1, "leave": 1}}, None),
        (wholly_mapped, {"pin": PIN}, None),
        (with_resource, {"ops": {"enter": 1}, "resources": {"key": 1}}, None),
        (with_resource, {"ops": {"enter": 1}, "resources": {"key": 1}}, ["enter"]),
    ],
)
def test_no_secret_is_stored_or_told_wherever_it_stands(tmp_path, run, config, selection):
    def filled(pin):
        inner = {"config": {"pin": pin}}
        if "pin" in config:
            return {"pin": pin}
        return {part: dict.fromkeys(names, inner) for part, names in config.items()}

    with Instance(tmp_path) as instance:
        asked = {"instance": instance, "op_selection": selection}
        done = run.execute_in_process(run_config=filled(PIN), **asked)
        stored = instance.get_run_by_id(done.run_id).run_config
        assert run.execute_in_process(run_config=stored, **asked).success
        with pytest.raises(InvalidConfigError) as refused:
            run.execute_in_process(run_config=filled(int(PIN)), **asked)
    assert PIN not in str(refused.value)
    files = [each for each in tmp_path.rglob("*") if each.is_file() and "storage" not in str(each)]
    assert files
    assert not any(PIN.encode() in each.read_bytes() for each in files)
