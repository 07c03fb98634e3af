"""The partitions of a launchpad's run: parsing and validation of the typed text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG, PartitionKeyRange
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.display.environment import attempt
from jobnb.display.partition_views import range_text
from jobnb.errors import InvalidDefinitionError, JobnbError
from jobnb.plan.partitions import PartitionsAsked, asked_in_tags, keys_asked, partition_needed

Note = dict[str, Any]
MOST_LISTED = 50
"""Keys that are chosen from a list; more are typed, with completion."""
_SHARE = "Select assets that share theirs; session.backfill() makes all, in runs of their own."
_HOW = "Choose one; or several for this one run, as first...last or with commas between."


def _definition(job: JobDefinition) -> PartitionsDefinition | None:
    """Return the run's partitions definition; None if it has none, or its assets differ."""
    return attempt(lambda: job.partitions_def, None)


def has_partitions(job: JobDefinition) -> bool:
    """Whether a run, of a part of it at least, can be for a partition."""
    try:
        return job.partitions_def is not None
    except InvalidDefinitionError:  # its assets do not agree
        return True


def all_keys(job: JobDefinition, instance: Any) -> list[str] | None:
    """Return the keys to choose from; None where there is nothing to choose."""
    definition = _definition(job)
    if definition is None:
        return None
    # The function that makes the keys may be a user's own, and dynamic ones need a store.
    found: list[str] = attempt(
        lambda: list(definition.get_partition_keys(dynamic_partitions_store=instance)), []
    )
    return found


class PartitionChoices(TypedDict):
    """The options for the partition of a run.

    Attributes:
        keys: The keys, as many as are offered at once.
        listed: Whether they are so few that a list shows them all.
        parts: Of partitions in several dimensions, the name and the keys of each dimension.
    """

    keys: list[str]
    listed: bool
    parts: list[tuple[str, list[str]]]


def choices_of(job: JobDefinition, keys: list[str], instance: Any) -> PartitionChoices:
    """Return the options for the partition of a run.

    Args:
        job: The part of the job that will run.
        keys: The keys that are offered at once, the last ones first.
        instance: Keeps the keys of dynamic partitions.

    Example:
        >>> from jobnb import StaticPartitionsDefinition, job
        >>> @job(partitions_def=StaticPartitionsDefinition(["a", "b"]))
        ... def work(): ...
        >>> choices_of(work, ["b", "a"], None)
        {'keys': ['a', 'b'], 'listed': True, 'parts': []}
    """
    definition = _definition(job)
    parts: list[tuple[str, list[str]]] = []
    if isinstance(definition, MultiPartitionsDefinition):
        parts = [
            (part.name, _part_keys(part.partitions_def, instance))
            for part in definition.partitions_defs
        ]
    listed = len(keys) <= MOST_LISTED
    if listed and not isinstance(definition, TimeWindowPartitionsDefinition):
        offered = keys[::-1]  # as they were defined; of days the latest is wanted first
    else:
        offered = keys
    return {"keys": offered, "listed": listed, "parts": parts}


def _part_keys(definition: PartitionsDefinition, instance: Any) -> list[str]:
    """Return the keys of one dimension, in the order in which they are offered."""
    keys: list[str] = attempt(
        lambda: list(definition.get_partition_keys(dynamic_partitions_store=instance)), []
    )
    return keys[::-1] if isinstance(definition, TimeWindowPartitionsDefinition) else keys


def is_key(job: JobDefinition, text: str | None, instance: Any) -> bool:
    """Whether a text is the key of one partition."""
    definition = _definition(job)
    if definition is None or not text:
        return False
    return attempt(
        lambda: definition.has_partition_key(text, dynamic_partitions_store=instance), False
    )


def partitions_asked(job: JobDefinition, text: str | None, instance: Any) -> PartitionsAsked | None:
    """Parse partitions: a key, a range `first...last`, or several with commas.

    Example:
        >>> from jobnb import StaticPartitionsDefinition, job
        >>> @job(partitions_def=StaticPartitionsDefinition(["a", "b", "c,d"]))
        ... def work(): ...
        >>> [partitions_asked(work, text, None) for text in ("a", "a...b, a", "c,d", "")]
        ['a', ['a...b', 'a'], 'c,d', None]
    """
    if not text or is_key(job, text, instance):
        return text or None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return parts[0] if len(parts) == 1 else parts


def partition_notes(job: JobDefinition, text: str | None, instance: Any) -> Iterator[Note]:
    """Iterate over the problems of the typed text, shown at the field.

    Args:
        job: The part of the job that will run.
        text: What is typed.
        instance: Keeps the keys of dynamic partitions.
    """
    try:
        definition = job.partitions_def
    except InvalidDefinitionError as error:  # no one run is for all of them
        needed = attempt(lambda: partition_needed(job, instance), None)
        told = f"{needed.facts}\n{_SHARE}" if needed is not None else str(error)
        yield {"field": "selection", "message": told}
        return
    if text is None:
        undecided = job.asset_layer is not None and job.asset_layer.is_undecided
        # Which assets such a job makes, and whether these have partitions, is seen at the launch.
        needed = None if undecided else attempt(lambda: partition_needed(job, instance), None)
        if needed is not None:
            yield {"field": "partition", "message": f"{needed.facts} {_HOW}"}
        return
    if problem := _problem(job, definition, text, instance):
        yield {"field": "partition", "message": problem}


def _problem(
    job: JobDefinition, definition: PartitionsDefinition | None, text: str, instance: Any
) -> str:
    if definition is None:
        return "What runs has no partitions: leave it empty."
    try:
        keys = keys_asked(definition, partitions_asked(job, text, instance) or [], instance)
    except JobnbError as error:
        return str(error)
    if not keys:
        return _HOW
    if len(keys) > 1 and job.partitioned_config is not None:
        return (
            f"The job {job.name!r} has a config for each partition, so one run is for one of them."
        )
    return ""


def written_partitions(job: JobDefinition, tags: Mapping[str, str], instance: Any) -> str:
    """Return the partitions in a run's tags, as they can be typed; empty if they cannot."""
    asked = attempt(lambda: asked_in_tags(job, tags), None)
    if isinstance(asked, PartitionsSubset):
        ranges = asked.get_partition_key_ranges(dynamic_partitions_store=instance)
        return ", ".join(map(range_text, ranges))
    return range_text(asked) if isinstance(asked, PartitionKeyRange) else str(asked or "")


def tags_of_partition(job: JobDefinition, text: str | None, instance: Any) -> dict[str, str]:
    """Return the tags that the run has by its partition, where it is one."""
    if text is None or not is_key(job, text, instance):
        return {}
    partitioned = job.partitioned_config
    tags = dict(partitioned.get_tags_for_partition_key(text)) if partitioned else {}
    return {**tags, PARTITION_TAG: text}
