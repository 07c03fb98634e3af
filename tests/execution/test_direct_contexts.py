"""The contexts of direct calls: what they know, and what they are for."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetMaterialization,
    Field,
    FilesystemIOManager,
    In,
    Instance,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    Out,
    ResourceParam,
    StaticPartitionsDefinition,
    asset,
    build_asset_context,
    build_hook_context,
    build_init_resource_context,
    build_input_context,
    build_op_context,
    build_output_context,
    build_schedule_context,
    build_sensor_context,
    fs_io_manager,
    graph,
    io_manager,
    job,
    mem_io_manager,
    op,
    resource,
    schedule,
    sensor,
    success_hook,
    validate_run_config,
)
from jobnb.errors import MissingResourceError


@op
def add(x, y=3):
    return x + y


def test_the_context_knows_of_the_call_once_it_began():
    context = build_op_context(
        partition_key="mon", mapping_key="k", run_tags={"team": "a"}, op_config={"n": 1}
    )

    @op
    def looks(context):
        return {
            "op": context.op_def.name,
            "step": context.step_key,
            "handle": str(context.op_handle),
            "job": context.job_name,
            "run": context.run_id,
            "partition": context.partition_key,
            "mapping": context.get_mapping_key(),
            "tag": context.get_tag("team"),
            "retry": context.retry_number,
            "asset": context.has_assets_def,
        }

    with pytest.raises(InvariantViolationError, match="not been used"):
        _ = context.op_def
    assert looks(context) == {
        "op": "looks",
        "step": "looks",
        "handle": "looks",
        "job": "ephemeral",
        "run": "EPHEMERAL",
        "partition": "mon",
        "mapping": "k",
        "tag": "a",
        "retry": 0,
        "asset": False,
    }


def test_an_assets_context_knows_its_asset():
    @asset(partitions_def=StaticPartitionsDefinition(["mon"]), key_prefix="shop")
    def orders(context):
        return (
            context.asset_key.to_user_string(),
            context.assets_def.key == context.asset_key,
            context.partition_key,
            context.has_partition_key,
        )

    given = build_asset_context(partition_key="mon")
    assert orders(given) == ("shop/orders", True, "mon", True)
    assert orders(build_op_context(partition_key="mon"))[0] == "shop/orders"


def test_what_a_call_told_can_be_looked_at():
    @op
    def tells(context):
        context.log_event(AssetMaterialization("seen"))
        context.add_output_metadata({"rows": 3})
        context.log.info("a line")
        return 1

    context = build_op_context()
    tells(context)
    assert [e.asset_key.to_user_string() for e in context.user_events] == ["seen"]
    assert context.get_output_metadata("result") == {"rows": 3}
    with pytest.raises(InvariantViolationError, match="no output 'resul'. Did you mean"):
        context.add_output_metadata({"rows": 3}, output_name="resul")


def test_an_instance_given_is_the_one_seen():
    @op
    def sees(context):
        return context.instance

    with Instance.ephemeral() as instance:
        assert sees(build_op_context(instance=instance)) is instance


def test_hooks_and_resources_are_called_directly_too():
    seen = []

    @success_hook(required_resource_keys={"mailer"})
    def tell(context):
        seen.append((context.resources.mailer, context.op.name, context.run_id, context.job_name))

    tell(build_hook_context(resources={"mailer": "m"}, op=add, run_id="r", job_name="j"))
    used = build_hook_context(op=add.alias("second"))
    assert (used.op.name, used.op.definition, used.step_key) == ("second", add, "second")
    assert seen == [("m", "add", "r", "j")]
    with pytest.raises(InvalidInvocationError, match="mailer"):
        tell(build_hook_context())

    @resource(config_schema={"k": int})
    def made(context):
        return context.resource_config["k"]

    assert made(build_init_resource_context(config={"k": 3})) == 3
    told = []

    @resource
    def opened():
        yield told.append("open") or 3
        told.append("closed")

    with opened() as value:
        assert (value, told) == (3, ["open"])
    assert told == ["open", "closed"]


def test_graphs_are_run_not_called():
    @graph
    def chain():
        return add(1)

    with pytest.raises(InvalidInvocationError, match="chain.execute_in_process"):
        chain()


def test_a_run_config_is_validated_without_running():
    @op(config_schema={"n": int, "name": Field(str, default_value="x")})
    def described(context):
        raise AssertionError("it ran")

    @graph
    def chain():
        described()

    chain_job = chain.to_job()
    good = {"ops": {"described": {"config": {"n": 1}}}}
    whole = validate_run_config(chain_job, good)
    config = {"n": 1, "name": "x"}
    assert whole["ops"] == {"described": {"config": config, "inputs": {}, "outputs": None}}
    with pytest.raises(InvalidConfigError, match="nn"):
        validate_run_config(chain_job, {"ops": {"described": {"config": {"nn": 1}}}})


def test_validate_run_config_returns_what_managers_get_for_each_value():
    formats = {"fmt": Field(str, default_value="csv")}

    @io_manager(
        output_config_schema=formats, input_config_schema={"n": Field(int, default_value=3)}
    )
    def files():
        raise AssertionError("it was set up")

    @op(out={"one": Out(io_manager_key="files"), "two": Out(io_manager_key="files"), "kept": Out()})
    def parts(): ...

    @op(ins={"part": In(input_manager_key="files"), "kept": In()})
    def read(part, kept): ...

    @graph
    def nested(part, kept):
        read(part, kept)

    @job(resource_defs={"files": files})
    def chain():
        one, _, kept = parts()
        nested(one, kept)

    csv, parquet = {"fmt": "csv"}, {"fmt": "parquet"}
    found = validate_run_config(chain)["ops"]
    assert found["parts"] == {"config": None, "inputs": {}, "outputs": {"one": csv, "two": csv}}
    assert found["nested.read"] == {"config": None, "inputs": {"part": {"n": 3}}, "outputs": None}

    given = {
        "parts": {"outputs": {"two": parquet}},
        "nested": {"ops": {"read": {"inputs": {"part": {"n": 5}}}}},
    }
    found = validate_run_config(chain, {"ops": given})["ops"]
    assert found["parts"]["outputs"] == {"one": csv, "two": parquet}
    assert found["nested.read"]["inputs"] == {"part": {"n": 5}}


@resource(required_resource_keys={"db"})
def from_context(context):
    return context.resources.db


@io_manager(required_resource_keys={"db"})
def unread(context):
    return context.resource_config


@success_hook(required_resource_keys={"db"})
def hooked(context): ...


@sensor(job_name="any", required_resource_keys={"db"})
def sensing(context): ...


@sensor(job_name="any")
def taking(context, db: ResourceParam[str]): ...


@schedule(job_name="any", cron_schedule="@daily", required_resource_keys={"db"})
def planned(context): ...


@pytest.mark.parametrize(
    ("called", "build"),
    [
        (from_context, build_init_resource_context),
        (unread, build_init_resource_context),
        (hooked, build_hook_context),
        (sensing, build_sensor_context),
        (sensing.evaluate_tick, build_sensor_context),
        (taking, build_sensor_context),
        (planned, build_schedule_context),
    ],
)
def test_a_call_without_a_resource_that_it_requires_is_refused_wherever_it_is_made(called, build):
    with pytest.raises(MissingResourceError, match="'db'") as told:
        called(build())
    assert isinstance(told.value, InvalidDefinitionError)
    assert isinstance(told.value, InvalidInvocationError)
    assert "did not ask" not in str(told.value)
    called(build(resources={"db": "open"}))


@pytest.mark.parametrize("called", [from_context, unread])
def test_a_resource_called_without_a_context_names_what_it_requires(called):
    with pytest.raises(MissingResourceError, match="needs the resources 'db'"):
        called()


@pytest.mark.parametrize(
    "build",
    [
        build_hook_context,
        build_init_resource_context,
        build_input_context,
        build_op_context,
        build_output_context,
    ],
)
def test_resources_of_a_test_are_torn_down_with_its_context(build):
    happened = []

    @resource
    def connection(_):
        happened.append("opened")
        yield "open"
        happened.append("closed")

    with build(resources={"connection": connection}) as context:
        assert context.resources.connection == "open"
        assert happened == ["opened"]
    assert happened == ["opened", "closed"]
    context = build(resources={"connection": connection})
    assert (context.resources.connection, happened[2:]) == ("open", ["opened"])
    del context
    assert happened[2:] == ["opened", "closed"]


def test_an_io_manager_that_was_chosen_takes_config():
    @graph
    def chain():
        add.alias("first")(add(1))

    def managers(*given):
        chosen = chain.to_job(resource_defs=dict(zip(["io_manager"], given, strict=False)))
        return validate_run_config(chosen)["resources"]["io_manager"]["config"]

    assert managers() is None
    assert managers(fs_io_manager) == managers(FilesystemIOManager()) == {}
    assert managers(fs_io_manager.configured({"base_dir": "x"})) == {"base_dir": "x"}
    assert managers(mem_io_manager) is None
