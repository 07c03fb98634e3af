"""What a Dagster user knows of jobs works here after changing the import, one test for each lesson.

The tests are written as such a user writes, against `jobnb`; `test_compat` runs the same lessons
through `import dagster`.
"""

from __future__ import annotations

import logging
from unittest.mock import MagicMock

import pytest

from jobnb import (
    Config,
    ConfigurableResource,
    Definitions,
    Instance,
    JobDefinition,
    ResourceDefinition,
    RunConfig,
    asset,
    config_mapping,
    daily_partitioned_config,
    define_asset_job,
    graph,
    job,
    op,
)
from jobnb.errors import InvalidConfigError, UnknownPartitionError

# --- jobs from assets -------------------------------------------------------


@asset
def numbers():
    return [1, 2, 3]


@asset
def more_numbers(numbers):
    return [*numbers, 4]


every_number_job = define_asset_job(name="every_number_job")
numbers_job = define_asset_job(name="numbers_job", selection="numbers")

definitions = Definitions(
    assets=[numbers, more_numbers],
    jobs=[every_number_job, numbers_job],
)


def test_an_asset_job_makes_all_assets_in_the_order_of_what_they_take():
    result = definitions.get_job_def("every_number_job").execute_in_process()
    assert result.success
    assert result.output_for_node("more_numbers") == [1, 2, 3, 4]
    made = [event.asset_key.to_user_string() for event in result.get_asset_materialization_events()]
    assert made == ["numbers", "more_numbers"]


def test_another_job_over_the_same_assets_makes_what_it_selects():
    result = definitions.get_job_def("numbers_job").execute_in_process()
    made = [event.asset_key.to_user_string() for event in result.get_asset_materialization_events()]
    assert made == ["numbers"]


# --- jobs from ops ----------------------------------------------------------


@op
def give_five():
    return 5


@op
def increment(value):
    return value + 1


@job
def five_and_one():
    increment(give_five())


def test_a_job_composes_ops_by_calling_them():
    result = five_and_one.execute_in_process()
    assert result.output_for_node("give_five") == 5
    assert result.output_for_node("increment") == 6


# --- jobs from a graph ------------------------------------------------------


class Backend(ConfigurableResource):
    host: str = "localhost"

    def call(self) -> str:
        return f"called {self.host}"


@op
def call_backend(backend: Backend):
    return backend.call()


@graph
def use_backend():
    call_backend()


def test_one_graph_becomes_two_jobs_with_different_resources():
    far, near = ResourceDefinition.mock_resource(), ResourceDefinition.mock_resource()
    far_job = use_backend.to_job(resource_defs={"backend": far}, name="use_backend_far")
    near_job = use_backend.to_job(resource_defs={"backend": near}, name="use_backend_near")
    assert (far_job.name, near_job.name) == ("use_backend_far", "use_backend_near")
    assert far_job.graph is near_job.graph
    for each in (far_job, near_job):
        result = each.execute_in_process()
        assert result.success
        assert isinstance(result.output_for_node("call_backend"), MagicMock)


def test_the_same_graph_takes_configured_resources():
    here = use_backend.to_job(resource_defs={"backend": Backend(host="here")}, name="here")
    there = use_backend.to_job(
        resource_defs={"backend": Backend.configure_at_launch()}, name="there"
    )
    assert here.execute_in_process().output_for_node("call_backend") == "called here"
    config = RunConfig(resources={"backend": Backend(host="there")})
    given = there.execute_in_process(run_config=config)
    assert given.output_for_node("call_backend") == "called there"


# --- config -----------------------------------------------------------------


class TellConfig(Config):
    text: str


@op
def tell(context, config: TellConfig):
    context.log.info(f"text: {config.text}")  # noqa: G004
    return config.text


usual = RunConfig(ops={"tell": TellConfig(text="usual words")})


@job(config=usual)
def tell_the_usual():
    tell()


def logged(job, **parameters) -> list[str]:
    """What the ops of a run say."""
    instance = Instance.ephemeral()
    result = job.execute_in_process(instance=instance, **parameters)
    assert result.success
    return [entry.user_message for entry in instance.all_logs(result.run_id)]


def test_a_job_runs_with_its_hard_coded_config():
    assert "text: usual words" in logged(tell_the_usual)


def test_hard_coded_config_gives_way_to_what_a_run_brings():
    config = RunConfig(ops={"tell": TellConfig(text="other words")})
    assert tell_the_usual.execute_in_process(run_config=config).output_for_node("tell") == (
        "other words"
    )


def test_hard_coded_config_can_be_a_plain_dict():
    @job(config={"ops": {"tell": {"config": {"text": "plain words"}}}})
    def tell_plainly():
        tell()

    assert tell_plainly.execute_in_process().output_for_node("tell") == "plain words"


@daily_partitioned_config(start_date="2022-03-01")
def by_day(start, end):
    return RunConfig(ops={"tell": TellConfig(text=f"{start:%Y-%m-%d} to {end:%Y-%m-%d}")})


@job(config=by_day)
def tell_the_day():
    tell()


def test_partitioned_config_gives_each_partition_its_config():
    result = tell_the_day.execute_in_process(partition_key="2022-03-05")
    assert result.output_for_node("tell") == "2022-03-05 to 2022-03-06"
    assert result.dagster_run.tags["dagster/partition"] == "2022-03-05"


def test_the_function_of_a_partitioned_config_can_be_called_in_a_test():
    config = by_day.get_run_config_for_partition_key("2022-03-02")
    assert config.ops["tell"].text == "2022-03-02 to 2022-03-03"


def test_a_partition_before_the_first_is_refused():
    with pytest.raises(UnknownPartitionError, match="tell_the_day"):
        tell_the_day.execute_in_process(partition_key="2022-02-28")


class ShortConfig(Config):
    words: str


@config_mapping
def short_config(val: ShortConfig) -> RunConfig:
    return RunConfig(ops={"tell": TellConfig(text=val.words)})


@job(config=short_config)
def tell_in_short():
    tell()


def test_a_config_mapping_shows_a_simpler_config():
    assert "text: few words" in logged(tell_in_short, run_config={"words": "few words"})


def test_a_config_mapping_refuses_what_its_own_config_does_not_have():
    with pytest.raises(InvalidConfigError, match="Did you mean 'words'"):
        tell_in_short.execute_in_process(run_config={"word": "few words"})


# --- making jobs available, testing, running --------------------------------


def test_definitions_hold_jobs():
    held = Definitions(jobs=[five_and_one, tell_the_usual], resources={"backend": Backend()})
    assert isinstance(held.get_job_def("five_and_one"), JobDefinition)
    assert held.job_names == ["five_and_one", "tell_the_usual"]


def test_definitions_give_jobs_the_resources_they_lack():
    @job
    def lacking():
        call_backend()

    held = Definitions(jobs=[lacking], resources={"backend": Backend(host="shared")})
    result = held.get_job_def("lacking").execute_in_process()
    assert result.output_for_node("call_backend") == "called shared"


def test_ops_and_assets_are_tested_by_calling_them():
    assert increment(5) == 6
    assert more_numbers([7]) == [7, 4]
    assert call_backend(backend=Backend(host="test")) == "called test"


def test_a_job_is_tested_with_a_part_of_it_and_without_raising():
    assert five_and_one.execute_in_process(op_selection=["give_five"]).success

    @op
    def breaks():
        raise ValueError("no")

    @job
    def breaking():
        increment(breaks())

    result = breaking.execute_in_process(raise_on_error=False)
    assert not result.success
    with pytest.raises(ValueError, match="no"):
        breaking.execute_in_process()


def test_runs_in_one_process_are_kept_by_the_instance_they_are_given():
    instance = Instance.ephemeral()
    run_id = five_and_one.execute_in_process(instance=instance, tags={"team": "docs"}).run_id
    found = instance.get_run_by_id(run_id)
    assert found is not None
    assert (found.job_name, found.tags["team"]) == ("five_and_one", "docs")


def test_nothing_is_printed_by_a_run(capfd):
    logging.disable(logging.NOTSET)
    tell_the_usual.execute_in_process()
    assert capfd.readouterr().out == ""
