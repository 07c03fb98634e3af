"""Definitions as facts that can be compared: code, inputs, config, partitions and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobnb.code.reader import CodeReader
from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.locations.launching import resolved_schedules
from jobnb.definitions.ops.op import OpDefinition
from jobnb.plan.selection_resolution import with_known_keys
from jobnb.staleness.statuses import defined_assets
from jobnb.staleness.verdicts import DefinedAsset
from jobnb.staleness.versions import CONFIG, code_of, config_tags

CODE, INPUTS, CONFIG_FACT, PARTITIONS = "code", "made from", "config", "partitions"
MAKES_STALE = (CODE, INPUTS, CONFIG_FACT, PARTITIONS)
"""The facts of an asset whose change makes stale what was materialized before."""

Facts = Mapping[str, str]
Name = tuple[str, str]
"""The kind of a definition, and its name or key in words."""


def described(
    definitions: Definitions, ops: Iterable[OpDefinition[..., Any]] = ()
) -> dict[Name, Facts]:
    """Describe definitions.

    Args:
        definitions: Assets, checks, jobs, schedules, sensors and resources.
        ops: Ops beside them.

    Returns:
        The facts of each definition, by its kind and name.
    """
    found: dict[Name, dict[str, str]] = {}
    reader = CodeReader()
    known = with_known_keys(definitions.assets, definitions.source_assets)
    for key, asset in defined_assets(known).items():
        found["asset", key.to_user_string()] = asset_facts(asset)
    for job in definitions.jobs:
        found["job", job.name] = _job_facts(job)
    for op in ops:
        found["op", op.name] = _op_facts(op)
    for schedule in resolved_schedules(definitions.schedules, definitions.get_job_def):
        found["schedule", schedule.name] = _plain_facts(
            schedule, {"cron": "cron_schedule", "time zone": "execution_timezone"}
        )
    for sensor in definitions.sensors:
        found["sensor", sensor.name] = _plain_facts(
            sensor, {"interval": "minimum_interval_seconds"}
        )
    for name, resource in definitions.resources.items():
        found["resource", name] = {"class": type(resource).__qualname__}
    for each, code in code_by_name(definitions, ops).items():
        if each[0] != "asset":  # whose version the user may have given
            found.setdefault(each, {})[CODE] = reader.version(code)
    return dict(found)


def code_by_name(
    definitions: Definitions, ops: Iterable[OpDefinition[..., Any]] = ()
) -> dict[Name, Any]:
    """Return what is read as the code of each definition, where it has some: a function, a graph.

    Args:
        definitions: Assets, checks, jobs, schedules and sensors.
        ops: Ops beside them.
    """
    found: dict[Name, Any] = {}
    for assets in definitions.assets:
        code = code_of(assets)
        found |= {("asset", key.to_user_string()): code for key in assets.keys}
    for check in definitions.asset_checks:
        code = getattr(check.node_def, "compute_fn", check.node_def)
        found |= {("check", each.to_user_string()): code for each in check.check_keys}
    for job in definitions.jobs:
        if not isinstance(job, AssetJobDefinition) and job.asset_layer is None:
            found["job", job.name] = job.graph
    for op in ops:
        found["op", op.name] = op.compute_fn
    for kind, several in (("schedule", definitions.schedules), ("sensor", definitions.sensors)):
        for each in several:
            if each.functions:
                found[kind, each.name] = (
                    each.functions[0] if len(each.functions) == 1 else each.functions
                )
    return found


def asset_facts(asset: DefinedAsset) -> dict[str, str]:
    """Return the facts of an asset."""
    key, assets = asset.key, asset.assets
    labels = {
        "group": assets.group_names_by_key.get(key),
        "description": assets.descriptions_by_key.get(key),
        "owners": _sorted(assets.owners_by_key.get(key)),
        "tags": _sorted(assets.tags_by_key.get(key)),
        "kinds": _sorted(assets.kinds_by_key.get(key)),
    }
    facts = {
        CODE: asset.code,
        INPUTS: input_words(asset.upstream),
        CONFIG_FACT: default_config(assets),
        PARTITIONS: _words(assets.partitions_def),
    }
    return facts | {name: str(value) for name, value in labels.items() if value}


def input_words(keys: Iterable[AssetKey]) -> str:
    """Return the keys of upstream assets in words."""
    return ", ".join(sorted(key.to_user_string() for key in keys))


def default_config(assets: AssetsDefinition) -> str:
    """Return the config of an asset that is given none, as JSON; empty if it takes none."""
    try:
        return config_tags(assets.node_def, None).get(CONFIG, "")
    except Exception:  # noqa: BLE001 - a required field has no default
        return "required"


def _sorted(several: Any) -> str:
    if isinstance(several, Mapping):
        return ", ".join(sorted(f"{name}={value}" for name, value in several.items()))
    return ", ".join(sorted(map(str, several or ())))


def _words(value: Any) -> str:
    return "" if value is None else str(value)


def _job_facts(job: JobDefinition | AssetJobDefinition) -> dict[str, str]:
    facts = {
        "description": _words(job.description),
        "tags": _sorted(job.tags),
        PARTITIONS: _words(job.partitions_def),
    }
    if isinstance(job, AssetJobDefinition):
        facts["selection"] = _words(job.selection)
    else:
        facts["ops"] = ", ".join(sorted(node.name for node in job.nodes))
    return {name: value for name, value in facts.items() if value}


def _op_facts(op: OpDefinition[..., Any]) -> dict[str, str]:
    return {
        "inputs": ", ".join(each.name for each in op.input_defs),
        "outputs": ", ".join(each.name for each in op.output_defs),
        "description": _words(op.description),
    }


def _plain_facts(definition: Any, attributes: Mapping[str, str]) -> dict[str, str]:
    facts = {name: _words(getattr(definition, each, "")) for name, each in attributes.items()}
    facts["job"] = _words(getattr(definition, "job_name", ""))
    facts["description"] = _words(definition.description)
    return {name: value for name, value in facts.items() if value}
