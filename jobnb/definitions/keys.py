"""Asset keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Union
from zlib import crc32

from jobnb.definitions.plain import is_text
from jobnb.errors import InvalidDefinitionError

CoercibleToAssetKey = Union["AssetKey", str, Sequence[str]]

_NAME = re.compile(r"[A-Za-z0-9_]+")


def check_name(name: Any, what: str) -> str:
    """Return `name` if it is a valid name: letters, digits and underscores.

    Raises:
        InvalidDefinitionError: If it cannot.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise InvalidDefinitionError(
        f"{name!r} cannot name {what}: use letters, digits and underscores only."
    )


def _can_be_part(part: Any) -> bool:
    # Most are names; a key is made of each row of the history that is read.
    is_name = type(part) is str and part.isidentifier() and part.isascii()
    return is_name or (bool(part) and is_text(part))


class AssetKey:
    """The key of an asset: one or more path parts.

    Args:
        path: A string (one part) or the parts.

    Example:
        >>> AssetKey(["warehouse", "orders"]).to_user_string()
        'warehouse/orders'
        >>> AssetKey("orders") == AssetKey(["orders"])
        True

    Source: Dagster's `AssetKey`.
    """

    __slots__ = ("_hash", "path")
    path: Sequence[str]

    def __init__(self, path: str | Sequence[str]) -> None:
        given: Any = path
        parts: list[Any] = []
        if isinstance(given, str) or hasattr(given, "__iter__"):
            parts = [given] if isinstance(given, str) else list(given)
        if not parts or not all(map(_can_be_part, parts)):
            raise InvalidDefinitionError(
                f"{path!r} cannot be an asset key: give a non-empty string or a list of them."
            )
        self.path = parts
        # Not hash() of text: it differs between processes, and so would the order of sets.
        self._hash = crc32("/".join(parts).encode("utf-8", "surrogatepass"))

    @property
    def parts(self) -> Sequence[str]:
        """The path, part by part."""
        return self.path

    def to_user_string(self) -> str:
        """Return the parts joined with slashes, as people write them."""
        return "/".join(self.path)

    def to_string(self) -> str:
        """Return the key as a JSON list, as the event log stores it."""
        return json.dumps(list(self.path))

    def to_python_identifier(self, suffix: str | None = None) -> str:
        """Return a valid Python name made of the parts and an optional suffix."""
        return "__".join([*self.path, *([suffix] if suffix else [])]).replace("-", "_")

    def has_prefix(self, prefix: Sequence[str]) -> bool:
        """Whether the first parts are those of `prefix`."""
        return list(self.path[: len(prefix)]) == list(prefix)

    def with_prefix(self, prefix: str | Sequence[str]) -> AssetKey:
        """Return a key with the parts of `prefix` before this one's."""
        return AssetKey([*([prefix] if isinstance(prefix, str) else prefix), *self.path])

    @staticmethod
    def from_user_string(asset_key_string: str) -> AssetKey:
        """Return the key that people write as `a/b`."""
        return AssetKey(asset_key_string.split("/"))

    def to_escaped_user_string(self) -> str:
        """Return `to_user_string` with slashes and backslashes in parts escaped."""
        return "/".join(re.sub(r"([\\/])", r"\\\1", part) for part in self.path)

    @staticmethod
    def from_escaped_user_string(asset_key_string: str) -> AssetKey:
        """Return the key that `to_escaped_user_string` wrote.

        Example:
            >>> key = AssetKey(["a/b", "c"])
            >>> AssetKey.from_escaped_user_string(key.to_escaped_user_string()) == key
            True
        """
        parts = re.findall(r"((?:[^\\/]|\\.)+)", asset_key_string)
        return AssetKey([re.sub(r"\\(.)", r"\1", part) for part in parts])

    def to_graphql_input(self) -> dict[str, Sequence[str]]:
        """Return the key as GraphQL takes it."""
        return {"path": list(self.path)}

    @staticmethod
    def from_graphql_input(graphql_input_asset_key: Mapping[str, Sequence[str]]) -> AssetKey:
        """Return the key that GraphQL gave."""
        return AssetKey(graphql_input_asset_key["path"])

    @staticmethod
    def from_coercible_or_definition(arg: Any) -> AssetKey:
        """Return the same as `from_coercible`."""
        return AssetKey.from_coercible(arg)

    @staticmethod
    def from_db_string(asset_key_string: str | None) -> AssetKey | None:
        """Return the key that `to_string` wrote, or None."""
        return AssetKey(json.loads(asset_key_string)) if asset_key_string else None

    @staticmethod
    def from_coercible(arg: Any) -> AssetKey:
        """Return a key from a key, a string (`a/b` splits at slashes), parts or an asset.

        Raises:
            InvalidDefinitionError: If `arg` is none of these.
        """
        if isinstance(arg, AssetKey):
            return arg
        if isinstance(arg, str):
            return AssetKey(arg.split("/"))
        if isinstance(arg, (list, tuple)):
            return AssetKey(arg)
        key = getattr(arg, "key", None)
        if isinstance(key, AssetKey):
            return key
        raise InvalidDefinitionError(
            f"{arg!r} does not name an asset: give an AssetKey, a string, "
            "a list of strings or an asset definition."
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AssetKey):
            return self._hash == other._hash and self.path == other.path
        return NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __lt__(self, other: AssetKey) -> bool:
        return list(self.path) < list(other.path)

    def __reduce__(self) -> tuple[type[AssetKey], tuple[Sequence[str]]]:
        # The cached hash differs between processes, so it is not pickled.
        return AssetKey, (self.path,)

    def __repr__(self) -> str:
        return f"AssetKey({list(self.path)!r})"
