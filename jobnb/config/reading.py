"""Prepare raw config for validation: defaults filled in and variables read.

The walk follows the schema, so that `{"env": "X"}` is a variable only where a scalar is expected.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

from jobnb.config.env import env_name, keep_secret, look_up, shown_name
from jobnb.config.models import Section, is_required
from jobnb.config.plain import plain
from jobnb.config.schema import (
    NOTHING,
    Array,
    ConfigField,
    Ignored,
    Map,
    Noneable,
    Permissive,
    Scalar,
    ScalarUnion,
    Schema,
    Selector,
    Shape,
    Typed,
)
from jobnb.config.typed_reading import as_scalar, near, read_open, read_typed
from jobnb.errors import Problem

Path = tuple[str | int, ...]


@dataclass(slots=True)
class ConfigFindings:
    """The findings of the walk: problems, the names known at a place, secrets to hide."""

    problems: list[Problem] = field(default_factory=list)
    known: dict[Path, list[str]] = field(default_factory=dict)
    choices: dict[Path, list[str]] = field(default_factory=dict)
    secrets: list[tuple[Path, dict[str, str]]] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    renamed: dict[Path, Path] = field(default_factory=dict)

    def problem(self, path: Path, message: str, value: Any, kind: str = "invalid") -> None:
        """Record a problem."""
        self.problems.append(Problem(self.shown(path), message, value, kind))

    def shown(self, path: Path) -> tuple[str, ...]:
        """Return the path in the raw config for a path in the prepared one, for a problem."""
        return tuple(map(str, self.given(path)))

    def expect(self, path: Path, raw: Mapping[str, Any], names: list[str]) -> None:
        """Record the known names of a place, if it was given an unknown one."""
        if any(name not in names for name in raw):
            self.known[path] = list(dict.fromkeys([*self.known.get(path, []), *names]))

    def hide(self, path: Path, value: Any) -> None:
        """Record a secret that was given by value: it is stored and shown by name."""
        self.texts |= set(_texts_in(value))
        self.secrets.append((path, keep_secret(".".join(map(str, path)) or "value", value)))

    def stored(self, raw: Any) -> Any:
        """Return the raw config with secrets by name."""
        if not self.secrets:
            return raw
        made = copy.deepcopy(raw)
        for path, name in self.secrets:
            made = _replaced(made, self.given(path), name)
        return made

    def given(self, path: Path) -> Path:
        """Return the path in the raw config for a path in the prepared one."""
        made = self.renamed.get((), ())
        for n, part in enumerate(path):
            made += self.renamed.get(path[: n + 1], (part,))
        return made

    def select(self, path: Path, name: str) -> None:
        """Record that the value at a path was given one level deeper, under its kind's name."""
        self.renamed[path] = (*self.renamed.get(path, path[-1:]), name)

    def unselected(self, path: Path, raw: dict[str, Any], names: list[str]) -> None:
        """Record that a mapping names none of the kinds, or several."""
        got = ", ".join(map(repr, raw)) or "none"
        one = ", ".join(map(repr, names))
        meant = near(next(iter(raw), ""), names) if len(raw) == 1 else []
        hint = f" Did you mean {meant[0]!r}?" if meant else ""
        message = f"must have exactly one of {one} (got {got}).{hint}"
        self.problem(path, message, None, "selector")

    def quietly(self) -> ConfigFindings:
        """Return a reading that only notes secrets, for values that are not validated."""
        return replace(self, problems=[], known={}, choices={})

    def masked(self, text: str) -> str:
        """Return a text without the values of secrets and variables that it quotes."""
        for secret in sorted(self.texts, key=len, reverse=True):
            # A short value can be part of any word.
            ends = "" if len(secret) >= _TELLING else r"\b"
            text = re.sub(ends + re.escape(secret) + ends, "***", text)
        return text

    def masked_problem(self, problem: Problem) -> Problem:
        """Return the problem without the values of secrets and variables."""
        tells = not self.texts.isdisjoint(_texts_in(problem.value))
        value = None if tells else problem.value
        return Problem(problem.path, self.masked(problem.message), value, problem.kind)

    def variable(self, path: Path, name: str, kinds: tuple[type, ...]) -> Any:
        """Read a variable, as the first of the types that can parse it."""
        text = look_up(name)
        if text is None:
            self.problem(path, _missing(name), {"env": name}, "missing_env")
            return None
        if name.startswith("secret:") or len(str(text)) >= _TELLING:
            self.texts |= set(_texts_in(text))
        value = as_scalar(text, kinds) if isinstance(text, str) else text
        if value is NOTHING:
            wanted = " or ".join(_WORDS[kind] for kind in kinds)
            message = f"needs {wanted}, but {shown_name(name)} holds something else."
            self.problem(path, message, {"env": name}, "invalid_env")
            return None
        return value


_TELLING = 4  # Shorter texts are no secrets, and occur in many words.
_WORDS = {int: "an integer", float: "a number", bool: "true or false", str: "text"}


def _replaced(raw: Any, way: Sequence[str | int], value: Any) -> Any:
    if not way:
        return value
    here = raw
    for part in way[:-1]:
        here = _step(here, part)
    if isinstance(here, (dict, list)) and _step(here, way[-1]) is not None:
        here[way[-1]] = value  # type: ignore[index]
    return raw


def _step(raw: Any, part: str | int) -> Any:
    try:
        return raw[part]
    except (KeyError, IndexError, TypeError):  # A default, which the raw config does not have.
        return None


def _texts_in(value: Any) -> Iterator[str]:
    """Iterate over the texts that a message could quote from a value."""
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)
    elif value is not None and not isinstance(value, bool):
        yield from filter(None, (str(value), repr(value)))


def _missing(name: str) -> str:
    if name.startswith("secret:"):
        return f"needs {shown_name(name)}, whose value is never stored. Give it again."
    return f"needs {shown_name(name)}, which is not set. Set it, or give a value."


@singledispatch
def read_raw(schema: Schema, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    """Prepare a raw value for the model of its schema; other schemas register theirs."""
    del schema  # Its contents are unknown.
    return read_open(raw, path, reading)


@read_raw.register
def _(schema: Scalar, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    name = env_name(raw)
    return raw if name is None else reading.variable(path, name, (schema.python_type,))


@read_raw.register
def _(schema: Typed, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    return read_typed(schema.annotation, raw, path, reading)


@read_raw.register
def _(schema: Ignored, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    read_raw(schema.inner, raw, path, reading.quietly())
    return raw


@read_raw.register
def _(schema: Array, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    if not isinstance(raw, list):
        return raw
    return [read_raw(schema.inner_type, item, (*path, i), reading) for i, item in enumerate(raw)]


@read_raw.register
def _(schema: Map, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    if not isinstance(raw, dict):
        return raw
    inner = schema.inner_type
    return {key: read_raw(inner, item, (*path, key), reading) for key, item in raw.items()}


@read_raw.register
def _(schema: Noneable, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    return None if raw is None else read_raw(schema.inner_type, raw, path, reading)


@read_raw.register
def _(schema: ScalarUnion, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    structure = schema.non_scalar_schema
    takes_env = isinstance(structure, Map) or "env" in getattr(structure, "fields", ())
    if isinstance(raw, (dict, list)) and (env_name(raw) is None or takes_env):
        return read_raw(structure, raw, path, reading)
    return read_raw(schema.scalar_type, raw, path, reading)


@read_raw.register
def _(schema: Shape, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    if not isinstance(raw, dict):
        return raw
    real = {alias: name for name, alias in schema.field_aliases.items()}
    given = {key if key not in real or real[key] in raw else real[key]: key for key in raw}
    if not isinstance(schema, Permissive):
        reading.expect(path, given, list(schema.fields))
    reading.renamed |= {(*path, name): (key,) for name, key in given.items() if name != key}
    ready = {name: raw[key] for name, key in given.items()}
    for name, branch in schema.fields.items():
        value = read_field(branch, ready.get(name, NOTHING), (*path, name), reading)
        if value is not NOTHING:
            ready[name] = value
    _guess(schema.fields, ready, path, reading)
    for name in [name for name in ready if name not in schema.fields]:
        ready[name] = read_open(ready[name], (*path, name), reading)
    return ready


@read_raw.register
def _(section: Section, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    if raw is None:  # A bare "ops:" in YAML is null.
        raw = {}
    if not isinstance(raw, dict):
        return raw
    reading.expect(path, raw, list(section.fields))
    _guess(section.fields, raw, path, reading)
    ready = dict(raw)
    for name, branch in section.fields.items():
        below = (*path, name)
        if isinstance(branch, Section):
            ready[name] = read_raw(branch, raw.get(name), below, reading)
            continue
        given = raw.get(name, _opened(branch) if is_required(branch) else NOTHING)
        value = read_field(branch, given, below, reading)
        if value is not NOTHING:
            ready[name] = value
    return ready


def _opened(branch: ConfigField) -> Any:
    """Return an empty mapping for a required field, so that each missing field in it is named."""
    schema = branch.schema
    has_fields = isinstance(schema, Shape) or hasattr(
        getattr(schema, "annotation", None), "model_fields"
    )
    return {} if has_fields else NOTHING


@read_raw.register
def _(schema: Selector, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    if not isinstance(raw, dict):
        return raw
    names = list(schema.fields)
    if not raw and schema.implied_default is not NOTHING:
        raw = {names[0]: schema.fields[names[0]].raw_default}
    reading.expect(path, raw, names)
    _guess(schema.fields, raw, path, reading)
    known = [name for name in raw if name in schema.fields]
    if len(raw) != 1 and (known or not raw):
        reading.unselected(path, raw, names)
    return {name: _choice(schema, name, raw[name], path, reading) for name in raw}


def _choice(schema: Selector, name: str, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    chosen = schema.fields.get(name)
    if chosen is None:
        return raw
    if (
        raw is None and chosen.raw_default is not NOTHING
    ):  # A bare "name:" selects it with its defaults.
        raw = plain(chosen.raw_default)
    return read_raw(chosen.schema, raw, (*path, name), reading)


def _guess(
    fields: Mapping[str, Section | ConfigField],
    raw: dict[str, Any],
    path: Path,
    reading: ConfigFindings,
) -> None:
    """Record the secrets under unknown names: one may be a mistyped field."""
    for key in [key for key in raw if key not in fields]:
        for name in near(key, fields):
            branch = fields[name]
            schema = branch if isinstance(branch, Section) else branch.schema
            read_raw(schema, raw[key], (*path, key), reading.quietly())


def read_field(branch: ConfigField, raw: Any, path: Path, reading: ConfigFindings) -> Any:
    """Prepare the raw value of a field (its default if none is given), or return NOTHING."""
    if raw is NOTHING:
        raw = branch.raw_default
        if raw is NOTHING:
            return NOTHING
        raw = plain(raw)
    return read_raw(branch.schema, raw, path, reading)
