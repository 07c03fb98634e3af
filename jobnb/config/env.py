"""Environment variables and secrets: values that a config refers to by name only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Self

_SECRET = "secret:"  # noqa: S105 (a prefix of names)
_OPEN = "$"  # Marks the name of a variable in a place that takes any value.
# The secrets of this process; the stored config has only their names.
_SECRETS: dict[str, Any] = {}


class EnvVar(str):
    """An environment variable used as a config value.

    It is read when a run (or a resource) is set up, never before; the stored config holds the
    name only.

    Args:
        name: The name of the variable.

    Example:
        >>> EnvVar("JOBNB_NOT_SET").get_value("nothing")
        'nothing'

    Source: Dagster's `EnvVar`.
    """

    __slots__ = ()

    @classmethod
    def int(cls, name: str) -> IntEnvVar:
        """Return a variable that holds an integer."""
        return IntEnvVar(name)

    @property
    def env_var_name(self) -> str:
        """The name of the variable."""
        return str.__str__(self)

    def get_value(self, default: str | None = None) -> str | None:
        """Read the variable, or return the default where it is not set."""
        return _environment(self.env_var_name, default)

    def __repr__(self) -> str:
        return f"EnvVar({self.env_var_name!r})"


class IntEnvVar(int):
    """An environment variable that holds an integer; created by `EnvVar.int`."""

    name: str

    def __new__(cls, name: str) -> Self:
        """Return the variable of that name; as a number it is 0 until it is read."""
        made = super().__new__(cls, 0)
        made.name = name
        return made

    @property
    def env_var_name(self) -> str:
        """The name of the variable."""
        return self.name

    def get_value(self, default: int | None = None) -> int | None:
        """Read the variable, or return the default where it is not set.

        Raises:
            ValueError: If it holds no integer.
        """
        text = _environment(self.name)
        return default if text is None else int(text)

    def __reduce__(self) -> tuple[type[IntEnvVar], tuple[str]]:
        return IntEnvVar, (self.name,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IntEnvVar) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"EnvVar.int({self.name!r})"


def env_name(raw: Any) -> str | None:
    """Return the variable that `{"env": "X"}` or `EnvVar("X")` names; None for other values."""
    if isinstance(raw, (EnvVar, IntEnvVar)):
        return raw.env_var_name
    if isinstance(raw, dict) and len(raw) == 1:
        name = raw.get("env")
        return name if isinstance(name, str) else None
    return None


def reference(variable: EnvVar | IntEnvVar, in_open: bool) -> dict[str, str]:
    """Return a variable as raw config.

    Args:
        variable: The variable.
        in_open: Whether the place takes any value. There `{"env": "X"}` is a value itself, so
            the name is marked, with the type to convert to.
    """
    if not in_open:
        return {"env": variable.env_var_name}
    kind = ":int" if isinstance(variable, IntEnvVar) else ""
    return {"env": f"{_OPEN}{variable.env_var_name}{kind}"}


def is_marked(name: str) -> bool:
    """Whether a name is marked as a variable's or secret's in any place."""
    return name.startswith((_OPEN, _SECRET))


def kinds_of(name: str, kinds: tuple[type, ...] = ()) -> tuple[type, ...]:
    """Return the types to convert a marked variable's text to."""
    return kinds or ((int,) if name.endswith(":int") else (str,))


def _bare(name: str) -> str:
    return name[len(_OPEN) :].removesuffix(":int") if name.startswith(_OPEN) else name


def holds_env(value: Any) -> bool:
    """Whether an `EnvVar` is in a value, at any depth of lists, mappings and models."""
    if isinstance(value, (EnvVar, IntEnvVar)):
        return True
    if isinstance(value, Mapping):
        return any(holds_env(inner) for inner in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(holds_env(inner) for inner in value)
    if hasattr(type(value), "__pydantic_fields__"):
        extra = getattr(value, "__pydantic_extra__", None) or {}
        return any(holds_env(inner) for inner in (*vars(value).values(), *extra.values()))
    return False


def env_names(value: Any) -> Iterator[str]:
    """Iterate over the variables that a value names, at any depth; one may come several times.

    Example:
        >>> list(env_names({"url": {"env": "DB_URL"}, "ports": [EnvVar.int("DB_PORT"), 1]}))
        ['DB_URL', 'DB_PORT']
    """
    inner: Any = ()
    if (name := env_name(value)) is not None:
        yield name
    elif isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = value
    elif hasattr(type(value), "__pydantic_fields__"):
        inner = (
            *vars(value).values(),
            *(getattr(value, "__pydantic_extra__", None) or {}).values(),
        )
    for each in inner:
        yield from env_names(each)


def look_up(name: str) -> Any:
    """Return a variable's text, or a secret of this process as it was given; None if unknown."""
    return _SECRETS.get(name) if name.startswith(_SECRET) else _environment(_bare(name))


def _environment(name: str, default: str | None = None) -> str | None:
    try:
        return os.environ.get(name, default)
    except UnicodeEncodeError:  # The system cannot have a variable of that name.
        return default


def keep_secret(where: str, value: Any) -> dict[str, str]:
    """Keep a secret in this process and return a reference to it, which is what gets stored."""
    name, number = _SECRET + where, 1
    while _comparable(_SECRETS.setdefault(name, value)) != _comparable(value):
        number += 1
        name = f"{_SECRET}{where}#{number}"
    return {"env": name}


def _comparable(value: Any) -> tuple[type, Any]:
    return type(value), value  # 1 and True are equal as keys.


def shown_name(name: str) -> str:
    """Name a variable or a secret in a message."""
    if name.startswith(_SECRET):
        return f"the secret {name.removeprefix(_SECRET)!r}"
    return f"the environment variable {_bare(name)!r}"


def anonymous(value: Any) -> Any:
    """Replace all secrets by the same mark, so that neither value nor source shows."""
    if isinstance(value, dict):
        name = env_name(value)
        if name is not None and name.startswith(_SECRET):
            return {"env": "a secret"}
        return {key: anonymous(inner) for key, inner in value.items()}
    return [anonymous(each) for each in value] if isinstance(value, list) else value
