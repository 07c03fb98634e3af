"""Executor definitions and their config."""

from __future__ import annotations

from typing import Any

import pytest

from jobnb import ExecutorRequirement, InvalidConfigError, InvalidDefinitionError
from jobnb.config import bind_value, schema_of
from jobnb.definitions.jobs import executor as ex

NEEDS = ex.multiple_process_executor_requirements()


def bound(definition: ex.ExecutorDefinition, config: Any) -> Any:
    node = schema_of(definition.config_schema)
    assert node is not None
    return bind_value(node, config, ("execution", "config"), "the executor")


def test_the_own_executors_have_dagsters_names() -> None:
    own = (ex.in_process_executor, ex.multiprocess_executor, ex.multi_or_in_process_executor)
    assert [each.name for each in own] == [
        "in_process",
        "multiprocess",
        "multi_or_in_process_executor",
    ]
    assert [each.strategy for each in own] == ["in_process", "multiprocess", "multi_or_in_process"]


def test_requirements_follow_the_config() -> None:
    assert ex.in_process_executor.get_requirements() == []
    assert ex.multiprocess_executor.get_requirements({}) == NEEDS
    assert ex.multi_or_in_process_executor.get_requirements({"in_process": {}}) == []
    assert ex.multi_or_in_process_executor.get_requirements({"multiprocess": {}}) == NEEDS
    assert ExecutorRequirement.RECONSTRUCTABLE_JOB is ExecutorRequirement.RECONSTRUCTABLE_PIPELINE


def test_in_process_config() -> None:
    assert bound(ex.in_process_executor, {}) == {"retries": {"enabled": {}}}
    given = {"retries": {"disabled": {}}, "marker_to_close": "x"}
    assert bound(ex.in_process_executor, given) == given


def test_multiprocess_config() -> None:
    assert bound(ex.multiprocess_executor, {})["max_concurrent"] is None
    limits = [
        {"key": "db", "value": "big", "limit": 2},
        {"key": "k", "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
    ]
    given = {"max_concurrent": 3, "tag_concurrency_limits": limits, "start_method": {"spawn": {}}}
    assert bound(ex.multiprocess_executor, given) == {**given, "retries": {"enabled": {}}}
    with pytest.raises(InvalidConfigError) as caught:
        bound(ex.multiprocess_executor, {"max_concurrent": "many", "max_cocurrent": 1})
    assert len(caught.value.problems) == 2
    assert "did you mean 'max_concurrent'" in str(caught.value).lower()


def test_one_or_the_other() -> None:
    chosen = bound(ex.multi_or_in_process_executor, {"in_process": {}})
    assert chosen == {"in_process": {"retries": {"enabled": {}}}}
    with pytest.raises(InvalidConfigError):
        bound(ex.multi_or_in_process_executor, {"in_process": {}, "multiprocess": {}})


def test_the_schema_is_built_once() -> None:
    assert ex.multiprocess_executor.config_schema is ex.multiprocess_executor.config_schema


def test_executors_from_functions() -> None:
    @ex.executor
    def plain(_init: ex.InitExecutorContext) -> str:
        """Words."""
        return "plain"

    @ex.executor(name="y", config_schema={"n": int}, requirements=NEEDS[:1])
    def named(init: ex.InitExecutorContext) -> Any:
        return init.executor_config["n"]

    assert (plain.name, plain.description, plain.get_requirements()) == ("plain", "Words.", [])
    assert (named.name, named.get_requirements()) == ("y", NEEDS[:1])
    assert named.executor_creation_fn is not None
    context = ex.InitExecutorContext("job", named, {"n": 3}, "instance")
    assert named.executor_creation_fn(context) == 3
    with pytest.raises(InvalidDefinitionError, match="executor"):
        ex.ExecutorDefinition("a b")


def test_a_configured_executor_stays_what_it_is() -> None:
    two = ex.multiprocess_executor.configured({"max_concurrent": 2})
    assert (two.name, two.strategy) == ("multiprocess", "multiprocess")
    assert bound(two, {})["max_concurrent"] == 2
    assert ex.in_process_executor.configured({}, name="z").name == "z"
    with pytest.raises(InvalidConfigError):
        bound(ex.multiprocess_executor.configured({"max_concurrent": "x"}), {})
