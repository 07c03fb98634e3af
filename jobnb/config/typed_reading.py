"""Prepare raw config for typed classes: the walk along annotations instead of schemas."""

from __future__ import annotations

import collections.abc
import copy
import dataclasses
import datetime as dt
import enum
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Protocol, TypeVar, Union

from pydantic import BaseModel, Json, RootModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from jobnb.config.env import env_name, holds_env, is_marked, kinds_of
from jobnb.config.plain import (
    field_name,
    field_names,
    field_paths,
    field_type,
    is_number,
    key_text,
    known_names,
    plain,
    takes_names,
    value_at,
)
from jobnb.config.schema import NOTHING

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0", ""}


def as_scalar(text: str, kinds: tuple[type, ...]) -> Any:
    """Parse a text as the first of the types that can read it, or return NOTHING.

    >>> as_scalar("7", (int, str)), as_scalar("False", (bool,))
    (7, False)
    """
    for kind in kinds:
        value = _READERS[kind](text.strip() if kind is not str else text)
        if value is not NOTHING:
            return value
    return NOTHING


def near(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that a mistyped one may mean, regardless of case.

    >>> near("PASWORD", ["user", "password"])
    ['password']
    """
    by_look = {each.lower(): each for each in known}
    return [by_look[look] for look in get_close_matches(name.lower(), by_look)]


def _integer(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return NOTHING


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return NOTHING


def _truth(text: str) -> Any:
    if text.lower() in _TRUE:
        return True
    return False if text.lower() in _FALSE else NOTHING


_READERS: dict[type, Callable[[str], Any]] = {int: _integer, float: _number, bool: _truth, str: str}


Path = tuple[str | int, ...]
_UNIONS = (Union, types.UnionType)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class Reader(Protocol):
    """Receives the findings of the walk; see `jobnb.config.reading.Reading`."""

    @property
    def choices(self) -> dict[Path, list[str]]:
        """The names of the enum expected at each place."""

    def expect(self, path: Path, raw: Mapping[str, Any], names: list[str]) -> None:
        """Record the known names of a place."""

    def hide(self, path: Path, value: Any) -> None:
        """Record a secret."""

    def select(self, path: Path, name: str) -> None:
        """Record that the value at a path was given one level deeper, under its kind's name."""

    def unselected(self, path: Path, raw: dict[str, Any], names: list[str]) -> None:
        """Record that a mapping names none of the kinds, or several."""

    def quietly(self) -> Reader:
        """Return a reader that only notes secrets."""

    def variable(self, path: Path, name: str, kinds: tuple[type, ...]) -> Any:
        """Read a variable."""


def read_typed(annotation: Any, raw: Any, path: Path, reading: Reader) -> Any:
    """Prepare a raw value for a type."""
    if _is_json(annotation):
        if holds_secret(annotation):
            reading.hide(path, raw)
        if isinstance(raw, (dict, list)):
            return json.dumps(raw)  # A structure where JSON text is expected.
    if isinstance(raw, dict) and not isinstance(annotation, type):
        raw = _flat(annotation, raw, path, reading)
    members = list(_members(annotation))
    name = env_name(raw)
    if name is not None and is_marked(name):
        untyped = Any in members or object in members
        raw = reading.variable(
            path, name, kinds_of(name, () if untyped else _scalar_kinds(members))
        )
    elif name is not None and not any(_takes_mapping(member) for member in members):
        kinds = _scalar_kinds(members)
        value = reading.variable(path, name, kinds) if kinds else raw
        return value if value is None or not kinds else _leaf(members, value, path, reading)
    _note_secrets(members, raw, path, reading)
    if isinstance(raw, dict):
        made = _mapping(members, raw, path, reading)
        return read_open(raw, path, reading) if made is None else made
    if isinstance(raw, list):
        made = _sequence(members, raw, path, reading)
        return read_open(raw, path, reading) if made is None else made
    return _leaf(members, raw, path, reading)


def read_open(raw: Any, path: Path, reading: Reader) -> Any:
    """Prepare a raw value of any type: read the variables that are marked as such."""
    name = env_name(raw)
    if name is not None and is_marked(name):
        return reading.variable(path, name, kinds_of(name))
    if isinstance(raw, dict):
        return {key: read_open(inner, (*path, key), reading) for key, inner in raw.items()}
    if isinstance(raw, list):
        return [read_open(inner, (*path, n), reading) for n, inner in enumerate(raw)]
    return raw


def _note_secrets(members: list[Any], raw: Any, path: Path, reading: Reader) -> None:
    if raw is not None and _is_told_by_name(members, raw):
        reading.hide(path, raw)
    if len(members) > 1:
        for member in filter(holds_secret, members):
            if _tag_fit(member, raw) >= 0:  # Validation decides which member it is.
                read_typed(member, raw, path, reading.quietly())


def _flat(annotation: Any, raw: dict[str, Any], path: Path, reading: Reader) -> dict[str, Any]:
    """Convert a value of a discriminated union from Dagster's selector form to pydantic's.

    Dagster takes `{"dog": {"barks": 3}}`, and pydantic `{"kind": "dog", "barks": 3}`.
    """
    kinds = _kinds_by_tag(annotation)
    if not kinds or any(alias in raw for alias, _, _ in kinds.values()):
        return raw
    if len(raw) != 1 or not raw.keys() <= kinds.keys():
        if not any(map(_takes_any_key, _members(annotation))):
            _note_unselected(raw, path, kinds, reading)
        return raw
    ((name, inner),) = raw.items()
    alias, tag, member = kinds[name]
    if not isinstance(inner, dict | None) or (inner or {}).get(alias, tag) != tag:
        return raw
    reading.select(path, name)
    return {alias: tag} | _flat(member, inner or {}, path, reading)


_Kind = tuple[str, Any, Any]  # the name of the tag, its value, the type


def _note_unselected(
    raw: dict[str, Any], path: Path, kinds: dict[str, _Kind], reading: Reader
) -> None:
    fields = {
        name for _, _, kind in kinds.values() for each in _members(kind) for name in _names(each)
    }
    if raw and not raw.keys() <= fields:
        reading.unselected(path, raw, list(kinds))


def _takes_any_key(member: Any) -> bool:
    return _takes(member, {}) and not _field_types(member)


def _kinds_by_tag(annotation: Any) -> dict[str, _Kind]:
    """Map the tags of a discriminated union to its members."""
    tag, union = _tag_of(annotation)
    if typing.get_origin(union) not in _UNIONS:
        return {}
    made: dict[str, _Kind] = {}
    for member in typing.get_args(union):
        if tag is None:
            made |= _kinds_by_tag(member)
            continue
        for leaf in _members(member):
            made |= {
                key_text(value): (alias, value, member) for alias, value in _tags_of(leaf, tag)
            }
    return made


def _tag_of(annotation: Any) -> tuple[str | None, Any]:
    """Return the field that distinguishes the members of a union, and the union."""
    tag: Any = None
    while typing.get_origin(annotation) is Annotated:
        annotation, *notes = typing.get_args(annotation)
        for note in notes:  # pydantic's Field, or its Discriminator
            found = getattr(note, "discriminator", None)
            tag = getattr(found, "discriminator", found) or tag
    inner = _unwrapped(annotation)
    if inner is not annotation:
        found, inner = _tag_of(inner)
        tag = tag or found
    return (tag if isinstance(tag, str) else None), inner


def _tags_of(kind: Any, tag: str) -> Iterator[tuple[str, Any]]:
    """Iterate over the tag's possible names and values in one member."""
    info = getattr(kind, "__pydantic_fields__", {}).get(tag)
    if info is not None:
        for value in typing.get_args(_unwrapped(info.annotation)):
            yield field_name(tag, info), _raw_member(value)


def _is_told_by_name(members: list[Any], raw: Any) -> bool:
    """Whether a value is a reference to a secret, here or below."""
    if any(map(_is_secret, members)):
        return True
    return not any(_takes(member, raw) for member in members) and any(map(holds_secret, members))


def _takes(member: Any, raw: Any) -> bool:
    """Whether a value has the form of a type: a mapping, a list, or neither."""
    origin = typing.get_origin(member) or member
    if isinstance(raw, dict):
        return origin in _MAPPINGS or _is_kind(origin, dict) or bool(_field_types(member))
    if isinstance(raw, list):
        return not (_kinds(member) or _field_types(member) or origin in _MAPPINGS)
    return bool(_kinds(member))


def holds_secret(annotation: Any, above: tuple[Any, ...] = ()) -> bool:
    """Whether a type contains a secret, at any depth."""
    if _is_secret(annotation):
        return True
    annotation = _unwrapped(annotation)
    if annotation in above:  # A recursive class.
        return False
    inner = [*typing.get_args(annotation), *_field_types(annotation).values()]
    return any(holds_secret(each, (*above, annotation)) for each in inner)


def takes_none(info: FieldInfo) -> bool:
    """Whether a field's type allows None."""
    return type(None) in _members(info.annotation)


def _members(annotation: Any) -> Iterator[Any]:
    """Iterate over the members of a union, unwrapped; over the type itself if it is none."""
    annotation = _unwrapped(annotation)
    if typing.get_origin(annotation) in _UNIONS:
        for member in typing.get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _unwrapped(annotation: Any) -> Any:
    while True:
        origin = typing.get_origin(annotation)
        if origin is Annotated:
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):  # NewType
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif isinstance(annotation, TypeVar):
            annotation = annotation.__bound__ or Any
        elif _is_root(annotation):
            annotation = field_type(annotation.model_fields["root"])
        else:
            return annotation


def _is_json(annotation: Any) -> bool:
    if typing.get_origin(annotation) in _UNIONS:
        return any(map(_is_json, typing.get_args(annotation)))
    notes = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is Annotated else ()
    return any(note is Json or type(note) is Json for note in (annotation, *notes))


def _is_root(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, RootModel)


def _is_kind(annotation: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, kind)


def _is_secret(annotation: Any) -> bool:
    origin = typing.get_origin(annotation) or annotation
    return hasattr(origin, "get_secret_value")


def _takes_mapping(member: Any) -> bool:
    if member is Any or member is object or (typing.get_origin(member) or member) in _MAPPINGS:
        return True
    return "env" in _field_types(member)


def _scalar_kinds(members: list[Any]) -> tuple[type, ...]:
    """Return the types that a variable's text may be parsed as, the preferred first."""
    kinds = [kind for member in members for kind in _kinds(member)]
    if str in kinds:  # The text as it is fits.
        return (str,)
    return tuple(kind for kind in (bool, int, float) if kind in kinds)


def _kinds(member: Any) -> list[type]:
    if member is type(None):
        return []
    if typing.get_origin(member) is Literal:
        return [type(_raw_member(value)) for value in typing.get_args(member)]
    if _is_kind(member, enum.Enum):
        return [str, *(type(value.value) for value in member)]
    if member in (bool, int, float):
        return [member]
    if _is_secret(member) and typing.get_args(member):
        return [kind for inner in _members(typing.get_args(member)[0]) for kind in _kinds(inner)]
    if typing.get_origin(member) is not None:
        return []
    if _field_types(member) or _is_kind(member, (list, tuple, set, frozenset, dict)):
        return []
    return [str]


def _raw_member(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _leaf(members: list[Any], raw: Any, path: Path, reading: Reader) -> Any:
    for member in members:
        if member is dt.timedelta and is_number(raw):  # seconds
            return _duration(raw)
    named = [value for member in members for value in _enum_members(member)]
    if named and not any(member is str for member in members):
        reading.choices[path] = list(dict.fromkeys(value.name for value in named))
    if not isinstance(raw, str) or any(member is str for member in members):
        return raw
    if any(_raw_member(value) == raw for value in named):
        return raw
    return next((_written(value) for value in named if value.name == raw), raw)


def _written(member: enum.Enum) -> Any:
    """Return a member as JSON writes it: its value, or its name if JSON cannot hold that."""
    value = member.value
    return value if value is None or isinstance(value, (bool, int, float, str)) else member.name


def _duration(seconds: float) -> str:
    sign = "-" if seconds < 0 else ""
    return f"{sign}PT{abs(seconds):f}S"


def _enum_members(member: Any) -> list[enum.Enum]:
    if _is_kind(member, enum.Enum):
        return list(member)
    if typing.get_origin(member) is Literal:
        return [value for value in typing.get_args(member) if isinstance(value, enum.Enum)]
    return []


def _sequence(members: list[Any], raw: list[Any], path: Path, reading: Reader) -> Any:
    for member in members:
        origin, args = typing.get_origin(member), typing.get_args(member)
        if origin is None or origin in _MAPPINGS or origin is Literal or not args:
            continue
        if origin is tuple and args[-1] is not Ellipsis:
            pairs = zip(raw, [*args, *[Any] * len(raw)], strict=False)
            return [read_typed(a, x, (*path, i), reading) for i, (x, a) in enumerate(pairs)]
        return [read_typed(args[0], item, (*path, i), reading) for i, item in enumerate(raw)]
    return None


def _mapping(members: list[Any], raw: dict[str, Any], path: Path, reading: Reader) -> Any:
    fitting = [(fields, member) for member in members if (fields := _field_types(member))]
    if fitting:
        for _, each in fitting:
            reading.expect(path, raw, _names(each))
        _, member = max(fitting, key=lambda pair: _fit(pair[0], raw))
        return _fields(member, raw, path, reading)
    for member in members:
        args = typing.get_args(member)
        if typing.get_origin(member) in _MAPPINGS and len(args) == 2:
            return {
                key: read_typed(args[1], item, (*path, key), reading) for key, item in raw.items()
            }
    return None


def _names(member: Any) -> list[str]:
    return known_names(member) if _is_kind(member, BaseModel) else list(_field_types(member))


def _fit(fields: dict[str, Any], raw: dict[str, Any]) -> tuple[int, int]:
    """Score how well a class fits: by tags (fields with one allowed value), then by names."""
    return _tags(fields, raw), sum(1 if name in fields else -1 for name in raw)


def _tags(fields: dict[str, Any], raw: dict[str, Any]) -> int:
    return sum(
        1 if raw[name] in map(_raw_member, typing.get_args(kind)) else -1
        for name, kind in fields.items()
        if name in raw and typing.get_origin(kind) is Literal
    )


def _tag_fit(member: Any, raw: Any) -> int:
    return _tags(_field_types(member), raw) if isinstance(raw, dict) else 0


def _field_types(member: Any) -> dict[str, Any]:
    """Return the fields of a class by the names that config uses."""
    origin = typing.get_origin(member) or member
    if _is_kind(member, BaseModel):
        return {
            name: _unwrapped(info.annotation)
            for key, info in member.model_fields.items()
            for name in field_names(key, info, takes_names(member)) or [key]
        }
    if hasattr(origin, "__pydantic_fields__"):  # a dataclass of pydantic's
        return {name: field_type(info) for name, info in origin.__pydantic_fields__.items()}
    if dataclasses.is_dataclass(origin) or is_typeddict(origin):
        return typing.get_type_hints(origin, include_extras=True)
    return {}


def _fields(member: Any, raw: dict[str, Any], path: Path, reading: Reader) -> dict[str, Any]:
    types_by_name = _field_types(member)
    known = _names(member)
    for key in [key for key in raw if key not in known]:
        for name in near(key, types_by_name):  # Probably a mistyped field.
            read_typed(types_by_name[name], raw[key], (*path, key), reading.quietly())
    raw = {
        key: item if key in known else read_open(item, (*path, key), reading)
        for key, item in raw.items()
    }
    if not _is_kind(member, BaseModel):
        return {
            key: read_typed(types_by_name.get(key, Any), item, (*path, key), reading)
            for key, item in raw.items()
        }
    ready = dict(raw)
    for key, info in member.model_fields.items():
        _field(member, key, info, ready, path, reading)
    return ready


def _field(
    model: type[BaseModel],
    key: str,
    info: FieldInfo,
    ready: dict[str, Any],
    path: Path,
    reading: Reader,
) -> None:
    names = field_names(key, info, takes_names(model))
    given = next((name for name in names if name in ready), None)
    annotation = field_type(info)
    if given is not None and ready[given] is None and info.default is None:
        # `x: int = None`: an explicit null is the same as no value.
        if not takes_none(info):
            del ready[given]
    elif given is None and (way := _way_given(info, ready)):
        value = read_typed(annotation, value_at(ready, way), (*path, *way), reading)
        ready |= _with(ready, way, value)
    elif given is not None:
        ready[given] = read_typed(annotation, ready[given], (*path, given), reading)
    elif names and holds_env(info.default):  # A default that is read when the run is set up.
        ready[names[0]] = read_typed(annotation, plain(info.default), (*path, names[0]), reading)


def _way_given(info: FieldInfo, raw: dict[str, Any]) -> list[str | int] | None:
    """Return the path at which raw config gives a field with an `AliasPath`, or None."""
    return next((way for way in field_paths(info) if value_at(raw, way) is not NOTHING), None)


def _with(raw: Any, way: Sequence[str | int], value: Any) -> Any:
    """Return a copy of the raw value with another value at a path."""
    if not way:
        return value
    made = copy.copy(raw)
    made[way[0]] = _with(raw[way[0]], way[1:], value)
    return made
