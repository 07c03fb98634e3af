"""Repositories: Dagster's older `Definitions`, from a list or from names."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetCheckResult,
    AssetKey,
    Definitions,
    Instance,
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    RepositoryDefinition,
    ScheduleDefinition,
    Session,
    SourceAsset,
    asset,
    asset_check,
    define_asset_job,
    fs_io_manager,
    graph,
    in_process_executor,
    job,
    logger,
    op,
    repository,
    with_resources,
)

raw = SourceAsset("raw")


@asset
def orders():
    return [3, 4]


@asset
def revenue(orders):
    return sum(orders)


@asset_check(asset=orders)
def not_empty(orders):
    return AssetCheckResult(passed=bool(orders))


@op
def five():
    return 5


@job
def daily():
    five()


@graph
def hourly():
    five()


everything = define_asset_job("everything", selection="*")


@repository
def shop():
    """All of the shop."""
    return [orders, [revenue, raw], daily, everything, hourly, not_empty, daily]


def test_a_list_is_sorted_by_kind_and_graphs_become_jobs():
    assert isinstance(shop, RepositoryDefinition)
    assert (shop.name, shop.description) == ("shop", "All of the shop.")
    assert shop.job_names == ["daily", "everything", "hourly", "__ASSET_JOB"]
    assert [each.name for each in shop.get_all_jobs()] == shop.job_names
    assert set(shop.assets_defs_by_key) == {orders.key, revenue.key}
    assert shop.source_assets_by_key == {AssetKey("raw"): raw}
    assert list(shop.asset_checks_defs_by_key.values()) == [not_empty]


@pytest.mark.parametrize(("name", "node"), [("daily", "five"), ("hourly", "five")])
def test_its_jobs_run(name, node):
    assert shop.get_job(name).execute_in_process().output_for_node(node) == 5


def test_its_assets_are_made():
    assert shop.get_job("everything").execute_in_process().asset_value("revenue") == 7
    assert shop.get_job("__ASSET_JOB").execute_in_process().asset_value("revenue") == 7


def test_an_unknown_job_is_told_with_the_nearest():
    assert shop.has_job("daily")
    assert not shop.has_job("dayly")
    with pytest.raises(InvalidSubsetError, match=r"'shop' has no job called 'dayly'.*'daily'"):
        shop.get_job("dayly")


def test_names_may_stand_for_functions_that_make_jobs():
    @logger
    def quiet(_context): ...

    @repository(
        name="named",
        description="By name.",
        metadata={"team": "sales"},
        default_executor_def=in_process_executor,
        default_logger_defs={"quiet": quiet},
    )
    def by_name():
        return {"jobs": {"daily": daily, "later": lambda: hourly.to_job(name="later")}}

    assert (by_name.name, by_name.description) == ("named", "By name.")
    assert by_name.job_names == ["daily", "later"]
    assert by_name.metadata["team"].value == "sales"
    assert by_name.get_job("later").loggers == {"quiet": quiet}
    assert by_name.executor is in_process_executor


def test_assets_keep_the_resources_they_were_given():
    @asset(required_resource_keys={"rate"})
    def priced(context):
        return context.resources.rate * 2

    @repository
    def with_rate():
        return [with_resources([priced], {"rate": 21})]

    assert with_rate.get_job("__ASSET_JOB").execute_in_process().asset_value("priced") == 42


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (3, "is made of 3. Return a list"),
        ("daily", "is made of 'daily'"),
        (
            [daily, 3, [None]],
            r"schedule or sensor:\n  3, at place 1\n  None, at place 2",
        ),
        ({"jbs": {}}, "has a part called 'jbs'. Did you mean 'jobs'"),
    ],
)
def test_what_is_no_definition_is_refused(made, said):
    def wrong():
        return made

    with pytest.raises(InvalidDefinitionError, match=said):
        repository(wrong)


def test_its_name_is_checked():
    with pytest.raises(InvalidDefinitionError, match="'my shop' cannot name a repository"):
        RepositoryDefinition("my shop", [daily])


def test_definitions_answer_as_a_repository_too():
    found = Definitions(assets=[orders], jobs=[daily]).get_repository_def()
    assert found.name == "__repository__"
    assert found.get_job("daily").execute_in_process().success
    assert found.get_repository_def() is found
    assert (found.schedule_defs, found.sensor_defs) == ([], [])
    assert not found.has_schedule_def("daily")
    assert not found.has_sensor_def("daily")
    assert repr(found) == "RepositoryDefinition('__repository__': 1 assets, 1 jobs)"


def test_a_session_takes_a_repository_in():
    session = Session()
    session.add(shop)
    assert session.job("hourly").name == "hourly"
    assert {key.to_user_string() for key in session.snapshot().assets_by_key} == {
        "orders",
        "revenue",
    }


def test_the_assets_of_a_repository_and_what_each_is_made_from():
    @asset
    def sums(orders): ...

    found = Definitions([orders, sums], resources={"rate": 2}).get_repository_def()
    graph = found.asset_graph
    assert graph.get_parents(sums.key) == graph.get_children(AssetKey("nope")) | {orders.key}
    assert graph.get_children(orders.key) == {sums.key}
    assert graph.materializable_asset_keys == graph.all_asset_keys == {orders.key, sums.key}
    assert (graph.source_asset_keys, graph.get_partitions_def(sums.key)) == (frozenset(), None)
    assert set(found.get_top_level_resources()) == {"rate"}


def counted_jobs(made):
    """A repository whose jobs are made by functions, which tell what they make."""

    def maker(name, own_name=None):
        def make():
            made.append(name)
            return hourly.to_job(name=own_name or name)

        return make

    @repository
    def late():
        return {
            "jobs": {"a": maker("a"), "b": maker("b"), "c": maker("c", "other"), "d": lambda: 3},
            "schedules": {
                "s": lambda: ScheduleDefinition(name="s", job_name="a", cron_schedule="@daily")
            },
        }

    return late


def test_a_job_that_a_function_makes_is_made_once_it_is_asked_for():
    made = []
    late = counted_jobs(made)
    assert (late.job_names, late.has_job("b"), made) == (["a", "b", "c", "d"], True, [])
    assert (late.get_schedule_def("s").job_name, made) == ("a", [])
    assert late.get_job("b") is late.get_job("b")
    assert made == ["b"]


@pytest.mark.parametrize(("name", "told"), [("c", r"'c'.*'other'"), ("d", "3 as its job 'd'")])
def test_what_such_a_function_makes_is_checked_then(name, told):
    late = counted_jobs([])
    with pytest.raises(InvalidDefinitionError, match=told):
        late.get_job(name)


def test_what_is_given_as_a_job_and_is_none_is_told_at_once():
    with pytest.raises(InvalidDefinitionError, match="3 as its job 'a'"):
        RepositoryDefinition("r", {"jobs": {"a": 3}})


def test_all_its_jobs_are_made_when_all_are_asked_for():
    made = []

    @repository
    def late():
        return {"jobs": {"a": lambda: made.append(1) or hourly.to_job(name="a"), "hourly": hourly}}

    assert [each.name for each in late.jobs] == ["a", "hourly"]
    assert [each.name for each in late.get_all_jobs()] == ["a", "hourly"]
    assert made == [1]


def test_a_stored_value_is_loaded_with_the_config_of_its_resources(tmp_path):
    @repository
    def kept():
        return with_resources([orders], {"io_manager": fs_io_manager})

    config = {"io_manager": {"config": {"base_dir": str(tmp_path)}}}
    instance = Instance.ephemeral()
    kept.get_job("__ASSET_JOB").execute_in_process(
        run_config={"resources": config}, instance=instance
    )
    found = kept.load_asset_value("orders", instance=instance, resource_config=config)
    assert found == [3, 4]


def test_a_job_that_is_not_there_breaks_what_dagster_calls_an_invariant():
    @repository
    def small():
        return [hourly.to_job(name="hourly")]

    for ask in (small.get_job, Definitions(jobs=[hourly.to_job(name="hourly")]).get_job_def):
        with pytest.raises(InvariantViolationError, match="'hourly'") as raised:
            ask("hourli")
        assert isinstance(raised.value, InvalidSubsetError)
