"""What a config takes, as GraphQL tells it: a type for each place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jobnb.config import Section, schema_of
from jobnb.config.places import SCALARS, TEXTS, ConfigNode, form_of
from jobnb.config.schema import NOTHING
from jobnb.server.nodes import Node, digest

_MOST_DEEP = 20
_NAMES = {"int": "Int", "float": "Float", "bool": "Bool"}
_WRAPPED = ("section", "object", "selector")


class _ConfigType(Node):
    """What a place of a config takes.

    Args:
        place: The place.
        key: Names the type.
    """

    is_selector = False

    def __init__(self, place: ConfigNode, key: str) -> None:
        self._place, self.key = place, key

    key: str

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self._place.help or None

    @property
    def inner(self) -> Sequence[_ConfigType]:
        """The types of the places in it."""
        return ()

    @property
    def type_param_keys(self) -> list[str]:
        """The keys of the types that it is made of."""
        return []

    @property
    def recursive_config_types(self) -> list[_ConfigType]:
        """All types below it."""
        return [each for each in all_types(self) if each.key != self.key]


class RegularConfigType(_ConfigType):
    """A text, a number, true or false, or anything."""

    @property
    def given_name(self) -> str:
        """Its name."""
        return self.key


class EnumConfigType(_ConfigType):
    """One of some values."""

    @property
    def given_name(self) -> str:
        """Its name."""
        return self._place.title

    @property
    def values(self) -> list[EnumConfigValue]:
        """The values."""
        place = self._place
        choices = [place.constant] if place.kind == "const" else place.choices
        return [EnumConfigValue("null" if each is None else str(each)) for each in choices]


@dataclass(frozen=True)
class EnumConfigValue(Node):
    """A value to choose."""

    value: str
    description: str | None = None


class CompositeConfigType(_ConfigType):
    """Named fields; of a selector just one."""

    @property
    def is_selector(self) -> bool:  # type: ignore[override]
        """Whether just one of its fields is given."""
        return self._place.kind == "selector"

    @property
    def fields(self) -> list[ConfigTypeField]:
        """Its fields."""
        return fields_of(self._place, self.key)

    @property
    def inner(self) -> Sequence[_ConfigType]:
        """The types of its fields."""
        return [each.config_type for each in self.fields]


class _Wrapping(_ConfigType):
    @cached_property
    def of_type(self) -> _ConfigType:
        """The type in it."""
        raise NotImplementedError

    @property
    def inner(self) -> Sequence[_ConfigType]:
        """The type in it."""
        return [self.of_type]

    @property
    def type_param_keys(self) -> list[str]:
        """The key of the type in it."""
        return [self.of_type.key]


class ArrayConfigType(_Wrapping):
    """A list."""

    @cached_property
    def of_type(self) -> _ConfigType:
        """The type of its entries."""
        return type_of(self._place.item or _anything(), f"{self.key}.item")


class NullableConfigType(_Wrapping):
    """A value that may be left empty."""

    @cached_property
    def of_type(self) -> _ConfigType:
        """The type of the value."""
        return _not_null(self._place, self.key)


class MapConfigType(_ConfigType):
    """Values under keys of the user's own."""

    @property
    def key_type(self) -> _ConfigType:
        """The type of its keys."""
        return RegularConfigType(_anything(), "String")

    @cached_property
    def value_type(self) -> _ConfigType:
        """The type of its values."""
        return type_of(self._place.item or _anything(), f"{self.key}.value")

    @property
    def key_label_name(self) -> str | None:
        """A word for its keys."""
        return self._place.key_label

    @property
    def inner(self) -> Sequence[_ConfigType]:
        """The types of its keys and values."""
        return [self.key_type, self.value_type]

    @property
    def type_param_keys(self) -> list[str]:
        """The keys of these."""
        return [each.key for each in self.inner]


class ScalarUnionConfigType(_ConfigType):
    """A text or number, or something else."""

    @cached_property
    def scalar_type(self) -> _ConfigType:
        """The text or number."""
        return self._option(scalar=True)

    @cached_property
    def non_scalar_type(self) -> _ConfigType:
        """What else it may be."""
        return self._option(scalar=False)

    def _option(self, *, scalar: bool) -> _ConfigType:
        chosen = next(each for each in self._place.options if (each.kind in SCALARS) is scalar)
        return type_of(chosen, f"{self.key}.{'scalar' if scalar else 'other'}")

    @property
    def scalar_type_key(self) -> str:
        """The key of the text or number."""
        return self.scalar_type.key

    @property
    def non_scalar_type_key(self) -> str:
        """The key of what else it may be."""
        return self.non_scalar_type.key

    @property
    def inner(self) -> Sequence[_ConfigType]:
        """Both."""
        return [self.scalar_type, self.non_scalar_type]

    @property
    def type_param_keys(self) -> list[str]:
        """The keys of both."""
        return [each.key for each in self.inner]


class ConfigTypeField(Node):
    """A field of a config.

    Args:
        place: What it takes.
        above: The key of the type that it belongs to.
    """

    def __init__(self, place: ConfigNode, above: str) -> None:
        self._place, self._above = place, above
        self.name = place.name

    name: str

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self._place.help or None

    @cached_property
    def config_type(self) -> _ConfigType:
        """What it takes."""
        return type_of(self._place, f"{self._above}.{self.name}")

    @property
    def config_type_key(self) -> str:
        """The key of the type that it takes."""
        return self.config_type.key

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self._place.required

    @property
    def default_value_as_json(self) -> str | None:
        """Its value if it is not given."""
        default = self._place.default
        return None if default is NOTHING else json.dumps(default, default=str)


def type_of(place: ConfigNode, path: str) -> _ConfigType:
    """Return the type of a place.

    Args:
        place: The place.
        path: Names it, for the key of its type.

    Example:
        >>> root = form_of(Section({"config": schema_of({"year": int, "codes": [str]})}))
        >>> fields = type_of(root.fields["config"], "config").fields
        >>> [(each.name, each.config_type.key[:5]) for each in fields]
        [('year', 'Int'), ('codes', 'Array')]
    """
    if place.nullable:
        return NullableConfigType(place, f"Noneable.{digest(place.model or path)}")
    return _not_null(place, path)


def _not_null(place: ConfigNode, path: str) -> _ConfigType:
    kind, key = place.kind, digest(place.model or path)
    if kind in _WRAPPED:
        return CompositeConfigType(place, f"{'Selector' if kind == 'selector' else 'Shape'}.{key}")
    if kind == "map":
        return MapConfigType(place, f"Map.{key}")
    if kind in ("list", "tuple"):
        return ArrayConfigType(place, f"Array.{key}")
    if kind in ("choice", "const"):
        return EnumConfigType(place, f"Enum.{key}")
    if kind == "union" and sorted(each.kind in SCALARS for each in place.options) == [False, True]:
        return ScalarUnionConfigType(place, f"ScalarUnion.{key}")
    return RegularConfigType(place, "String" if kind in TEXTS else _NAMES.get(kind, "Any"))


def fields_of(place: ConfigNode, key: str) -> list[ConfigTypeField]:
    """Return the fields of a place."""
    return [ConfigTypeField(each, key) for each in place.fields.values()]


def all_types(root: _ConfigType) -> Iterator[_ConfigType]:
    """Iterate over a type and all types below it, each once."""
    seen: set[str] = set()
    left = [(root, 0)]
    while left:
        each, depth = left.pop()
        if each.key in seen:
            continue
        seen.add(each.key)
        yield each
        if depth < _MOST_DEEP:
            left.extend((inner, depth + 1) for inner in reversed(each.inner))


def field_of_schema(schema: Any) -> ConfigTypeField | None:
    """Return the field `config` of an op, a resource or a logger; None if it takes none."""
    described = schema_of(schema)
    if described is None:
        return None
    return ConfigTypeField(form_of(Section({"config": described})).fields["config"], repr(schema))


def field_at(root: ConfigNode, path: Sequence[str]) -> ConfigTypeField:
    """Return the field at a path; one that takes anything where the path leads nowhere."""
    place: ConfigNode | None = root
    for part in path:
        place = (place.fields.get(part) or place.item) if place is not None else None
    if place is None or not path:
        place = _anything(path[-1] if path else "")
    return ConfigTypeField(place, ".".join(path[:-1]))


def _anything(name: str = "") -> ConfigNode:
    return ConfigNode({}, {}, name)
