"""What an op says of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.definitions.plain import check_text


class _Infer:
    """Stands for a type that is read from the annotation when it is first needed."""

    def __repr__(self) -> str:
        return "INFER"


INFER: Any = _Infer()


class In:
    """An input of an op.

    Args:
        dagster_type: What it must be: a Python type or a `DataType`; from the annotation if absent.
        description: In words.
        default_value: What it is when nothing feeds it.
        metadata: Values for the input's manager and for readers.
        asset_key: The asset that it stands for.
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
        self.dagster_type = dagster_type
        self.description = description
        self.default_value = default_value
        self.metadata = dict(metadata) if metadata else {}
        self.asset_key = asset_key
        self.asset_partitions = asset_partitions
        self.input_manager_key = input_manager_key

    @property
    def has_default(self) -> bool:
        """Whether it has a value when nothing feeds it."""
        return self.default_value is not INFER

    def resolved(self, dagster_type: Any, default_value: Any) -> In:
        """The same with what the function's signature adds."""
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


class Out:
    """An output of an op.

    Args:
        dagster_type: What it must be: a Python type or a `DataType`; from the annotation if absent.
        description: In words.
        is_required: Whether the op must yield it; what depends on one not yielded is skipped.
        io_manager_key: The resource that stores it.
        metadata: Values for the IO manager and for readers.
        code_version: The version of the code that makes it.

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
        self.dagster_type = dagster_type
        self.description = description
        self.is_required = is_required
        self.io_manager_key = io_manager_key or "io_manager"
        self.metadata = dict(metadata) if metadata else {}
        check_text(code_version, "The code_version of an output")
        self.code_version = code_version

    def resolved(self, dagster_type: Any) -> Out:
        """The same with the type that the function's annotation tells."""
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


class DynamicOut(Out):
    """An output that yields any number of values, each under a mapping key.

    Source: Dagster's `DynamicOut`.
    """

    __slots__ = ()
    is_dynamic = True
