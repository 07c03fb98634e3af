from __future__ import annotations

import types
from pathlib import Path

import pytest

from jobnb import (
    AssetExecutionContext,
    AssetKey,
    AssetOut,
    AssetsDefinition,
    DataVersion,
    Definitions,
    Instance,
    InvalidDefinitionError,
    InvalidSubsetError,
    IOManager,
    Out,
    Session,
    SourceAsset,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    asset,
    define_asset_job,
    graph,
    job,
    multi_asset,
    observable_source_asset,
    op,
    session,
)
from jobnb.definitions.announce import announce
from jobnb.display.status_views import statuses_view
from jobnb.registry.session import current_session


@asset
def orders():
    return [1, 2]


@asset
def revenue(orders):
    return sum(orders)


@op
def hello():
    return "hello"


@job
def greet():
    hello()


@pytest.fixture
def here():
    return Session()


def test_a_session_knows_what_is_added_and_forgets_what_is_removed(here):
    here.add(orders, [revenue, hello], greet)
    assert [entry.name for entry in here.catalogue.entries()] == [
        "orders", "revenue", "hello", "greet",
    ]  # fmt: skip
    here.remove("revenue", "hello")
    assert [entry.name for entry in here.catalogue.entries()] == ["orders", "greet"]
    assert repr(here) == "<session: 1 asset, 1 job>"
    here.clear()
    assert repr(here) == "<session: nothing defined yet>"


def test_removing_a_name_takes_all_that_are_called_so(here):
    @op(name="greet")
    def other():
        return 1

    here.add(greet, other).remove("greet")
    assert len(here.catalogue) == 0


def test_a_misspelt_name_is_told_with_the_nearest(here):
    here.add(orders, greet)
    for ask in (here.remove, here.entry, here.asset):
        with pytest.raises(InvalidSubsetError, match="Did you mean 'orders'"):
            ask("order")
    with pytest.raises(InvalidSubsetError, match="no asset 'greet'"):
        here.asset("greet")
    with pytest.raises(InvalidSubsetError, match="Did you mean 'greet'"):
        here.job("gret")


def test_what_is_no_definition_cannot_be_added(here):
    with pytest.raises(InvalidDefinitionError, match="3 is no definition"):
        here.add(3)


def test_a_snapshot_does_not_change_when_cells_run_later(here):
    here.add(orders)
    before = here.snapshot()
    here.add(revenue, resources={"db": 1})
    assert len(before.assets) == 1
    assert before.resources == {}
    assert len(here.snapshot().assets) == 2


def test_an_asset_made_with_others_is_replaced_as_a_whole(here):
    @op(out={"low": Out(), "high": Out()})
    def bounds():
        return 1, 2

    @asset
    def high():
        return 3

    here.add(AssetsDefinition.from_op(bounds))
    assert sorted(here.catalogue.by_name("asset")) == ["high", "low"]
    here.add(high)
    assert sorted(here.catalogue.by_name("asset")) == ["high"]


def test_a_source_asset_gives_way_to_an_asset_of_its_key(here):
    here.add(SourceAsset.of("orders"), orders)
    found = here.snapshot()
    assert found.source_assets == ()
    assert found.assets == (orders,)


def test_the_session_makes_assets_and_runs_jobs(here):
    here.add(orders, revenue, greet, define_asset_job("all_of_it"))
    instance = Instance.ephemeral()
    assert here.materialize("*revenue", instance=instance).asset_value("revenue") == 3
    assert here.execute_job("greet", instance=instance).output_for_node("hello") == "hello"
    assert here.execute_job("all_of_it", instance=instance).asset_value("revenue") == 3
    assert here.execute_job(greet, instance=instance).success
    assert len(instance.get_runs()) == 4


def test_a_module_is_added_with_all_it_holds(here):
    module = types.ModuleType("pipeline")
    module.orders, module.greet, module.number = orders, greet, 3
    module.defs = Definitions.of(assets=[revenue], resources={"db": 1})
    here.add(module)
    assert sorted(e.name for e in here.catalogue.entries()) == ["greet", "orders", "revenue"]
    assert here.resources == {"db": 1}


def test_while_capturing_definitions_go_to_a_session_of_their_own():
    with Session.capture() as captured:
        assert current_session() is captured
        announce(orders, "__main__")
        announce(revenue, "some.module")
        with Session.capture() as inner:
            announce(greet, "__main__")
        assert [e.name for e in inner.catalogue.entries()] == ["greet"]
    assert current_session() is session
    assert [e.name for e in captured.catalogue.entries()] == ["orders"]
    assert "orders" not in session.catalogue.by_name("asset")


def test_capturing_ends_also_after_an_error():
    with pytest.raises(ZeroDivisionError), Session.capture():
        raise ZeroDivisionError
    assert current_session() is session


def test_the_hash_of_an_entry_is_that_of_its_function(here):
    @graph
    def plan():
        hello()

    here.add(orders, revenue, hello, plan)
    hashes = {e.name: e.code_hash for e in here.catalogue.entries()}
    assert len({hashes["orders"], hashes["revenue"], hashes["hello"]}) == 3
    assert hashes["plan"] == ""


def test_an_asset_materializes_and_launches_itself_among_the_definitions_of_its_session() -> None:
    with Session.capture() as here:

        @asset
        def lines() -> list[int]:
            return [1, 2, 3]

        @asset
        def total(lines: list[int]) -> int:
            return sum(lines)

        here.add(lines, total)
        instance = Instance.ephemeral()
        assert lines.materialize(instance=instance, tags={"by": "hand"}).success
        result = total.materialize(instance=instance)
        assert result.output_for_node("total") == 6
        assert [event.step_key for event in result.get_step_success_events()] == ["total"]
        run = total.launch(instance=instance).wait()
        assert run.status == "SUCCESS"
        assert "hand" in [each.tags.get("by") for each in instance.get_runs()]


def test_an_asset_that_the_session_does_not_know_materializes_with_what_the_session_knows() -> None:
    with Session.capture() as here:

        @asset
        def total(context: AssetExecutionContext) -> int:
            return int(context.resources.start) + 1

        alone = total.with_changes(
            node_def=op(name="total", required_resource_keys={"start"})(total.op.compute_fn)
        )
        here.clear()
        here.add(resources={"start": 41})
        assert alone.materialize(instance=Instance.ephemeral()).output_for_node("total") == 42
        assert "total" not in here.catalogue.by_name("asset")


def test_an_asset_tells_what_went_wrong_as_the_session_does() -> None:
    @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
    def letters(context: AssetExecutionContext) -> str:
        raise ValueError(context.partition_key)

    instance = Instance.ephemeral()
    with pytest.raises(ValueError, match="b"):
        letters.materialize(partition="b", instance=instance)
    failed = letters.materialize(partition="b", instance=instance, raise_on_error=False)
    assert not failed.success
    with pytest.raises(UnknownPartitionError, match="'c'"):
        letters.materialize(partition="c", instance=instance)


def test_the_launchpad_of_an_asset_is_the_same_each_time(tmp_path: Path) -> None:
    with Session.capture() as here:
        here.home = str(tmp_path)

        @multi_asset(outs={"low": AssetOut(), "high": AssetOut()})
        def both() -> tuple[int, int]:
            return 1, 2

        here.add(both)
        pad = both.launchpad()
        assert pad is both.launchpad()
        run = pad.launch().wait()
        assert run.status == "SUCCESS"
        assert here.value("high") == 2


def test_a_stored_value_is_loaded_before_any_cell_defines_its_asset(tmp_path):
    @asset
    def orders():
        return [3, 4]

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
    def letters(context):
        return context.partition_key * 2

    before = Session(home=str(tmp_path)).add(orders, letters)
    before.materialize("orders")
    before.backfill("letters").wait()
    later = Session(home=str(tmp_path))
    assert later.value("orders") == [3, 4]
    assert later.peek("orders") == [3, 4]
    assert later.value("letters", "b") == "bb"
    assert later.value("letters") == {"a": "aa", "b": "bb"}
    with pytest.raises(InvalidSubsetError, match="no asset 'ordrs'"):
        later.value("ordrs")


class Forgetful(IOManager):
    def handle_output(self, context, obj):
        pass

    def load_input(self, context):
        return "its own"


def test_a_value_that_its_own_io_manager_stored_tells_when_and_by_which_run(tmp_path):
    @asset(io_manager_def=Forgetful())
    def orders():
        return 1

    run = Session(home=str(tmp_path)).add(orders).materialize()
    later = Session(home=str(tmp_path))
    with pytest.raises(InvalidSubsetError) as told:
        later.value("orders")
    said = str(told.value)
    assert f"by the run {run.run_id[:8]}" in said
    assert "UTC" in said
    assert "Run the cell that defines 'orders' first" in said
    assert later.add(orders).value("orders") == "its own"


def test_an_older_file_is_not_taken_for_what_another_io_manager_stored_since(tmp_path):
    def named(**parameters):
        @asset(name="orders", **parameters)
        def orders():
            return "old"

        return orders

    Session(home=str(tmp_path)).add(named()).materialize()
    Session(home=str(tmp_path)).add(named(io_manager_def=Forgetful())).materialize()
    with pytest.raises(InvalidSubsetError, match="not by the default IO manager"):
        Session(home=str(tmp_path)).value("orders")


def test_stale_says_that_nothing_is_defined_and_what_is_stored(tmp_path):
    @asset
    def orders():
        return 1

    session = Session(home=str(tmp_path))
    assert "No assets are defined yet, and none are stored" in repr(session.stale())
    session.add(orders).materialize()
    assert repr(session.stale()) == "<All assets are fresh.>"
    told = Session(home=str(tmp_path)).stale()
    assert "No assets are defined yet" in repr(told)
    assert "Stored from earlier: orders." in repr(told)
    assert "No assets are defined yet" in statuses_view(told).text


def test_a_run_that_nobody_named_is_told_by_its_assets(tmp_path):
    @asset
    def revenue():
        return 1

    @asset
    def orders():
        return 1

    session = Session(home=str(tmp_path)).add(revenue, orders)
    run = session.launch()
    run.wait()
    session.materialize("orders")
    assert "materialize orders, revenue (2 assets)" in repr(run)
    assert "materialize orders, revenue (2 assets)" in repr(session.runs)
    assert session.runs.rows()[0]["job"] == "materialize orders"
    assert "__" not in repr(session.runs)


def test_an_observation_is_told_by_what_it_observes(tmp_path):
    @observable_source_asset
    def prices():
        return DataVersion("1")

    session = Session(home=str(tmp_path)).add(prices)
    assert session.observe_assets().state.title == "observe prices"
    assert [row["job"] for row in session.runs.rows()] == ["observe prices"]


def test_a_missing_resource_tells_how_to_give_it_and_no_name_that_nobody_gave(tmp_path):
    @asset(required_resource_keys={"warehouse"})
    def orders():
        return 1

    with pytest.raises(InvalidDefinitionError) as refused:
        Session(home=str(tmp_path)).add(orders).materialize()
    said = str(refused.value)
    assert said.startswith("The run lacks resources:")
    for way in (
        "resources={'warehouse': ...} for this run",
        "session.add(resources={'warehouse': ...})",
        "Definitions(resources={'warehouse': ...})",
    ):
        assert way in said


@pytest.mark.parametrize("key", [AssetKey(["mart", "sales"]), ["mart", "sales"], "mart/sales"])
def test_an_asset_is_removed_by_its_key_in_any_form(key):
    @asset(key_prefix="mart")
    def sales():
        return 1

    here = Session().add(sales)
    with pytest.raises(InvalidSubsetError, match="knows no 'mart/sale'. Did you mean 'mart/sales'"):
        here.remove(AssetKey(["mart", "sale"]))
    assert len(here.remove(key).catalogue) == 0
