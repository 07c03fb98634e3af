"""The config, partitions and name of a job, in all accepted forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jobnb.errors import DifferentPartitionsError, InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.assets.source_asset import SourceAsset
    from jobnb.definitions.partitions.partition import PartitionsDefinition
    from jobnb.definitions.partitions.partitioned_config import PartitionedConfig


OBSERVATION_JOB = "in_process_observation_job"
_MOST_NAMES = 3


def readable_config(config: Any, name: str) -> Any:
    """Return the config as a dict, a `ConfigMapping` or a `PartitionedConfig`.

    Raises:
        InvalidDefinitionError: If it is of another type.
    """
    if config is None or partitioned_config_of(config) is not None:
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


def partitioned_config_of(config: Any) -> PartitionedConfig | None:
    """Return the config of a job if it is a `PartitionedConfig`, else None."""
    if config is None or isinstance(config, Mapping):
        return None  # as mostly: what partitions are is not loaded for it
    from jobnb.definitions.partitions.partitioned_config import PartitionedConfig

    return config if isinstance(config, PartitionedConfig) else None


def run_title(job_name: str, assets: Iterable[str] = (), *, only_checks: bool = False) -> str:
    """Return the name of a run's job; without a named job, the assets or checks of the run.

    Args:
        job_name: The name of the job.
        assets: The keys of the assets that the run materializes or observes.
        only_checks: Whether it only evaluates checks.

    Example:
        >>> run_title("daily"), run_title("__ephemeral_asset_job__", ["revenue", "orders"])
        ('daily', 'materialize orders, revenue (2 assets)')
    """
    if job_name and not is_nameless(job_name):
        return job_name
    if only_checks:
        return "checks"
    verb = "observe" if job_name == OBSERVATION_JOB else "materialize"
    names = sorted(set(assets))
    if not names:
        return verb
    shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return f"{verb} {shown}" + (f" ({len(names):,} assets)" if len(names) > 1 else "")


def job_words(name: str, *, begins: bool = False) -> str:
    """Name a job in a sentence; a job without a name is called a run.

    Args:
        name: Its name.
        begins: Whether the sentence begins with it.

    Example:
        >>> job_words("daily"), job_words("__ephemeral_asset_job__", begins=True)
        ("the job 'daily'", 'The run')
    """
    words = "the run" if is_nameless(name) else f"the job {name!r}"
    return words[0].upper() + words[1:] if begins else words


def run_words(job_name: str, assets: Iterable[str] = (), *, begins: bool = False) -> str:
    """Name a run in a sentence: by its job, or by its assets if the job has no name.

    Args:
        job_name: The name of its job.
        assets: The keys of the assets that it materializes or observes.
        begins: Whether the sentence begins with it.

    Example:
        >>> run_words("daily"), run_words("__ephemeral_asset_job__", ["a", "b"], begins=True)
        ("the run of 'daily'", 'The run to materialize a, b (2 assets)')
    """
    names = list(assets)
    if not is_nameless(job_name):
        words = f"the run of {job_name!r}"
    else:
        words = f"the run to {run_title(job_name, names)}" if names else "the run"
    return words[0].upper() + words[1:] if begins else words


def is_nameless(job_name: str) -> bool:
    """Whether it is the internal name of a job without one, as of a selection of assets.

    Args:
        job_name: The name of the job.

    Example:
        >>> is_nameless("daily"), is_nameless("__ephemeral_asset_job__")
        (False, True)
    """
    return job_name.startswith("__") or job_name == OBSERVATION_JOB


def common_partitions(
    job_name: str, assets: Iterable[AssetsDefinition | SourceAsset]
) -> PartitionsDefinition | None:
    """Return the partitions of all those assets that have any.

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
        what = job_words(job_name)
        raise DifferentPartitionsError(
            f"The assets of {what} have different partitions:\n  {told}",
            "Select assets that share theirs, or make all in runs of their own: "
            "session.backfill(...).",
        )
    return owners[0][1] if owners else None
