"""The text of the code of definitions: stored with what a run ran, and looked up to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from jobnb.code.listing import listing_of
from jobnb.code.reader import CodeReader
from jobnb.code.version import CodeHash
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.plan.step import Plan
from jobnb.staleness.versions import CodeVersions
from jobnb.storage.instance import Instance

N = TypeVar("N")


def listing_key(name: str, version: str) -> str:
    """Return what the listing of a definition is stored under; a user's version is its own only.

    Example:
        >>> listing_key("asset orders", "v1"), listing_key("asset orders", "py311-0123456789")
        ('asset orders v1', 'py311-0123456789')
    """
    return version if CodeHash.read(version) is not None else f"{name} {version}"


def store_listings(
    instance: Instance, plan: Plan, versions: CodeVersions, found: Mapping[str, str]
) -> None:
    """Store the text of the code that a plan runs, unless it is stored already.

    Args:
        instance: The history.
        plan: The plan.
        versions: Has read the code.
        found: The versions of the code, by kind and name.
    """
    keys = {name: listing_key(name, version) for name, version in found.items()}
    missing = instance.code.unknown(set(keys.values()))
    if missing:
        known = {
            keys[name]: each
            for name, each in _of_plan(plan)
            if keys.get(name) in missing  # of several names with one version, one is enough
        }
        instance.code.store({key: versions.listing(each) for key, each in known.items()})
    instance.noted_code.update(found.items())


def _of_plan(plan: Plan) -> Iterator[tuple[str, AssetsDefinition | OpDefinition[..., Any]]]:
    """Iterate over what a plan runs, by kind and name."""
    for step in plan.steps:
        if plan.job.asset_layer is None:
            yield f"op {step.op.name}", step.op
        elif step.assets_def is not None:
            for out in step.outputs:
                if out.asset_key is not None:
                    yield f"asset {out.asset_key.to_user_string()}", step.assets_def


def stored_listings(instance: Instance, found: Mapping[str, str]) -> dict[str, str]:
    """Return the stored text of code, by kind and name.

    Args:
        instance: The history.
        found: The versions of the code, by kind and name.
    """
    keys = {name: listing_key(name, version) for name, version in found.items() if version}
    texts = instance.code.listings(set(keys.values()))
    return {name: texts[key] for name, key in keys.items() if key in texts}


def listings_of(codes: Mapping[N, Any]) -> dict[N, str]:
    """Return the text of the code of definitions, by what they are called.

    Args:
        codes: What is read of each: a function or a graph.
    """
    reader = CodeReader()
    return {name: listing_of(reader, code) for name, code in codes.items()}
