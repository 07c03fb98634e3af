"""The inputs and outputs of ops and assets: `In`, `Out`, `AssetIn`, `AssetOut`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobnb.definitions.arguments import check_shapes
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.plain import check_text
from jobnb.errors import InvalidDefinitionError


class _Infer:
    """Marks a type that is read from the annotation at its first use."""

    def __repr__(self) -> str:
        return "INFER"


INFER: Any = _Infer()


def _same(one: Any, other: Any) -> bool:
    """Whether two parts are equal; a default value may be of a class that does not say so."""
    try:
        return one is other or bool(one == other)
    except Exception:  # noqa: BLE001 - the class is the user's
        return False


class _ByValue:
    """Compares by class and by all attributes."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in _parts(self))

    def __hash__(self) -> int:
        said = (getattr(self, name) for name in _parts(self))
        return hash((type(self), *(each for each in said if isinstance(each, str | bool))))


def _parts(said: _ByValue) -> list[str]:
    slots = [name for each in type(said).__mro__ for name in getattr(each, "__slots__", ())]
    return slots or list(vars(said))


def _checked_type(given: Any, what: str) -> Any:
    """Return a type, if it can be one: what is only known by its name is no type."""
    if isinstance(given, (str, int, float, list, dict, set, tuple)):
        raise InvalidDefinitionError(
            f"{what} is declared with {given!r}, which is no type. Give a Python type, an "
            "annotation or a DataType; what it is for goes into description=."
        )
    return given


class In(_ByValue):
    """An input of an op.

    Args:
        dagster_type: Its type: a Python type or a `DataType`; from the annotation if not given.
        description: A description.
        default_value: The value if nothing feeds it.
        metadata: Metadata for the input's manager and for readers.
        asset_key: The asset that it loads.
        asset_partitions: The partitions of that asset.
        input_manager_key: The resource that loads it, instead of the upstream's IO manager.

    Source: Dagster's `In`.
    """

    __slots__ = (
        "asset_key",
        "asset_partitions",
        "dagster_type",
        "default_value",
        "description",
        "input_manager_key",
        "metadata",
    )

    def __init__(
        self,
        dagster_type: Any = INFER,
        description: str | None = None,
        default_value: Any = INFER,
        metadata: Mapping[str, Any] | None = None,
        asset_key: Any = None,
        asset_partitions: Any = None,
        input_manager_key: str | None = None,
    ) -> None:
        check_shapes("In", None, description=description, metadata=metadata,
                     input_manager_key=input_manager_key)  # fmt: skip
        self.dagster_type = _checked_type(dagster_type, "An In")
        self.description = description
        self.default_value = default_value
        self.metadata = dict(metadata) if metadata else {}
        self.asset_key = asset_key
        self.asset_partitions = asset_partitions
        self.input_manager_key = input_manager_key

    @property
    def has_default(self) -> bool:
        """Whether it has a default value."""
        return self.default_value is not INFER

    def resolved(self, dagster_type: Any, default_value: Any) -> In:
        """Return a copy completed from the function's signature."""
        return In(
            dagster_type,
            self.description,
            self.default_value if self.has_default else default_value,
            self.metadata,
            self.asset_key,
            self.asset_partitions,
            self.input_manager_key,
        )

    def __repr__(self) -> str:
        return f"In({self.dagster_type!r})"


class Out(_ByValue):
    """An output of an op.

    Args:
        dagster_type: Its type: a Python type or a `DataType`; from the annotation if not given.
        description: A description.
        is_required: Whether the op must yield it; what depends on one not yielded is skipped.
        io_manager_key: The resource that stores it.
        metadata: Metadata for the IO manager and for readers.
        code_version: The version of its code.

    Source: Dagster's `Out`.
    """

    __slots__ = (
        "code_version",
        "dagster_type",
        "description",
        "io_manager_key",
        "is_required",
        "metadata",
    )
    is_dynamic = False

    def __init__(
        self,
        dagster_type: Any = INFER,
        description: str | None = None,
        is_required: bool = True,
        io_manager_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        code_version: str | None = None,
    ) -> None:
        check_shapes("Out", None, description=description, metadata=metadata,
                     is_required=is_required, io_manager_key=io_manager_key)  # fmt: skip
        self.dagster_type = _checked_type(dagster_type, "An Out")
        self.description = description
        self.is_required = is_required
        self.io_manager_key = io_manager_key or "io_manager"
        self.metadata = dict(metadata) if metadata else {}
        check_text(code_version, "The code_version of an output")
        self.code_version = code_version

    def resolved(self, dagster_type: Any) -> Out:
        """Return a copy with the type of the function's annotation."""
        return type(self)(
            dagster_type,
            self.description,
            self.is_required,
            self.io_manager_key,
            self.metadata,
            self.code_version,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dagster_type!r})"


class InputDefinition(In):
    """An input of an op or a graph, with its name.

    Args:
        name: Its name.
        said: What is known of it.

    Source: Dagster's `InputDefinition`.
    """

    __slots__ = ("name",)

    def __init__(self, name: str, said: In) -> None:
        super().__init__(*(getattr(said, part) for part in _IN))
        self.name = name

    @property
    def has_default_value(self) -> bool:
        """Whether it has a value when nothing feeds it."""
        return self.has_default


_IN = ("dagster_type", "description", "default_value", "metadata", "asset_key",
       "asset_partitions", "input_manager_key")  # fmt: skip
_OUT = ("dagster_type", "description", "is_required", "io_manager_key", "metadata", "code_version")


class OutputDefinition(Out):
    """An output of an op or a graph, with its name.

    Args:
        name: Its name.
        said: What is known of it.

    Source: Dagster's `OutputDefinition`.
    """

    __slots__ = ("is_dynamic", "name")
    is_dynamic: bool

    def __init__(self, name: str, said: Out) -> None:
        super().__init__(*(getattr(said, part) for part in _OUT))
        self.name = name
        self.is_dynamic = said.is_dynamic


class DynamicOut(Out):
    """An output that yields any number of values, each under a mapping key.

    Source: Dagster's `DynamicOut`.
    """

    __slots__ = ()
    is_dynamic = True


DEFAULT_GROUP = "default"


def prefix_of(prefix: str | Sequence[str] | None) -> list[str]:
    """Return a key prefix as a list of parts.

    Raises:
        InvalidDefinitionError: If it is neither text nor a list.
    """
    if prefix is not None and not isinstance(prefix, Iterable):
        raise InvalidDefinitionError(f"The key_prefix is {prefix!r}. Give text, or a list of it.")
    return [prefix] if isinstance(prefix, str) else list(prefix or ())


def checked_mapping(given: Any, upstream: object) -> Any:
    """Return a partition mapping after checking that it is one.

    Raises:
        InvalidDefinitionError: If it is none.
    """
    # Checked by its methods, not its class: the module of the class is slow and rarely needed.
    if given is None or callable(
        getattr(given, "get_upstream_mapped_partitions_result_for_partitions", None)
    ):
        return given
    raise InvalidDefinitionError(
        f"The partition_mapping of the upstream asset {upstream} is a PartitionMapping, such as "
        f"LastPartitionMapping(), not {given!r}."
    )


class AssetIn(_ByValue):
    """An upstream asset, as an input.

    Args:
        key: Its key; the parameter's name if not given.
        metadata: Values for the input's manager.
        key_prefix: Parts before the parameter's name.
        input_manager_key: The resource that loads it, instead of the asset's IO manager.
        partition_mapping: Which of its partitions are loaded.
        dagster_type: Its type.

    Source: Dagster's `AssetIn`.
    """

    __slots__ = (
        "dagster_type",
        "input_manager_key",
        "key",
        "key_prefix",
        "metadata",
        "partition_mapping",
    )

    def __init__(
        self,
        key: CoercibleToAssetKey | None = None,
        metadata: Mapping[str, Any] | None = None,
        key_prefix: str | Sequence[str] | None = None,
        input_manager_key: str | None = None,
        partition_mapping: Any = None,
        dagster_type: Any = INFER,
    ) -> None:
        check_shapes("AssetIn", None, metadata=metadata, input_manager_key=input_manager_key)
        if key is not None and key_prefix is not None:
            raise InvalidDefinitionError(
                f"An AssetIn has both the key {key!r} and the key_prefix {key_prefix!r}. Keep one."
            )
        self.key = None if key is None else AssetKey.from_coercible(key)
        self.metadata = dict(metadata or {})
        self.key_prefix = prefix_of(key_prefix)
        self.input_manager_key = input_manager_key
        self.partition_mapping = checked_mapping(partition_mapping, self.key or "of an AssetIn")
        self.dagster_type = dagster_type

    @property
    def only_orders(self) -> bool:
        """Whether it is declared as `Nothing`: the asset is waited for, but not loaded."""
        if self.dagster_type is INFER:
            return False
        from jobnb.definitions.types import Nothing, resolve

        return resolve(self.dagster_type) is Nothing

    def key_for(self, parameter: str) -> AssetKey:
        """Return the asset key for a parameter."""
        return self.key or AssetKey([*self.key_prefix, parameter])

    def to_in(self) -> In:
        """Return the input of the asset's op."""
        return In(
            self.dagster_type, metadata=self.metadata, input_manager_key=self.input_manager_key
        )


class AssetOut(_ByValue):
    """One of the assets of a function with several outputs.

    Args:
        key_prefix: Parts before the output's name.
        key: Its key; the output's name if not given.
        dagster_type: Its type.
        description: A description, in Markdown.
        is_required: Whether the function must yield it.
        io_manager_key: The resource that stores it.
        metadata: Metadata shown beside it and for the IO manager.
        group_name: The group it belongs to.
        code_version: The version of its code.
        freshness_policy: How fresh it should be.
        auto_materialize_policy: When it should be materialized automatically.
        backfill_policy: How its partitions are backfilled.
        automation_condition: When it should be materialized.
        owners: Owners: e-mail addresses or `team:name`.
        tags: Tags of the asset.
        kinds: Short words for its technology or form.

    Source: Dagster's `AssetOut`.
    """

    def __init__(
        self,
        key_prefix: str | Sequence[str] | None = None,
        key: CoercibleToAssetKey | None = None,
        dagster_type: Any = INFER,
        description: str | None = None,
        is_required: bool = True,
        io_manager_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        group_name: str | None = None,
        code_version: str | None = None,
        freshness_policy: Any = None,
        auto_materialize_policy: Any = None,
        backfill_policy: Any = None,
        automation_condition: Any = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        kinds: Iterable[str] | None = None,
    ) -> None:
        check_shapes(
            "AssetOut", None, description=description, metadata=metadata, is_required=is_required,
            io_manager_key=io_manager_key, group_name=group_name, code_version=code_version,
            owners=owners, tags=tags, kinds=kinds,
        )  # fmt: skip
        self.key_prefix = prefix_of(key_prefix)
        self.key = None if key is None else AssetKey.from_coercible(key)
        self.dagster_type = dagster_type
        self.description = description
        self.is_required = is_required
        self.io_manager_key = io_manager_key
        self.metadata = dict(metadata or {})
        self.group_name = group_name
        self.code_version = code_version
        self.freshness_policy = freshness_policy
        self.auto_materialize_policy = auto_materialize_policy
        self.backfill_policy = backfill_policy
        self.automation_condition = automation_condition
        self.owners = list(owners or ())
        self.tags = dict(tags or {})
        self.kinds = frozenset(kinds or ())

    def key_for(self, output: str) -> AssetKey:
        """Return the key of an output's asset."""
        return self.key or AssetKey([*self.key_prefix, output])

    def to_out(self) -> Out:
        """Return the output of the asset's op."""
        return Out(
            self.dagster_type,
            self.description,
            self.is_required,
            self.io_manager_key,
            self.metadata,
            self.code_version,
        )
