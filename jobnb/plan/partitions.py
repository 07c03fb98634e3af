"""The partitions of a run: resolved from the request, recorded in the tags of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    SUBSET_TAG,
    DynamicPartitionsStore,
    PartitionKeyRange,
    none_of,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    PartitionNeededError,
    UnknownPartitionError,
)
from jobnb.plan.asset_graph import AssetGraphDefinition
from jobnb.plan.flatten import flatten
from jobnb.plan.job_subset import select_nodes

_MOST_NAMES = 5


def partition_needed(
    job: JobDefinition, store: DynamicPartitionsStore | None = None, argument: str = "partition"
) -> PartitionNeededError | None:
    """Return the error for a run without partitions of assets that have some, or None.

    Refused before anything runs: a function that never reads its partition key would succeed, and
    the history could not say for which partition.

    Args:
        job: The job.
        store: Keeps the keys of dynamic partitions.
        argument: What the call that was made calls the partition.

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
        return _alike(*by_partitions[0], store, argument)
    return _different(by_partitions, store, argument) if by_partitions else None


def _made_by(job: JobDefinition) -> Iterable[AssetsDefinition]:
    """Return the assets definitions that a run would materialize."""
    graph = job.graph
    if not isinstance(graph, AssetGraphDefinition):
        return ()
    made = graph.assets_by_node
    if not job.selected_ops:
        return made.values()
    chosen = select_nodes(job, flatten(graph, job.input_values))
    return [made[name] for name in dict.fromkeys(flat.path[0] for flat in chosen) if name in made]


def _alike(
    definition: PartitionsDefinition,
    names: list[str],
    store: DynamicPartitionsStore | None,
    argument: str,
) -> PartitionNeededError:
    look, first, last = _look(definition, store)
    facts = f"{subject_of(names)} {look}, and the run is for none of them."
    if last is None:
        return PartitionNeededError(facts, _adding(definition), "none yet")
    return PartitionNeededError(
        facts,
        f"Name one: {argument}={last!r}; or several, in one run: "
        f"{argument}={f'{first}...{last}'!r}. "
        f"To make each in a run of its own: {_backfill(names)}.",
    )


def _different(
    by_partitions: Sequence[tuple[PartitionsDefinition, list[str]]],
    store: DynamicPartitionsStore | None,
    argument: str,
) -> PartitionNeededError:
    lines = [
        f"  {subject_of(names)} {_look(definition, store)[0]}."
        for definition, names in by_partitions
    ]
    names = [name for _, some in by_partitions for name in some]
    return PartitionNeededError(
        "\n".join(["The run is for no partition, and makes assets that have some:", *lines]),
        "No one run can make them all, as their partitions differ. Make some of them, with "
        f'{argument}="..."; or all in runs of their own: {_backfill(names)}.',
        "different",
    )


def subject_of(names: Sequence[str]) -> str:
    """Return the names of assets with the verb: "asset 'x' has", "assets 'x' and 'y' have".

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


def partitions_words(
    definition: PartitionsDefinition, store: DynamicPartitionsStore | None = None
) -> str:
    """Describe partitions: how many there are, the first and the last.

    Example:
        >>> from jobnb import DailyPartitionsDefinition
        >>> partitions_words(DailyPartitionsDefinition("2013-01-01", "2014-01-01"))
        "365 partitions, '2013-01-01' to '2013-12-31'"
    """
    return _look(definition, store)[0]


def _look(
    definition: PartitionsDefinition, store: DynamicPartitionsStore | None
) -> tuple[str, str | None, str | None]:
    """Return the description, and the first and the last key."""
    count = definition.get_num_partitions(dynamic_partitions_store=store)
    if not count:
        return "no partitions yet", None, None
    first = definition.get_first_partition_key(dynamic_partitions_store=store)
    last = definition.get_last_partition_key(dynamic_partitions_store=store)
    names = getattr(definition, "partition_dimension_names", ())
    dimensions = f" ({'|'.join(names)})" if names else ""
    noun = "partition" if count == 1 else "partitions"
    ends = f"{str(first)!r}" if count == 1 else f"{str(first)!r} to {str(last)!r}"
    return f"{count:,} {noun}{dimensions}, {ends}", str(first), str(last)


def _adding(definition: PartitionsDefinition) -> str:
    from jobnb.definitions.partitions.dynamic_partitions import DynamicPartitionsDefinition

    if isinstance(definition, DynamicPartitionsDefinition) and definition.name:
        return f'Add some: instance.add_dynamic_partitions({definition.name!r}, ["..."]).'
    return "There is nothing to make until there are some."


def _backfill(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return "session.backfill(...)"
    listed = ", ".join(map(repr, names))
    return f"session.backfill({listed})" if len(names) == 1 else f"session.backfill([{listed}])"


PARTITION_TAGS = frozenset({PARTITION_TAG, RANGE_START_TAG, RANGE_END_TAG, SUBSET_TAG})
"""The tags that tell the partitions of a run."""

PartitionsAsked = str | PartitionKeyRange | PartitionsSubset | Sequence[str | PartitionKeyRange]
"""How partitions are asked for: a key, a range, or some of both; `first...last` is a range, too."""

_DOTS = "..."  # A separator that no key holds.


class RunPartitions(msgspec.Struct, frozen=True):
    """The partitions of one run, at least one.

    Attributes:
        definition: What they are partitions of; None in a context made for a test.
        keys: Their keys, in the order of the definition.
    """

    definition: PartitionsDefinition | None
    keys: tuple[str, ...]

    @property
    def single(self) -> str | None:
        """The partition key, if there is exactly one."""
        return self.keys[0] if len(self.keys) == 1 else None

    @property
    def ends(self) -> PartitionKeyRange:
        """The first and the last key."""
        return PartitionKeyRange(self.keys[0], self.keys[-1])

    def tags(self, store: DynamicPartitionsStore | None = None) -> dict[str, str]:
        """Return the tags that record these partitions on the run."""
        assert self.definition is not None
        if self.single is not None:
            return self.definition.get_tags_for_partition_key(self.single)
        subset = self.definition.subset_with_partition_keys(self.keys)
        ranges = subset.get_partition_key_ranges(dynamic_partitions_store=store)
        if len(ranges) == 1:
            return {RANGE_START_TAG: ranges[0].start, RANGE_END_TAG: ranges[0].end}
        return {SUBSET_TAG: subset.serialize()}


def asked_in_tags(job: JobDefinition, tags: Mapping[str, str]) -> PartitionsAsked | None:
    """Read the partitions from the tags of a run, if they name any.

    Raises:
        InvalidInvocationError: If they name one end of a range only.
    """
    if PARTITION_TAG in tags:
        return tags[PARTITION_TAG]
    if RANGE_START_TAG in tags or RANGE_END_TAG in tags:
        lacking = [tag for tag in (RANGE_START_TAG, RANGE_END_TAG) if tag not in tags]
        if lacking:
            raise InvalidInvocationError(
                f"The tags of a run of {job.name!r} name one end of a range of partitions only: "
                f"{lacking[0]!r} is missing."
            )
        return PartitionKeyRange(tags[RANGE_START_TAG], tags[RANGE_END_TAG])
    if SUBSET_TAG in tags:
        return _definition_of(job, "some partitions are").deserialize_subset(tags[SUBSET_TAG])
    return None


def run_partitions(
    job: JobDefinition,
    asked: PartitionsAsked | None,
    store: DynamicPartitionsStore | None = None,
    argument: str = "partition",
) -> RunPartitions | None:
    """Resolve the partitions of a run of the job; None if it has none.

    Args:
        job: The job.
        asked: A key, a range, or several keys.
        store: Keeps the keys of dynamic partitions.
        argument: What the call that was made calls the partition, for an error.

    Raises:
        PartitionNeededError: If none is given, and the job has partitioned assets.
        InvalidDefinitionError: If the job has no partitions.
        UnknownPartitionError: If there is no such partition; names the nearest.
        InvalidInvocationError: If the request is empty, or holds something that is no key.
    """
    if asked is None:
        needed = partition_needed(job, store, argument)
        if needed is not None:
            raise needed
        return None
    definition = _definition_of(job, f"{_described(asked)} asked for")
    try:
        keys = keys_asked(definition, asked, store)
    except UnknownPartitionError as error:
        told = partitions_words(definition, store)
        raise UnknownPartitionError(f"{_subject(job)} {told}. {error}") from None
    if not keys:
        raise InvalidInvocationError(
            f"No partition is meant by {asked!r}. {_subject(job)} "
            f"{partitions_words(definition, store)}: name one at least."
        )
    return RunPartitions(definition, tuple(map(definition.typed_key, keys)))


def _subject(job: JobDefinition) -> str:
    """Return the job, or the assets of a run that has no named job."""
    if not _is_nameless(job):
        return f"{job_words(job.name, begins=True)} has"
    names = sorted(key.to_user_string() for each in job.graph.partitioned for key in _keys(each))
    return subject_of(names)


def _is_nameless(job: JobDefinition) -> bool:
    """Whether the job has no name of its own: messages name its assets instead."""
    return job.asset_layer is not None and job.name.startswith("__")


def _keys(each: AssetsDefinition | SourceAsset) -> Iterable[AssetKey]:
    if each.partitions_def is None:
        return ()
    return each.keys if isinstance(each, AssetsDefinition) else (each.key,)


def _described(asked: PartitionsAsked) -> str:
    return f"the partition {asked!r} is" if isinstance(asked, str) else f"{asked!r} is"


def _definition_of(job: JobDefinition, what: str) -> PartitionsDefinition:
    if job.partitions_def is not None:
        return job.partitions_def
    if _is_nameless(job):
        raise InvalidDefinitionError(
            f"No asset of this run has partitions, but {what}. "
            "Leave it out, or give an asset a partitions_def."
        )
    raise InvalidDefinitionError(
        f"{job_words(job.name, begins=True)} has no partitions, but {what}. "
        "Leave it out, or give the job a partitions_def or a PartitionedConfig."
    )


def keys_asked(
    definition: PartitionsDefinition,
    asked: PartitionsAsked,
    store: DynamicPartitionsStore | None = None,
) -> list[str]:
    """Resolve partition keys, ranges and lists into keys that exist, in order.

    Raises:
        UnknownPartitionError: If some do not exist; names the nearest.
        InvalidInvocationError: If something given is no key.
    """
    meant = _meant(definition, asked, store) if isinstance(asked, str) else asked
    if isinstance(meant, str):
        definition.validate_partition_key(meant, dynamic_partitions_store=store)
        return [meant]
    if isinstance(meant, PartitionKeyRange):
        return _in_range(definition, meant, store)
    wanted = meant if isinstance(meant, PartitionsSubset) else _subset(definition, meant, store)
    every = definition.subset_with_all_partitions(dynamic_partitions_store=store)
    unknown = list(wanted - every)
    if unknown:
        why = definition.why_not(unknown[0], datetime.now(UTC), store)
        raise UnknownPartitionError(f"{none_of(unknown)} {why}".strip())
    return list(wanted)


def _meant(
    definition: PartitionsDefinition, text: str, store: DynamicPartitionsStore | None
) -> str | PartitionKeyRange:
    """Return a key, or the range that is written as `first...last`.

    Raises:
        InvalidInvocationError: If it has one end only.
    """
    if _DOTS not in text or definition.has_partition_key(text, dynamic_partitions_store=store):
        return text
    first, _, last = (part.strip() for part in text.partition(_DOTS))
    if not first or not last:
        raise InvalidInvocationError(
            f"The range of partitions {text!r} has one end only. Write it as first...last."
        )
    return PartitionKeyRange(first, last)


def _in_range(
    definition: PartitionsDefinition,
    asked: PartitionKeyRange,
    store: DynamicPartitionsStore | None,
) -> list[str]:
    problems = []
    for end in dict.fromkeys((asked.start, asked.end)):
        try:
            definition.validate_partition_key(end, dynamic_partitions_store=store)
        except UnknownPartitionError as error:
            problems.append(str(error))
    if problems:
        raise UnknownPartitionError(" ".join(problems))
    keys = list(definition.get_partition_keys_in_range(asked, store))
    if not keys:
        raise InvalidInvocationError(
            f"The range of partitions from {asked.start!r} to {asked.end!r} runs backwards: "
            "put the earlier one first."
        )
    return keys


def _subset(
    definition: PartitionsDefinition, asked: Any, store: DynamicPartitionsStore | None
) -> PartitionsSubset:
    try:
        given = list(asked)
    except TypeError:
        given = [asked]
    wrong = [each for each in given if not isinstance(each, str | PartitionKeyRange)]
    if wrong:
        raise InvalidInvocationError(
            f"{wrong[0]!r} is no partition key. Ask for a key, a list of keys, or "
            "PartitionKeyRange(start, end)."
        )
    meant = [_meant(definition, each, store) if isinstance(each, str) else each for each in given]
    keys = [each for each in meant if isinstance(each, str)]
    for each in meant:
        if isinstance(each, PartitionKeyRange):
            keys += _in_range(definition, each, store)
    return definition.subset_with_partition_keys(keys)
