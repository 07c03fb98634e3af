"""What a job says of its config and partitions, in any of the forms it can take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jobnb.definitions.partitions.partitioned_config import PartitionedConfig
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.assets.source_asset import SourceAsset
    from jobnb.definitions.partitions.partition import PartitionsDefinition

__all__ = ["common_partitions", "readable_config"]


def readable_config(config: Any, name: str) -> Any:
    """The config as a dict, a `ConfigMapping` or a `PartitionedConfig`.

    Raises:
        InvalidDefinitionError: If it is none of what a job takes.
    """
    if config is None or isinstance(config, PartitionedConfig):
        return config
    from jobnb.config import ConfigMapping, RunConfig, raw_config

    if isinstance(config, ConfigMapping):
        return config
    if isinstance(config, (RunConfig, Mapping)):
        return raw_config(config)
    raise InvalidDefinitionError(
        f"The config of the job {name!r} is {config!r}. Give a RunConfig, a dict, "
        "a ConfigMapping or a PartitionedConfig."
    )


def common_partitions(
    job_name: str, assets: Iterable[AssetsDefinition | SourceAsset]
) -> PartitionsDefinition | None:
    """The partitions of all those assets that have any.

    Raises:
        InvalidDefinitionError: If they do not agree.
    """
    owners: list[tuple[AssetsDefinition | SourceAsset, PartitionsDefinition]] = []
    for each in assets:
        found = each.partitions_def
        if found is not None and all(found != other for _, other in owners):
            owners.append((each, found))
    if len(owners) > 1:
        told = "\n  ".join(f"{each!r} has {found!r}" for each, found in owners)
        what = "the run" if job_name.startswith("__") else f"the job {job_name!r}"
        raise InvalidDefinitionError(
            f"The assets of {what} have different partitions:\n  {told}\n"
            "Select assets that share theirs, or make all in runs of their own: "
            "session.backfill(...)."
        )
    return owners[0][1] if owners else None
