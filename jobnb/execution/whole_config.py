"""The whole config of a run: of each op, input and resource, with defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from jobnb.config import plain_config
from jobnb.definitions.resources.configurable_resource import ConfigurableResourceDefinition
from jobnb.definitions.resources.resource import HardcodedResource
from jobnb.plan.step import Plan


def whole_config(plan: Plan) -> dict[str, Any]:
    """Return what each op and resource of a run gets; None for what takes no config.

    An op of a graph stands under its path, as `clean.parse`. Variables have their values.

    Args:
        plan: The plan of the run.
    """
    return {
        "ops": _of_ops(plan),
        "execution": {"config": dict(plan.execution_config)},
        "resources": {key: {"config": _of_resource(plan, key)} for key in plan.resources},
        "loggers": {key: {"config": given} for key, given in plan.logger_config.items()},
    }


def _of_ops(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for step in plan.steps:
        names = step.key.split(".")
        for path in accumulate(names, lambda above, name: f"{above}.{name}"):
            given = _given(plan.given_config, path.split("."))
            found.setdefault(
                path,
                {
                    "config": None,
                    "inputs": dict(given.get("inputs") or {}),
                    "outputs": given.get("outputs"),
                },
            )
        found[step.key]["config"] = plain_config(step.config)
        if loaded := plan.loading.get(step.key):
            found[step.key]["inputs"].update(plain_config(loaded))
        if stored := plan.storing.get(step.key):
            found[step.key]["outputs"] = plain_config(stored)
    return found


def _given(config: Mapping[str, Any], path: list[str]) -> Mapping[str, Any]:
    """Return what was given at a path of names."""
    name, *below = path
    entry: Any = config.get(name)
    if not isinstance(entry, Mapping):
        return {}
    return _given(entry.get("ops") or {}, below) if below else entry


def _of_resource(plan: Plan, key: str) -> Any:
    definition, given = plan.resources[key], plan.resource_config.get(key)
    if isinstance(definition, HardcodedResource):
        return None
    if isinstance(definition, ConfigurableResourceDefinition):
        values = definition.config_with(given)
        return plain_config({name: each for name, each in values.items() if each is not None})
    if given is None and key in plan.job.resource_defs and getattr(definition, "is_settled", False):
        return {}  # `fs_io_manager`, which somebody chose: all of its config is optional
    return plain_config(given)
