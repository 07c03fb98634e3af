"""Assets with partitions are made for some of them: what is told where none is named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.partitions.dynamic_partitions import DynamicPartitionsDefinition
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.errors import PartitionNeededError
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.flatten import flatten
from jobnb.plan.select import select_nodes

__all__ = ["partition_needed", "partitions_told", "subject_of"]

_MOST_NAMES = 5


def partition_needed(
    job: JobDefinition, store: DynamicPartitionsStore | None = None
) -> PartitionNeededError | None:
    """What to say of a run that is for no partition, if it would make assets that have some.

    Nothing has run then: a function that never asks for its partition would do its work, and
    nobody could tell afterwards for which one.

    Args:
        job: What would run.
        store: Keeps the keys of dynamic partitions.

    Example:
        >>> from jobnb import Definitions, StaticPartitionsDefinition, asset
        >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]))
        ... def letters(): ...
        >>> job = Definitions(assets=[letters]).get_implicit_global_asset_job_def()
        >>> print(partition_needed(job).facts)
        The asset 'letters' has 3 partitions, 'a' to 'c', and the run is for none of them.
    """
    by_partitions: list[tuple[PartitionsDefinition, list[str]]] = []
    for each in _made_by(job):
        own = each.partitions_def
        if own is None:
            continue
        names = sorted(key.to_user_string() for key in each.keys)
        known = next((found for definition, found in by_partitions if definition == own), None)
        if known is None:
            by_partitions.append((own, names))
        else:
            known += names
    if len(by_partitions) == 1:
        return _alike(*by_partitions[0], store)
    return _different(by_partitions, store) if by_partitions else None


def _made_by(job: JobDefinition) -> Iterable[AssetsDefinition]:
    """The assets that a run would make."""
    graph = job.graph
    if not isinstance(graph, AssetGraphDefinition):
        return ()
    made = graph.assets_by_node
    if not job.op_selection:
        return made.values()
    chosen = select_nodes(job, flatten(graph, job.input_values))
    return [made[name] for name in dict.fromkeys(flat.path[0] for flat in chosen) if name in made]


def _alike(
    definition: PartitionsDefinition, names: list[str], store: DynamicPartitionsStore | None
) -> PartitionNeededError:
    look, first, last = _look(definition, store)
    facts = f"{subject_of(names)} {look}, and the run is for none of them."
    if last is None:
        return PartitionNeededError(facts, _adding(definition))
    return PartitionNeededError(
        facts,
        f"Name one: partition_key={last!r}; or several, in one run: "
        f"partition_key={f'{first}...{last}'!r}. "
        f"To make each in a run of its own: {_backfill(names)}.",
    )


def _different(
    by_partitions: Sequence[tuple[PartitionsDefinition, list[str]]],
    store: DynamicPartitionsStore | None,
) -> PartitionNeededError:
    lines = [
        f"  {subject_of(names)} {_look(definition, store)[0]}."
        for definition, names in by_partitions
    ]
    names = [name for _, some in by_partitions for name in some]
    return PartitionNeededError(
        "\n".join(["The run is for no partition, and makes assets that have some:", *lines]),
        "No one run can make them all, as their partitions differ. Make some of them, with "
        f'partition_key="..."; or all in runs of their own: {_backfill(names)}.',
    )


def subject_of(names: Sequence[str]) -> str:
    """Assets by name, and the verb.

    Example:
        >>> subject_of(["a"]), subject_of(["a", "b"])
        ("The asset 'a' has", "The assets 'a' and 'b' have")
    """
    shown = [repr(name) for name in names[:_MOST_NAMES]]
    left = len(names) - len(shown)
    *first, last = [*shown, *([f"{left} more"] if left else [])]
    noun, verb = ("asset", "has") if len(names) == 1 else ("assets", "have")
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"The {noun} {listed} {verb}"


def partitions_told(
    definition: PartitionsDefinition, store: DynamicPartitionsStore | None = None
) -> str:
    """How many partitions there are, the first and the last.

    Example:
        >>> from jobnb import DailyPartitionsDefinition
        >>> partitions_told(DailyPartitionsDefinition("2013-01-01", "2014-01-01"))
        "365 partitions, '2013-01-01' to '2013-12-31'"
    """
    return _look(definition, store)[0]


def _look(
    definition: PartitionsDefinition, store: DynamicPartitionsStore | None
) -> tuple[str, str | None, str | None]:
    """In words, and the first and the last key."""
    count = definition.get_num_partitions(dynamic_partitions_store=store)
    if not count:
        return "no partitions yet", None, None
    first = definition.get_first_partition_key(dynamic_partitions_store=store)
    last = definition.get_last_partition_key(dynamic_partitions_store=store)
    dimensions = (
        f" ({'|'.join(definition.partition_dimension_names)})"
        if isinstance(definition, MultiPartitionsDefinition)
        else ""
    )
    noun = "partition" if count == 1 else "partitions"
    ends = f"{str(first)!r}" if count == 1 else f"{str(first)!r} to {str(last)!r}"
    return f"{count:,} {noun}{dimensions}, {ends}", str(first), str(last)


def _adding(definition: PartitionsDefinition) -> str:
    if isinstance(definition, DynamicPartitionsDefinition) and definition.name:
        return f'Add some: instance.add_dynamic_partitions({definition.name!r}, ["..."]).'
    return "There is nothing to make until there are some."


def _backfill(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return "session.backfill(...)"
    listed = ", ".join(map(repr, names))
    return f"session.backfill({listed})" if len(names) == 1 else f"session.backfill([{listed}])"
