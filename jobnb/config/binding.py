"""Bind raw config to values, or raise one error that lists everything wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError, to_json

from jobnb.config.env import holds_env
from jobnb.config.models import Section, annotation_of, model_of, settled, tree_of
from jobnb.config.plain import field_type, plain, plain_field
from jobnb.config.reading import ConfigFindings, read_raw
from jobnb.config.run_config import SECTIONS, raw_config
from jobnb.config.schema import NOTHING, ConfigField, Schema, Typed, schema_of
from jobnb.config.validation_problems import problems_of
from jobnb.errors import (
    ConfigMappingFunctionError,
    InvalidConfigDefinitionError,
    InvalidConfigError,
    Problem,
)

_Prefix = tuple[str, ...]
_LONE = re.compile("[\ud800-\udfff]")


class BoundConfig(dict[str, Any]):
    """The values of a whole run config, sections as dictionaries.

    Attributes:
        stored: The raw config as stored in the history: secrets and variables by name.
    """

    stored: dict[str, Any]

    def __init__(self, values: Any, stored: dict[str, Any]) -> None:
        super().__init__(values)
        self.stored = stored

    def at(self, *path: str, default: Any = None) -> Any:
        """Return the value at a path of sections, or the default where there is none.

        Example:
            >>> BoundConfig({"ops": {"load": {"config": 3}}}, {}).at("ops", "load", "config")
            3
        """
        here: Any = self
        for name in path:
            if not isinstance(here, dict) or name not in here:
                return default
            here = here[name]
        return here


def bind(tree: Section | type[BaseModel], raw: Any = None, what: str = "the run") -> BoundConfig:
    """Validate a whole run config and return its values.

    Args:
        tree: What it may hold.
        raw: A mapping, a `RunConfig` or None.
        what: Whose config it is, for the error: "job 'daily'".

    Returns:
        The values, with defaults filled in, variables read, and the config to store.

    Raises:
        InvalidConfigError: With every problem: its path, its value, what is allowed.

    Example:
        >>> tree = Section({"ops": Section({"load": Section({"config": schema_of({"n": int})})})})
        >>> bind(tree, {"ops": {"load": {"config": {"n": 3}}}}).at("ops", "load", "config")
        {'n': 3}
    """
    try:
        given = raw_config(raw)
    except InvalidConfigError as error:
        raise _refused(what, error.problems, error) from None
    if not isinstance(tree, Section):
        sections = tree_of(tree)
        if sections is None:
            return BoundConfig(*_bound(Typed(tree), given, (), what))
        tree = sections
    given = {name: part for name, part in given.items() if part or not _may_lack(tree, name)}
    if tree.silent and not any(given.values()) and given.keys() <= tree.fields.keys():
        return BoundConfig({}, given)
    model_of("RunConfig", tree)  # The root of the model gets this name.
    return BoundConfig(*_bound(tree, given, (), what))


def _may_lack(tree: Section, name: str) -> bool:
    """Whether a part is one of a `RunConfig`'s that this schema does not have."""
    return name in SECTIONS and name not in tree.fields


def bind_value(schema: Any, raw: Any = NOTHING, path: _Prefix = (), what: str = "") -> Any:
    """Validate a single config value and return it.

    Args:
        schema: A field as `schema_of` makes it, or anything that it reads; None accepts anything.
        raw: The raw value; where it is left out, the default.
        path: Where the value is, for the error.
        what: Whose config it is, for the error.

    Raises:
        InvalidConfigError: With every problem.

    Example:
        >>> bind_value([float], [1, 2.5])
        [1.0, 2.5]
    """
    field = schema_of(schema)
    if field is None:
        return None if raw is NOTHING else raw
    if isinstance(raw, BaseModel) and raw.__class__ is getattr(field.schema, "annotation", None):
        raw = plain(raw)
    if raw is NOTHING:
        raw = field.raw_default
        if raw is NOTHING:
            if not field.is_required:
                return None
            problem = Problem(path, "is required.", None, "missing")
            raise _refused(what, (problem,), None)
    return _bound(field.schema, _plain(raw, path, what), path, what)[0]


def _plain(raw: Any, path: _Prefix, what: str) -> Any:
    try:
        return plain(raw, path)
    except InvalidConfigError as error:
        raise _refused(what, error.problems, error) from None


def _bound(schema: Schema, raw: Any, path: _Prefix, what: str) -> tuple[Any, Any]:
    reading = ConfigFindings()
    ready = read_raw(schema, raw, (), reading)
    stored = reading.stored(raw)
    problems = list(reading.problems)
    value: Any = None
    try:
        text = to_json(ready)
    except PydanticSerializationError:
        raise _refused(what, tuple(_placed(path, [*problems, *_halves(ready, ())])), None) from None
    try:
        value = settled(_adapter(schema, what).validate_json(text, strict=True))
    except ValidationError as error:
        found = problems_of(error, ready, stored, reading)
        problems.extend(map(reading.masked_problem, _new(found, problems)))
    except (ConfigMappingFunctionError, InvalidConfigDefinitionError):
        raise
    except Exception as error:  # noqa: BLE001 - a user's validator may raise anything
        told = reading.masked(str(error))
        raise InvalidConfigError(
            f"A validator of {_config_of(what)} raised {type(error).__name__}: {told}."
        ) from (None if reading.secrets else error)  # The traceback would show the secrets.
    if problems:
        raise _refused(what, tuple(_placed(path, problems)), None)
    return value, stored


def _placed(path: _Prefix, problems: list[Problem]) -> Iterator[Problem]:
    return (Problem((*path, *p.path), p.message, p.value, p.kind) for p in problems)


def _halves(raw: Any, path: _Prefix) -> Iterator[Problem]:
    """Find the texts that UTF-8 cannot encode."""
    if isinstance(raw, dict):
        for key, inner in raw.items():
            name = str(key).encode(errors="backslashreplace").decode()
            yield from _halves(key, (*path, name))
            yield from _halves(inner, (*path, name))
    elif isinstance(raw, list):
        for index, inner in enumerate(raw):
            yield from _halves(inner, (*path, str(index)))
    elif isinstance(raw, str) and _LONE.search(raw):
        yield Problem(path, "holds half a character (a lone surrogate), which cannot be stored.")


def _new(found: Any, known: list[Problem]) -> list[Problem]:
    """Return the problems that do not merely follow from a known one at or above their place."""
    places = {problem.path for problem in known}
    return [
        problem
        for problem in found
        if not any(problem.path[: n + 1] in places for n in range(-1, len(problem.path)))
    ]


def _adapter(schema: Schema, what: str) -> TypeAdapter[Any]:
    made: TypeAdapter[Any] | None = schema.__dict__.get("_adapter")
    if made is None:
        try:
            made = schema.__dict__["_adapter"] = TypeAdapter(annotation_of(schema))
            made.rebuild()
        except (PydanticUserError, PydanticUndefinedAnnotation) as error:
            schema.__dict__.pop("_adapter", None)
            raise InvalidConfigDefinitionError(
                f"The class of {_config_of(what)} cannot be used: {str(error).splitlines()[0]}"
            ) from error
    return made


def without_secrets(schema: Any, raw: Any) -> Any:
    """Return a raw config as it may be stored and shown, secrets by name; it may be invalid.

    Args:
        schema: What it may hold: a `Section`, or a field as `schema_of` makes it.
        raw: The raw config.

    Example:
        >>> from pydantic import SecretStr
        >>> from jobnb.config import Config
        >>> Login = type("Login", (Config,), {"__annotations__": {"door_code": SecretStr}})
        >>> without_secrets(Login, {"door_code": 48151623, "user": "me"})
        {'door_code': {'env': 'secret:door_code'}, 'user': 'me'}
    """
    field = schema if isinstance(schema, Section) else schema_of(schema)
    if field is None:
        return raw
    reading = ConfigFindings()
    read_raw(field if isinstance(field, Section) else field.schema, raw, (), reading)
    return reading.stored(raw)


def _refused(
    what: str, problems: tuple[Problem, ...], error: InvalidConfigError | None
) -> InvalidConfigError:
    subject = "T" + _config_of(what)[1:]
    if error is not None and not problems:
        return InvalidConfigError(f"{subject} cannot be used. {error}")
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidConfigError(f"{subject} has {count}:", problems)


def _config_of(what: str) -> str:
    return f"the config of {what}" if what else "the config"


ModelT = TypeVar("ModelT", bound=BaseModel)


def resolved(config: ModelT, path: tuple[str, ...] = (), what: str | None = None) -> ModelT:
    """Return the config with its variables read and its validators run.

    Raises:
        InvalidConfigError: If a variable is not set, or its value does not fit.

    Example:
        >>> from jobnb.config import Config
        >>> class Login(Config):
        ...     user: str
        >>> me = Login(user="me")
        >>> resolved(me) is me
        True
    """
    if not holds_env(config):
        return config
    made: ModelT = bind_value(type(config), config, path, what or type(config).__name__)
    return made


def resolve_fields(
    model: BaseModel, path: tuple[str, ...] = (), what: str | None = None
) -> dict[str, Any]:
    """Return the values of the fields that hold variables, read from the environment.

    For objects whose fields are not all config, such as resources that hold resources.

    Raises:
        InvalidConfigError: If variables are not set, or their values do not fit; lists every
            problem.
    """
    what = what or type(model).__name__
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if not holds_env(value):
            continue
        field, value = ConfigField(Typed(field_type(info))), plain_field(model, name)
        try:
            values[name] = bind_value(field, value, (*path, name), what)
        except InvalidConfigError as error:
            if not error.problems:
                raise
            problems += error.problems
    if problems:
        raise _refused(what, tuple(problems), None)
    return values
