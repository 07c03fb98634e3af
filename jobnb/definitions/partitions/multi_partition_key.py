"""`MultiPartitionKey`: a text with a part for each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from jobnb.errors import InvalidDefinitionError

SEPARATOR = "|"
_FORBIDDEN = (SEPARATOR, "[", "]", ",")


def check_part(dimension: str, partition_key: Any) -> str:
    """Return the key of one dimension after checking that it can be part of a multi-key.

    Raises:
        InvalidDefinitionError: If it is no text, or has one of the characters `|[],`.
    """
    if not isinstance(partition_key, str):
        raise InvalidDefinitionError(
            f"The key of the dimension {dimension!r} is text, not {partition_key!r}."
        )
    if any(each in partition_key for each in _FORBIDDEN):
        raise InvalidDefinitionError(
            f"The key {partition_key!r} of the dimension {dimension!r} has one of the characters "
            f"{' '.join(_FORBIDDEN)}, which keys of several dimensions cannot contain."
        )
    return partition_key


class MultiPartitionKey(str):
    """A partition key with a part for each dimension; as text, the parts sorted by dimension.

    Args:
        keys_by_dimension: The part of each dimension, by its name.

    Raises:
        InvalidDefinitionError: If a part is no text, or has one of the characters `|[],`.

    Example:
        >>> key = MultiPartitionKey({"origin": "JFK", "day": "2013-01-01"})
        >>> str(key), key.keys_by_dimension["origin"]
        ('2013-01-01|JFK', 'JFK')

    Source: Dagster's `MultiPartitionKey`.
    """

    __slots__ = ("_parts",)
    _parts: tuple[tuple[str, str], ...]

    def __new__(cls, keys_by_dimension: Mapping[str, str]) -> Self:
        """Join the parts."""
        parts = tuple(
            (name, check_part(name, keys_by_dimension[name])) for name in sorted(keys_by_dimension)
        )
        return cls.of_parts(parts)

    @classmethod
    def of_parts(cls, parts: tuple[tuple[str, str], ...]) -> Self:
        """Create a key from checked parts, sorted by dimension."""
        made = super().__new__(cls, SEPARATOR.join([key for _, key in parts]))
        made._parts = parts
        return made

    @property
    def keys_by_dimension(self) -> dict[str, str]:
        """The part of each dimension, by its name."""
        return dict(self._parts)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.keys_by_dimension,)
