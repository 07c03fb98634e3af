"""Which resources a run needs, and in which order they are set up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.resources.resource import ResourceDefinition, resource_def_of
from jobnb.errors import InvalidDefinitionError, did_you_mean
from jobnb.plan.asset_graph import AssetGraphDefinition
from jobnb.plan.flatten import FlatNode
from jobnb.plan.step import FromAsset, FromMany, FromOutput, Plan, Step


def all_resource_defs(
    job: JobDefinition, given: Mapping[str, Any] | None
) -> dict[str, ResourceDefinition]:
    """Return the resources that the job could use: its own, those of its assets, those given."""
    defs: dict[str, Any] = {}
    if isinstance(job.graph, AssetGraphDefinition):
        defs.update(job.graph.resource_defs)
    defs.update(job.resource_defs)
    defs.update(given or {})
    return {key: resource_def_of(value) for key, value in defs.items()}


def plan_resources(
    job: JobDefinition, nodes: Iterable[FlatNode], given: Mapping[str, Any] | None
) -> dict[str, ResourceDefinition]:
    """Return the resources that the nodes need, each after those it needs, else sorted by key.

    Raises:
        InvalidDefinitionError: If one is not provided, or they need each other in a
            circle; lists every problem.
    """
    defs = all_resource_defs(job, given)
    wanted = _wanted(job, nodes)
    if "io_manager" in wanted and "io_manager" not in defs:
        defs["io_manager"] = engine().default_io_manager()
    problems = [
        f"{who!r} needs the resource {key!r}, which nothing provides. "
        + f"{did_you_mean(key, defs, noun='There are')} {_how_to_give(key)}".strip()
        for key, who in wanted.items()
        if key not in defs
    ]
    if problems:
        raise InvalidDefinitionError(
            f"{job_words(job.name, begins=True)} lacks resources:\n  " + "\n  ".join(problems)
        )
    return in_order(wanted, defs)


def _how_to_give(key: str) -> str:
    """Return the ways to provide a resource: for a run, the session, or a code location."""
    return (
        f"Give it: resources={{{key!r}: ...}} for this run, session.add(resources={{{key!r}: "
        "...}) for this kernel, or "
        f" Definitions(resources={{{key!r}: ...}})."
    )


def _wanted(job: JobDefinition, nodes: Iterable[FlatNode]) -> dict[str, str]:
    """Map the keys that steps need to one of the steps that need each."""
    wanted: dict[str, str] = {}
    for flat in nodes:
        op = flat.node.definition
        assert isinstance(op, OpDefinition)
        keys = _of_op(op)
        brought = _brought(job, flat)
        for key in (*keys, *brought) if brought else keys:
            if key not in wanted:
                wanted[key] = ".".join(flat.path)
        if flat.edges:
            _add_loaders(job, flat, wanted)
        for hook in flat.hooks:
            for key in sorted(hook.required_resource_keys):
                wanted.setdefault(key, ".".join(flat.path))
    for hook in job.hook_defs:
        for key in sorted(hook.required_resource_keys):
            wanted.setdefault(key, f"the hook {hook.name}")
    return wanted


def _brought(job: JobDefinition, flat: FlatNode) -> Iterable[str]:
    """Return the resources that the assets of a node bring: their function reads them by name."""
    assets = job.graph.assets_by_node.get(flat.path[0])
    return assets.resource_defs if assets is not None else ()


def step_resource_keys(plan: Plan, step: Step) -> set[str]:
    """Return the resources that a step may use: those of its op, its IO and input managers."""
    found = set(_of_op(step.op))
    if step.assets_def is not None:
        found.update(step.assets_def.resource_defs)
    for each in step.inputs:
        if each.definition.input_manager_key:
            continue
        source = each.source
        if isinstance(source, FromAsset):
            found.add(source.manager_key)
        made = source.items if isinstance(source, FromMany) else (source,)
        slots = {item.slot: item.step for item in made if isinstance(item, FromOutput)}
        outputs = (out for index in slots.values() for out in plan.steps[index].outputs)
        found.update(out.manager_key for out in outputs if out.slot in slots)
    return found


def _of_op(op: OpDefinition[..., Any]) -> tuple[str, ...]:
    """Return the resources that an op needs, each once; kept with it for the next plan."""
    found: tuple[str, ...] | None = vars(op).get("_needed")
    if found is None:
        found = vars(op)["_needed"] = tuple(dict.fromkeys(_needs(op)))
    return found


def _needs(op: OpDefinition[..., Any]) -> Iterator[str]:
    yield from sorted(op.required_resource_keys)
    for out in op.outs.values():
        yield out.io_manager_key
        yield from sorted(out.dagster_type.required_resource_keys)
    for each in op.ins.values():
        if each.input_manager_key:
            yield each.input_manager_key
        kind = each.dagster_type
        yield from sorted(kind.required_resource_keys)
        if kind.loader is not None:
            yield from sorted(kind.loader.required_resource_keys())


def _add_loaders(job: JobDefinition, flat: FlatNode, wanted: dict[str, str]) -> None:
    """Add the managers that load assets which this run does not materialize."""
    for edge in flat.edges.values():
        if edge.kind == "asset":
            graph, asset = job.graph, edge.value
            if not isinstance(asset, AssetKey):
                wanted.setdefault(asset.io_manager_key, ".".join(flat.path))
                continue
            found = graph.loadable(asset) if isinstance(graph, AssetGraphDefinition) else None
            wanted.setdefault(found.manager_key if found else "io_manager", ".".join(flat.path))


def in_order(
    wanted: Iterable[str], defs: Mapping[str, ResourceDefinition]
) -> dict[str, ResourceDefinition]:
    """Return the wanted resources, each after those it needs, else sorted by key.

    Raises:
        InvalidDefinitionError: If one is missing, or they need each other in a circle.
    """
    done: dict[str, int] = {}
    problems: list[str] = []
    key_of = {id(each): key for key, each in defs.items()}

    def needs(key: str) -> list[str]:
        """Return what it requires by key, and the resources that it holds, if they have keys."""
        keys = {key_of[id(each)] for each in defs[key].held() if id(each) in key_of}
        return sorted(defs[key].required_resource_keys | keys)

    def visit(key: str, path: tuple[str, ...]) -> None:
        if key in done:
            return
        if key in path:
            circle = " -> ".join((*path[path.index(key) :], key))
            problems.append(f"These resources need each other in a circle: {circle}.")
            return
        before = needs(key)
        for needed in before:
            if needed in defs:
                visit(needed, (*path, key))
                continue
            hint = did_you_mean(needed, defs, noun="There are")
            problems.append(
                f"The resource {key!r} needs {needed!r}, which nothing provides. {hint}".rstrip()
            )
        done[key] = 1 + max((done.get(needed, 0) for needed in before), default=0)

    for key in wanted:
        visit(key, ())
    if problems:
        raise InvalidDefinitionError("\n".join(dict.fromkeys(problems)))
    return {key: defs[key] for key in sorted(done, key=lambda key: (done[key], key))}
