"""Turn Python values into plain, JSON-ready dictionaries, as config is stored: models by alias."""

from __future__ import annotations

import datetime as dt
import enum
import math
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AliasChoices, BaseModel, RootModel
from pydantic import Field as PydanticField
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_jsonable_python

from jobnb.config.env import EnvVar, IntEnvVar, keep_secret, reference
from jobnb.config.schema import NOTHING
from jobnb.errors import InvalidConfigError, Problem

# --- models, by the aliases of their fields --------------------------------------------


def field_names(name: str, info: FieldInfo, by_name: bool = False) -> list[str]:
    """Return the names under which raw config may give a model's field, the preferred one first."""
    names = [str(path[0]) for path in _paths(info) if len(path) == 1]
    return [*names, name] if by_name or not _paths(info) else names


def by_field_name(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by the names of a model's fields, where some were given by alias."""
    aliases = {
        alias: name
        for name, info in model.model_fields.items()
        for alias in field_names(name, info)
        if alias not in model.model_fields
    }
    return {aliases.get(name, name): value for name, value in data.items()}


def field_path(name: str, info: FieldInfo) -> list[str | int]:
    """Return where raw config gives a field: its name, or a path for one with an `AliasPath`."""
    return (_paths(info) or [[name]])[0]


def field_paths(info: FieldInfo) -> list[list[str | int]]:
    """Return the deeper places where raw config may give a field with an `AliasPath`."""
    return [path for path in _paths(info) if len(path) > 1]


def _paths(info: FieldInfo) -> list[list[str | int]]:
    alias = info.validation_alias if info.validation_alias is not None else info.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [
        [choice] if isinstance(choice, str) else choice.path
        for choice in choices
        if choice is not None
    ]


def known_names(model: type[BaseModel]) -> list[str]:
    """Return every name that raw config of a model may have at its top."""
    names: list[str] = []
    for name, info in model.model_fields.items():
        names += [str(path[0]) for path in _paths(info)]
        names += [name] if takes_names(model) or not _paths(info) else []
    return names


def takes_names(model: type[BaseModel]) -> bool:
    """Whether raw config may give aliased fields by their own names too."""
    config = model.model_config
    return bool(config.get("populate_by_name") or config.get("validate_by_name"))


def field_name(name: str, info: FieldInfo) -> str:
    """Return the name under which raw config gives a field."""
    return str(field_path(name, info)[0])


def field_type(info: FieldInfo) -> Any:
    """Return the whole type of a field, bounds and discriminators included."""
    extra = list(info.metadata)
    if info.discriminator is not None:
        extra.append(PydanticField(discriminator=info.discriminator))
    annotation: Any = info.annotation
    for note in extra:
        annotation = Annotated[annotation, note]
    return annotation


Path = tuple[str, ...]
DEEPEST = 100  # The deepest nesting of mappings and lists; pydantic reads no deeper than 200.
MOST_DIGITS = 4300  # The most digits that Python parses in an integer.
TOO_BIG = 10**MOST_DIGITS


class _Findings(list[Problem]):
    """Collects the values that cannot be stored.

    Attributes:
        whole: Whether objects are written with their defaults.
        is_default: Whether a default is being written; secrets are left out of it.
        is_open: Whether the place takes any value: fields without a name or type.
    """

    def __init__(self, whole: bool, is_default: bool = False, is_open: bool = False) -> None:
        super().__init__()
        self.whole, self.is_default, self.is_open = whole, is_default, is_open


def plain(value: Any, path: Path = (), *, whole: bool = False) -> Any:
    """Return a value as JSON: dates as ISO text, enums by name, models as mappings.

    Secrets and environment variables become `{"env": NAME}`.

    Args:
        value: The value.
        path: Where it is, for errors.
        whole: Whether models are written with all fields that are not None, instead of only with
            those that were given.

    Raises:
        InvalidConfigError: If something in it cannot be stored; lists every place.

    Example:
        >>> plain({"day": dt.date(2013, 1, 31), "codes": ("JFK", "LGA")})
        {'day': '2013-01-31', 'codes': ['JFK', 'LGA']}
    """
    problems = _Findings(whole)
    made = _plain(value, path, problems)
    if problems:
        raise InvalidConfigError("This cannot be kept as config:", problems)
    return made


def plain_model(model: BaseModel) -> dict[str, Any]:
    """Return the fields that a model was given, JSON-ready, under the names that config uses."""
    made: dict[str, Any] = plain(model)
    return made


def plain_config(config: Any) -> Any:
    """Return config that was read as plain mappings and values, under the names that config uses.

    As in Dagster, fields that are None and were not given are left out of `Config` objects, their
    enums are values, and a member of a discriminated union is `{kind: fields}`.

    Args:
        config: A value, or a `Config` object with all its fields.
    """
    return _each_plain(config)


def _plain_model(config: BaseModel) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, info in type(config).model_fields.items():
        value = getattr(config, name)
        if value is None and info.default is None and name not in config.model_fields_set:
            continue
        made[field_name(name, info)] = _by_kind(value, info) or _without_members(value)
    return {**made, **_without_members(config.model_extra or {})}


def _by_kind(value: Any, info: FieldInfo) -> dict[str, Any] | None:
    """Return a member of a discriminated union by its kind; None if it is none."""
    tag = info.discriminator
    if not isinstance(tag, str) or not isinstance(value, BaseModel):
        return None
    inner = _plain_model(value)
    kind = inner.pop(field_name(tag, type(value).model_fields[tag]))
    return {str(kind): inner}


def _without_members(value: Any) -> Any:
    """Return a value of a model's field with the values of enums in place of their members."""
    return value.value if isinstance(value, enum.Enum) else _each_plain(value, _without_members)


def _each_plain(value: Any, inner: Callable[[Any], Any] = plain_config) -> Any:
    if isinstance(value, RootModel):
        return inner(value.root)
    if isinstance(value, BaseModel):
        return _plain_model(value)
    if isinstance(value, Mapping):
        return {name: inner(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [inner(each) for each in value]
    return value


def plain_field(model: BaseModel, name: str) -> Any:
    """Return one field of a model, JSON-ready.

    Raises:
        InvalidConfigError: If it cannot be.
    """
    problems = _Findings(whole=False, is_open=name in _open_fields(type(model)))
    made = _field(model, name, (name,), problems)
    if problems:
        raise InvalidConfigError("This cannot be kept as config:", problems)
    return made


def _plain(value: Any, path: Path, problems: _Findings) -> Any:
    if isinstance(value, (EnvVar, IntEnvVar)):
        return reference(value, problems.is_open)
    if isinstance(value, enum.Enum):  # A combination of flags is no member and has no name.
        named = value.name in type(value).__members__
        return value.name if named else _plain(value.value, path, problems)
    if value is None or isinstance(value, (bool, int, float, str)):
        return _exact(value, path, problems)
    if len(path) > DEEPEST:  # Raised at once: a value within itself has no end.
        problem = Problem(path[:3], f"is nested more than {DEEPEST} deep, or is within itself.")
        raise InvalidConfigError("This cannot be kept as config:", (problem,))
    if isinstance(value, BaseModel):
        return _model(value, path, problems)
    if isinstance(value, Mapping):
        return _mapping(value, path, problems)
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [_plain(inner, (*path, str(i)), problems) for i, inner in enumerate(items)]
    return _leaf(value, path, problems)


def _exact(value: Any, path: Path, problems: _Findings) -> Any:
    """Return the value without its subclass, so that YAML and JSON write it."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            if kind is int and abs(int(value)) >= TOO_BIG:
                problems.append(Problem(path, f"has more than {MOST_DIGITS:,} digits."))
            return value if type(value) is kind else kind(value)
    return value


def _mapping(value: Mapping[Any, Any], path: Path, problems: _Findings) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, inner in value.items():
        text = key_text(key)
        if text in made:
            problems.append(Problem((*path, text), "is a key that is given twice."))
        made[text] = _plain(inner, (*path, text), problems)
    return made


def key_text(key: Any) -> str:
    """Return a key of a mapping as the text that config has for it."""
    if isinstance(key, enum.Enum):
        return str(key.name)
    if isinstance(key, bool):
        return str(key).lower()
    return str(_leaf(key, (), _Findings(whole=False)))


def _model(model: BaseModel, path: Path, problems: _Findings) -> Any:
    kind = type(model)
    if "root" in kind.model_fields and getattr(kind, "__pydantic_root_model__", False):
        return _plain(model.root, path, problems)  # type: ignore[attr-defined]
    made: dict[str, Any] = {}
    marks = _marks(kind)
    for name, info in kind.model_fields.items():
        given, way = name in model.model_fields_set or name in marks, field_path(name, info)
        if given or (problems.whole and getattr(model, name) is not None):
            is_open = name in _open_fields(kind)
            found = _Findings(problems.whole, problems.is_default or not given, is_open)
            value = _field(model, name, (*path, *map(str, way)), found)
            if not found:
                _put(made, way, value)
            elif given:  # A default that cannot be written is left out.
                problems.extend(found)
    more = _Findings(problems.whole, problems.is_default, is_open=True)
    for name, value in (model.__pydantic_extra__ or {}).items():
        made[name] = _plain(value, (*path, name), more)
    problems.extend(more)
    return made


@lru_cache(maxsize=1024)
def _open_fields(kind: type[BaseModel]) -> frozenset[str]:
    """Return the fields whose types take any value."""
    return frozenset(name for name, i in kind.model_fields.items() if _is_open(i.annotation))


def _is_open(annotation: Any) -> bool:
    bare = (Any, object, dict, list, tuple, set, frozenset, Mapping, Sequence)
    return annotation in bare or any(map(_is_open, get_args(annotation)))


@lru_cache(maxsize=1024)
def _marks(kind: type[BaseModel]) -> frozenset[str]:
    """Return the fields that tell a class from others in a union; always written."""
    return frozenset(
        name
        for name, info in kind.model_fields.items()
        if get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1
    )


def _put(made: Any, way: Sequence[str | int], value: Any) -> None:
    """Set the value at a path, creating the containers on the way."""
    for part, below in pairwise(way):
        made = _within(made, part, [] if isinstance(below, int) else {})
    _within(made, way[-1], value)


def _within(made: Any, part: str | int, value: Any) -> Any:
    if isinstance(part, int):
        made.extend([None] * (part + 1 - len(made)))
        made[part] = value if made[part] is None else made[part]
        return made[part]
    return made.setdefault(part, value)


def _field(model: BaseModel, name: str, path: Path, problems: _Findings) -> Any:
    value = getattr(model, name)
    if hasattr(
        type(value), "get_secret_value"
    ):  # Looked up on the class: a mock has every attribute.
        return _secret(value, f"{type(model).__name__}.{name}", path, problems)
    found = _Findings(problems.whole, problems.is_default, problems.is_open)
    made = _plain(value, path, found)
    if not found or problems.is_default:
        problems.extend(found)
        return made
    try:  # The user's own type with a serializer of its own.
        dumped = model.model_dump(mode="json", include={name}, warnings=False)
        return dumped[name]
    except PydanticSerializationError:
        problems.extend(found)
        return None


def _secret(value: Any, name: str, path: Path, problems: _Findings) -> Any:
    """Return a secret by name."""
    found = _Findings(whole=False)
    made = _plain(value.get_secret_value(), path, found)
    if not found and not problems.is_default:
        return keep_secret(name, made)
    problems.append(Problem(path, "is a secret that cannot be written as JSON."))
    return None


def _leaf(value: Any, path: Path, problems: _Findings) -> Any:
    if hasattr(type(value), "get_secret_value"):
        return _secret(value, ".".join(path) or "value", path, problems)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return str(value)
    kind = type(value)
    if hasattr(kind, "dtype") and hasattr(kind, "tolist"):  # NumPy's scalars and arrays
        return _plain(value.tolist(), path, problems)
    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, UnicodeDecodeError):
        problems.append(Problem(path, f"cannot be written as JSON: {_short(value)}.", value))
        return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def value_at(raw: Any, path: Sequence[str | int]) -> Any:
    """Return the value at a path, or NOTHING."""
    for part in path:
        is_key = isinstance(raw, Mapping) and part in raw
        is_index = isinstance(raw, list) and isinstance(part, int) and part < len(raw)
        if not (is_key or is_index):
            return NOTHING
        raw = raw[part]
    return raw


def is_number(value: Any) -> bool:
    """Whether a raw value is a finite number (a bool is none)."""
    return type(value) in (int, float) and math.isfinite(value)
