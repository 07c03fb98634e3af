"""IO managers in a run: what they see, what they tell, and where values go."""

from __future__ import annotations

import contextlib
import io
from unittest import mock

import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    AssetMaterialization,
    ConfigurableIOManager,
    ConfigurableIOManagerFactory,
    DagsterType,
    DynamicOut,
    DynamicOutput,
    Field,
    In,
    InvariantViolationError,
    IOManager,
    IOManagerDefinition,
    Out,
    ResourceDefinition,
    SourceAsset,
    UnknownResourceError,
    asset,
    input_manager,
    io_manager,
    job,
    materialize,
    mem_io_manager,
    op,
)
from tests.execution.told import of_kind


class InDict(IOManager):
    """Keeps values by identifier, and the contexts it saw."""

    def __init__(self):
        self.values = {}
        self.stored = []
        self.loaded = []

    def handle_output(self, context, obj):
        self.stored.append(context)
        context.add_output_metadata({"rows": 1})
        self.values[self._place(context)] = obj

    def load_input(self, context):
        self.loaded.append(context)
        return self.values[self._place(context)]

    def _place(self, context):
        of_asset = context.has_asset_key
        return tuple(context.get_asset_identifier() if of_asset else context.get_identifier())


@op(out=Out(int, metadata={"of": "output"}))
def one():
    return 1


@op(ins={"x": In(int, metadata={"of": "input"})})
def plus(x):
    return x + 1


def test_what_the_contexts_hold_for_ops():
    manager = InDict()

    @op(out=DynamicOut())
    def parts():
        yield DynamicOutput(10, "k")

    @op
    def listed(xs):
        return xs

    @job(resource_defs={"io_manager": manager})
    def wired():
        plus(one())
        listed(parts().map(plus.alias("mapped")).collect())

    result = wired.execute_in_process()
    first = manager.stored[0]
    assert (first.step_key, first.name, first.job_name) == ("one", "result", "wired")
    assert first.get_identifier() == [result.run_id, "one", "result"]
    assert (first.definition_metadata, first.dagster_type.display_name) == ({"of": "output"}, "Int")
    assert not first.has_asset_key
    assert not first.has_partition_key
    loaded = manager.loaded[0]
    assert (loaded.name, loaded.metadata) == ("x", {"of": "input"})
    assert (loaded.upstream_output.step_key, loaded.upstream_output.name) == ("one", "result")
    assert loaded.op_def.name == "plus"
    dynamic = next(c for c in manager.stored if c.step_key == "parts")
    assert dynamic.get_identifier()[1:] == ["parts", "result", "k"]
    assert result.output_for_node("listed") == [11]
    handled = of_kind(result, "HANDLED_OUTPUT", "one")[0]
    assert handled.metadata == {"rows": {"type": "int", "value": 1}}


def test_what_the_contexts_hold_for_assets():
    manager = InDict()

    @asset(metadata={"table": "o"}, key_prefix="shop")
    def orders():
        return [1]

    @asset
    def total(orders):
        return sum(orders)

    result = materialize([orders, total], resources={"io_manager": manager})
    assert manager.stored[0].asset_key == AssetKey(["shop", "orders"])
    assert manager.stored[0].metadata["table"] == "o"
    assert manager.loaded[0].asset_key == AssetKey(["shop", "orders"])
    assert manager.loaded[0].upstream_output.metadata["table"] == "o"
    made = of_kind(result, "ASSET_MATERIALIZATION", "shop__orders")[0]
    assert "rows" in made.metadata, "what the IO manager told stands at the materialization"


def test_a_manager_may_yield_what_it_made():
    class Yielding(IOManager):
        def handle_output(self, context, obj):
            yield {"from": "yield"}
            yield AssetMaterialization("file")
            context.log_event(AssetMaterialization("logged"))
            context.add_output_metadata({"added": 1})

        def load_input(self, context):
            return 3

    @job(resource_defs={"io_manager": Yielding()})
    def wired():
        one()

    result = wired.execute_in_process()
    assert set(of_kind(result, "HANDLED_OUTPUT")[0].metadata) == {"from", "added"}
    made = [e.asset_key.to_user_string() for e in result.get_asset_materialization_events()]
    assert made == ["file", "logged"]
    assert result.output_for_node("one") == 1


@pytest.mark.parametrize("where", ["handle_output", "load_input"])
def test_an_error_in_a_manager_fails_the_step(where):
    class Failing(IOManager):
        def handle_output(self, context, obj):
            if where == "handle_output":
                raise ValueError("cannot store")

        def load_input(self, context):
            raise ValueError("cannot load")

    @job(resource_defs={"io_manager": Failing()})
    def wired():
        plus(one())

    result = wired.execute_in_process(raise_on_error=False)
    failed = "one" if where == "handle_output" else "plus"
    assert result.get_failed_step_keys() == {failed}
    with pytest.raises(ValueError, match="cannot"):
        wired.execute_in_process()


def test_managers_with_config_and_resources():
    class Prefixed(IOManager):
        def __init__(self, prefix):
            self.prefix = prefix

        def handle_output(self, context, obj):
            seen.append((self.prefix, context.resource_config, context.resources.word))

        def load_input(self, context):
            return 5

    seen = []

    @io_manager(required_resource_keys={"word"}, config_schema={"n": Field(int, default_value=2)})
    def made(context):
        return Prefixed(context.resources.word * context.resource_config["n"])

    @job(resource_defs={"io_manager": made, "word": ResourceDefinition.hardcoded_resource("w")})
    def wired():
        plus(one())

    result = wired.execute_in_process(
        run_config={"resources": {"io_manager": {"config": {"n": 3}}}}
    )
    assert seen[0] == ("www", {"n": 3}, "w")
    assert result.output_for_node("plus") == 6


def test_configurable_managers_and_their_factories():
    class Doubling(ConfigurableIOManager):
        times: int

        def handle_output(self, context, obj):
            HELD[context.step_key] = obj * self.times

        def load_input(self, context):
            return HELD[context.upstream_output.step_key]

    class Factory(ConfigurableIOManagerFactory):
        times: int

        def create_io_manager(self, context):
            return Doubling(times=self.times + 1)

    HELD: dict[str, int] = {}

    @op(out=Out(io_manager_key="other"))
    def two():
        return 2

    @job(resource_defs={"io_manager": Doubling(times=2), "other": Factory(times=9)})
    def wired():
        plus(one())
        plus.alias("again")(two())

    result = wired.execute_in_process()
    assert (result.output_for_node("plus"), result.output_for_node("again")) == (3, 21)


def test_an_asset_may_bring_its_own_manager():
    manager = InDict()

    @asset(io_manager_def=IOManagerDefinition.hardcoded_io_manager(manager))
    def orders():
        return [1, 2]

    @asset
    def total(orders):
        return sum(orders)

    result = materialize([orders, total])
    assert result.asset_value("total") == 3
    assert [c.asset_key.to_user_string() for c in manager.stored] == ["orders"]
    assert [c.asset_key.to_user_string() for c in manager.loaded] == ["orders"]


def test_source_assets_are_loaded_by_their_manager():
    class Fixed(IOManager):
        def handle_output(self, context, obj): ...

        def load_input(self, context):
            seen.append((context.asset_key, dict(context.upstream_output.metadata)))
            return 42

    seen = []
    raw = SourceAsset("raw", io_manager_key="outside", metadata={"table": "r"})

    @asset
    def clean(raw):
        return raw + 1

    result = materialize([clean, raw], resources={"outside": Fixed()})
    assert result.asset_value("clean") == 43
    assert seen == [(AssetKey("raw"), {"table": "r"})]


def test_an_input_manager_takes_the_place_of_the_outputs_manager():
    @input_manager
    def seven(context):
        seen.append((context.name, context.upstream_output.step_key))
        return 7

    seen = []

    @op(ins={"x": In(input_manager_key="seven")})
    def uses(x):
        return x

    @op(ins={"xs": In(input_manager_key="seven")})
    def collects(xs):
        return xs

    @op(out=DynamicOut())
    def parts():
        yield DynamicOutput(1, "k")

    @job(resource_defs={"seven": seven})
    def wired():
        uses(one())
        collects(parts().collect())

    result = wired.execute_in_process()
    assert result.output_for_node("uses") == 7
    assert result.output_for_node("collects") == [7]
    assert seen[0] == ("x", "one")
    assert of_kind(result, "LOADED_INPUT", "uses")[0].manager_key == "seven"


def test_naming_the_outputs_own_manager_at_the_input_changes_nothing():
    @op(ins={"x": In(input_manager_key="io_manager")})
    def uses(x):
        return x

    @job(resource_defs={"io_manager": mem_io_manager})
    def wired():
        uses(one())

    assert wired.execute_in_process().output_for_node("uses") == 1


# --- the managers that a step sees ------------------------------------------------


class Named(IOManager):
    def __init__(self, name):
        self.name = name
        self.kept = {}

    def handle_output(self, context, obj):
        self.kept[context.name] = obj

    def load_input(self, context):
        return self.kept.get(context.upstream_output.name if context.upstream_output else None)


def managers(*names):
    return {name: Named(name) for name in names}


def seen(context):
    found = {}
    for name in ("io_manager", "mine", "other", "typed", "loads"):
        with contextlib.suppress(UnknownResourceError):
            found[name] = getattr(context.resources, name).name
    assert all(name == found[name] for name in found)
    return set(found)


def test_a_step_sees_the_managers_of_its_outputs_and_inputs():
    @asset(io_manager_key="mine")
    def first(context):
        return seen(context)

    @asset
    def second(context, first):
        return seen(context)

    @asset(ins={"first": AssetIn(input_manager_key="loads")}, io_manager_key="other")
    def third(context, first):
        return seen(context)

    given = managers("io_manager", "mine", "other", "loads", "typed")
    result = materialize([first, second, third], resources=given)
    assert given["mine"].kept["result"] == {"mine"}
    assert result.asset_value("second") == {"io_manager", "mine"}
    assert given["other"].kept["result"] == {"other", "loads"}
    alone = materialize([first, second, third], selection="second", resources=given)
    assert alone.asset_value("second") == {"io_manager", "mine"}


def test_an_op_sees_the_managers_and_what_its_types_need():
    typed = DagsterType(lambda _context, _value: True, "Typed", required_resource_keys={"typed"})

    @op(out={"x": Out(io_manager_key="mine"), "y": Out(io_manager_key="other")})
    def makes(context):
        return seen(context), None

    @op(ins={"x": In(typed), "y": In(input_manager_key="loads")})
    def takes(context, x, y):
        return x, seen(context)

    @op
    def collects(context, xs):
        return seen(context)

    @job(resource_defs=managers("io_manager", "mine", "other", "loads", "typed"))
    def both():
        x, y = makes()
        takes(x, y)
        collects([x, y])

    result = both.execute_in_process()
    assert result.output_for_node("takes") == (
        {"mine", "other"},
        {"io_manager", "mine", "loads", "typed"},
    )
    assert result.output_for_node("collects") == {"io_manager", "mine", "other"}


# --- what a manager returns -------------------------------------------------------


def stored_by(gives):
    class Giving(IOManager):
        def handle_output(self, context, obj):
            return gives()

        def load_input(self, context): ...

    @asset
    def orders():
        return 1

    return materialize([orders], resources={"io_manager": Giving()})


@pytest.mark.parametrize("nothing", [None, {}, [], (), "", 0, False])
def test_a_manager_that_returns_nothing_tells_nothing(nothing):
    result = stored_by(lambda: nothing)
    assert len(result.get_asset_materialization_events()) == 1


def test_a_manager_may_return_one_materialization_or_metadata():
    result = stored_by(lambda: AssetMaterialization("other"))
    told = [event.asset_key for event in result.get_asset_materialization_events()]
    assert AssetKey("other") in told
    result = stored_by(lambda: {"rows": 3})
    (event,) = result.get_asset_materialization_events()
    assert event.metadata["rows"] == {"type": "int", "value": 3}


@pytest.mark.parametrize(
    "gives",
    [
        lambda: [AssetMaterialization("other")],
        lambda: iter([AssetMaterialization("other")]),
        lambda: io.StringIO("text"),
        lambda: 7,
        mock.MagicMock,
    ],
)
def test_what_else_a_manager_returns_is_refused_rather_than_lost(gives):
    with pytest.raises(InvariantViolationError, match="'io_manager' returned .* or yields some"):
        stored_by(gives)
