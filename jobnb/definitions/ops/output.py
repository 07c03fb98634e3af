"""The values that ops yield and return: `Output`, `DynamicOutput`, `MaterializeResult`, ...

Outputs are created at least once per step, so they are plain slots and process metadata only if
there is some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey, check_name
from jobnb.definitions.metadata import normalize
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.plain import is_text
from jobnb.definitions.user_events import checked_tags
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError

_CODE = "dagster/code_version"
_GIVEN = "dagster/data_version_is_user_provided"
_INPUT = "dagster/input_data_version/"
_POINTER = "dagster/input_event_pointer/"
_NO_EVENT = "NULL"


class DataVersion(msgspec.Struct, frozen=True):
    """The version of a value, as text that changes when the value does.

    Args:
        value: The version.

    Source: Dagster's `DataVersion`.
    """

    value: str

    def __post_init__(self) -> None:
        """Validate the version."""
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
        """Convert text to versions."""
        given = {key: as_version(each) for key, each in self.data_versions_by_partition.items()}
        msgspec.structs.force_setattr(self, "data_versions_by_partition", given)


class DataProvenance(msgspec.Struct, frozen=True):
    """The inputs of a value.

    Args:
        code_version: The version of its code.
        input_data_versions: The data versions of its inputs, by asset.
        input_storage_ids: The storage ids of the inputs' events, by asset.
        is_user_provided: Whether the user's code set the data version itself.

    Source: Dagster's `DataProvenance`.
    """

    code_version: str
    input_data_versions: Mapping[AssetKey, DataVersion]
    input_storage_ids: Mapping[AssetKey, int | None]
    is_user_provided: bool


def as_version(given: DataVersion | str | None) -> DataVersion | None:
    """Convert text to a version."""
    return DataVersion(given) if isinstance(given, str) else given


def provenance_of(tags: Mapping[str, str]) -> DataProvenance | None:
    """Return the inputs of a value from its materialization's tags; None if they are not there."""
    code_version = tags.get(_CODE)
    if code_version is None:
        return None
    versions = _by_key(tags, _INPUT)
    pointers = _by_key(tags, _POINTER)
    return DataProvenance(
        code_version,
        {key: DataVersion(version) for key, version in versions.items()},
        {key: _number(pointers.get(key)) for key in versions},
        tags.get(_GIVEN) == "true",
    )


def _number(pointer: str | None) -> int | None:
    """Return the number of an event; None if there was none, or its number was not known yet."""
    return int(pointer) if pointer is not None and pointer != _NO_EVENT else None


def _by_key(tags: Mapping[str, str], prefix: str) -> dict[AssetKey, str]:
    start = len(prefix)
    return {
        AssetKey.from_user_string(name[start:]): value
        for name, value in tags.items()
        if name.startswith(prefix)
    }


T = TypeVar("T")


def _same(left: Any, right: Any) -> bool:
    """Whether two user values are equal; False for arrays and frames without one answer."""
    if left is right:
        return True
    try:
        return bool(left == right)
    except Exception:  # noqa: BLE001 - the user's == may raise anything
        return False


class Output(Generic[T]):
    """A value for one output of an op, with metadata.

    Args:
        value: The value.
        output_name: The output.
        metadata: Metadata shown beside it.
        data_version: The version of the value, if the code knows it.
        tags: Labels, name to value.

    Example:
        >>> Output(3, metadata={"rows": 3}).value
        3

    Source: Dagster's `Output`.
    """

    __slots__ = ("_metadata", "data_version", "output_name", "tags", "value")

    def __init__(
        self,
        value: T,
        output_name: str = "result",
        metadata: Mapping[str, Any] | None = None,
        data_version: DataVersion | str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        if type(output_name) is not str and not isinstance(output_name, str):
            raise InvalidDefinitionError(f"output_name is text, not {output_name!r}.")
        self.value = value
        self.output_name = output_name
        self._metadata = normalize(metadata) if metadata else None
        self.data_version = as_version(data_version) if data_version is not None else None
        self.tags = tags

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """Metadata shown beside the value, by label."""
        return self._metadata or {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Output):
            return NotImplemented
        return (
            self.output_name == other.output_name
            and self.metadata == other.metadata
            and self.data_version == other.data_version
            and (self.tags or {}) == (other.tags or {})
            and _same(self.value, other.value)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Output({self.value!r}, output_name={self.output_name!r})"


class DynamicOutput(Generic[T]):
    """One of the values of a dynamic output, with its mapping key.

    Args:
        value: The value.
        mapping_key: Its name among the elements: letters, digits, underscores.
        output_name: The output.
        metadata: Metadata shown beside it.

    Example:
        >>> DynamicOutput("part-1.csv", mapping_key="part_1").mapping_key
        'part_1'

    Source: Dagster's `DynamicOutput`.
    """

    __slots__ = ("_metadata", "mapping_key", "output_name", "value")

    def __init__(
        self,
        value: T,
        mapping_key: str,
        output_name: str = "result",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(output_name, str):
            raise InvalidDefinitionError(f"output_name is text, not {output_name!r}.")
        self.value = value
        self.mapping_key = check_name(mapping_key, "a dynamic output's mapping_key")
        self.output_name = output_name
        self._metadata = normalize(metadata) if metadata else None

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """Metadata shown beside the value, by label."""
        return self._metadata or {}

    def map(self, fn: Callable[..., Any]) -> NoReturn:
        """Say that a value is not mapped over: in a graph, what the op returned is.

        Args:
            fn: The composing function.

        Raises:
            InvalidInvocationError: Always.
        """
        raise self._misplaced("map(...)")

    def collect(self) -> NoReturn:
        """Say that a value is not collected: in a graph, what the op returned is.

        Raises:
            InvalidInvocationError: Always.
        """
        raise self._misplaced("collect()")

    def _misplaced(self, call: str) -> InvalidInvocationError:
        return InvalidInvocationError(
            f"{call} was called on the value {self.mapping_key!r} of a dynamic output. Call it on "
            f"what the op returns in a @graph or @job: my_op().{call}."
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DynamicOutput):
            return NotImplemented
        return (
            self.output_name == other.output_name
            and self.mapping_key == other.mapping_key
            and self.metadata == other.metadata
            and _same(self.value, other.value)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DynamicOutput({self.value!r}, mapping_key={self.mapping_key!r})"


class _NoValue:
    """Marks an asset that its function stored itself."""

    def __repr__(self) -> str:
        return "NO_VALUE"


NO_VALUE: Any = _NoValue()


class _AssetResult(msgspec.Struct, frozen=True):
    """The result of an asset's function instead of a value."""

    asset_key: CoercibleToAssetKey | None = None
    metadata: Mapping[str, Any] | None = None
    check_results: Sequence[Any] = ()
    data_version: DataVersion | str | None = None
    tags: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Validate and normalize the fields."""
        put = msgspec.structs.force_setattr
        if self.asset_key is not None:
            put(self, "asset_key", AssetKey.from_coercible(self.asset_key))
        put(self, "metadata", normalize(self.metadata))
        put(self, "check_results", list(self.check_results or ()))
        put(self, "data_version", as_version(self.data_version))
        put(self, "tags", checked_tags(self.tags, type(self).__name__))


class MaterializeResult(_AssetResult, Generic[T], frozen=True):
    """The result of an asset's function, with metadata and without or with a value to store.

    Args:
        asset_key: The asset, if the function materializes several.
        metadata: Metadata shown beside the materialization.
        check_results: Results of checks that the function evaluated.
        data_version: The version of the value, if the code knows it.
        tags: Labels, name to value.
        value: A value for the IO manager to store; without one, nothing is stored.

    Example:
        >>> from jobnb import MaterializeResult, asset, materialize
        >>> @asset
        ... def table():
        ...     return MaterializeResult(metadata={"rows": 3})
        >>> [event] = materialize([table]).get_asset_materialization_events()
        >>> event.metadata["rows"]["value"]
        3

    Source: Dagster's `MaterializeResult`.
    """

    value: Any = NO_VALUE

    @property
    def has_value(self) -> bool:
        """Whether there is a value to store."""
        return self.value is not NO_VALUE


class ObserveResult(_AssetResult, frozen=True):
    """The result of observing an asset.

    Args:
        asset_key: The asset, if the function observes several.
        metadata: Metadata shown beside the observation.
        check_results: Results of checks that the function evaluated.
        data_version: The version of the value, if the code knows it.
        tags: Labels, name to value.

    Source: Dagster's `ObserveResult`.
    """
