"""Giving definitions the resources they need, beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobnb.definitions.resources.resource import resource_def_of
from jobnb.errors import InvalidDefinitionError, did_you_mean

__all__ = ["resources_for", "with_resources"]


def resources_for(
    who: str,
    required: Iterable[str],
    own: Mapping[str, Any],
    offered: Mapping[str, Any],
) -> dict[str, Any]:
    """The resources that `who` has, with those it needs of the ones that are offered.

    Args:
        who: Whose they are, for errors.
        required: The keys it needs.
        own: Those it has already.
        offered: Those it may take.

    Raises:
        InvalidDefinitionError: If one is missing, or there are two for one key; all problems
            at once. A missing IO manager called `io_manager` is left to the job.
    """
    found = dict(own)
    problems: list[str] = []
    waiting = sorted(required)
    seen: set[str] = set()
    while waiting:
        key = waiting.pop(0)
        if key in seen:
            continue
        seen.add(key)
        if key in own and key in offered and own[key] is not offered[key]:
            problems.append(f"It has a resource {key!r} of its own. Take out one of the two.")
        elif key not in own and key in offered:
            found[key] = offered[key]
        if key in found:
            waiting += sorted(resource_def_of(found[key]).required_resource_keys)
        elif key != "io_manager":
            hint = did_you_mean(key, offered, noun="There are") or "Add it."
            problems.append(f"The resource {key!r} is not provided. {hint}")
    if problems:
        raise InvalidDefinitionError(
            f"{who} cannot be given these resources:\n  " + "\n  ".join(problems)
        )
    return found


def with_resources(
    definitions: Iterable[Any],
    resource_defs: Mapping[str, Any],
    resource_config_by_key: Mapping[str, Any] | None = None,
) -> list[Any]:
    """The same assets and source assets, with the resources they need.

    Args:
        definitions: Assets and source assets.
        resource_defs: Resources by key.
        resource_config_by_key: Config of resources, by key as `{"config": ...}`.

    Raises:
        InvalidDefinitionError: If a resource is missing, or there are two for one key.

    Example:
        >>> from jobnb import asset, materialize, with_resources
        >>> @asset(required_resource_keys={"server"})
        ... def orders(context):
        ...     return context.resources.server
        >>> materialize(with_resources([orders], {"server": "local"})).asset_value("orders")
        'local'

    Source: Dagster's `with_resources`.
    """
    offered = dict(resource_defs)
    for key, given in (resource_config_by_key or {}).items():
        if key not in offered:
            hint = did_you_mean(key, offered, noun="There are")
            raise InvalidDefinitionError(
                f"resource_config_by_key has config for {key!r}, which is not in resource_defs. "
                f"{hint}".rstrip()
            )
        if not isinstance(given, Mapping) or set(given) - {"config"}:
            raise InvalidDefinitionError(
                f"The config of the resource {key!r} is {given!r}. "
                f"Write {{{key!r}: {{'config': ...}}}}."
            )
        offered[key] = resource_def_of(offered[key]).configured(given.get("config", {}))
    return [_bound(each, offered) for each in definitions]


def _bound(definition: Any, offered: Mapping[str, Any]) -> Any:
    bind = getattr(definition, "with_resources", None)
    if bind is None:
        raise InvalidDefinitionError(
            f"{definition!r} takes no resources beforehand: give assets and source assets."
        )
    return bind(offered)
