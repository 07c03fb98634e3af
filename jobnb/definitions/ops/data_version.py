"""Versions of values, and what a value was made from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.plain import is_text
from jobnb.errors import InvalidDefinitionError

__all__ = [
    "DataProvenance",
    "DataVersion",
    "DataVersionsByPartition",
    "as_version",
    "provenance_of",
]

_CODE = "dagster/code_version"
_GIVEN = "dagster/data_version_is_user_provided"
_INPUT = "dagster/input_data_version/"
_POINTER = "dagster/input_event_pointer/"


class DataVersion(msgspec.Struct, frozen=True):
    """The version of a value, as text that changes when the value does.

    Args:
        value: The version.

    Source: Dagster's `DataVersion`.
    """

    value: str

    def __post_init__(self) -> None:
        """Check the version."""
        if not is_text(self.value):
            raise InvalidDefinitionError(f"A DataVersion holds text, not {self.value!r}.")


class DataVersionsByPartition(msgspec.Struct, frozen=True):
    """The versions of the partitions of an asset.

    Args:
        data_versions_by_partition: The version of each, by its key.

    Source: Dagster's `DataVersionsByPartition`.
    """

    data_versions_by_partition: Mapping[str, DataVersion | str]

    def __post_init__(self) -> None:
        """Read text as versions."""
        given = {key: as_version(each) for key, each in self.data_versions_by_partition.items()}
        msgspec.structs.force_setattr(self, "data_versions_by_partition", given)


class DataProvenance(msgspec.Struct, frozen=True):
    """What a value was made from.

    Args:
        code_version: The version of the code that made it.
        input_data_versions: The versions of what it read, by asset.
        input_storage_ids: Which events of the log those were, by asset.
        is_user_provided: Whether the user's code set the data version itself.

    Source: Dagster's `DataProvenance`.
    """

    code_version: str
    input_data_versions: Mapping[AssetKey, DataVersion]
    input_storage_ids: Mapping[AssetKey, int | None]
    is_user_provided: bool


def as_version(given: DataVersion | str | None) -> DataVersion | None:
    """Text as a version; a version or None as it is."""
    return DataVersion(given) if isinstance(given, str) else given


def provenance_of(tags: Mapping[str, str]) -> DataProvenance | None:
    """What a value was made from, as the tags of its materialization tell; None if they do not."""
    code_version = tags.get(_CODE)
    if code_version is None:
        return None
    versions = _by_key(tags, _INPUT)
    pointers = _by_key(tags, _POINTER)
    return DataProvenance(
        code_version,
        {key: DataVersion(version) for key, version in versions.items()},
        {key: int(pointers[key]) if key in pointers else None for key in versions},
        tags.get(_GIVEN) == "true",
    )


def _by_key(tags: Mapping[str, str], prefix: str) -> dict[AssetKey, str]:
    start = len(prefix)
    return {
        AssetKey.from_user_string(name[start:]): value
        for name, value in tags.items()
        if name.startswith(prefix)
    }
