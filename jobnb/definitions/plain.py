"""Convert values to plain Python: numpy's scalars, and whatever JSON can hold."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from jobnb.errors import InvalidConfigDefinitionError, InvalidDefinitionError

_HALF = re.compile("[\ud800-\udfff]")


def is_text(value: Any) -> bool:
    """Whether a value is text that can be stored, without NUL or lone surrogates."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return value.isascii() or _HALF.search(value) is None


def check_text(value: Any, what: str) -> None:
    """Check that a value, if there is any, is text that can be stored.

    Raises:
        InvalidDefinitionError: If it is not.
    """
    if value is not None and not is_text(value):
        raise InvalidDefinitionError(f"{what} is text, not {value!r}{ill_text(value)}.")


def ill_text(value: Any) -> str:
    """Return why a text cannot be stored, as the end of a sentence."""
    if not isinstance(value, str):
        return ""
    return (
        ", with a NUL in it"
        if "\0" in value
        else (", with half a character (a lone surrogate) in it")
    )


def plain_scalar(value: Any) -> Any:
    """Convert a numpy scalar to Python; return anything else unchanged."""
    if (
        type(value).__module__ == "numpy"
        and hasattr(value, "item")
        and not hasattr(value, "__len__")
    ):
        plain = value.item()
        # datetime64 in nanoseconds becomes an int here, which would lose its meaning.
        return value if isinstance(plain, int) and "datetime64" in type(value).__name__ else plain
    return value


def plain_verdict(value: Any) -> Any:
    """Convert numpy's booleans, also zero-dimensional arrays, to Python's."""
    of_numpy = type(value).__module__ == "numpy" and value.ndim == 0
    return value.item() if of_numpy else value


def plain_data(data: Any, leaves: tuple[type, ...] = ()) -> Any:
    """Copy `data` as plain lists, dicts with string keys, and scalars.

    Raises:
        InvalidDefinitionError: If something in it cannot be JSON.
    """
    data = plain_scalar(data)
    if data is None or isinstance(data, (str, int, float, *leaves)):
        return data
    if isinstance(data, Mapping):
        return {_json_key(key): plain_data(value, leaves) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain_data(item, leaves) for item in data]
    raise InvalidDefinitionError(
        f"JSON cannot say {type(data).__name__} {data!r:.80}: turn it into text, a number, "
        "a list or a dict first."
    )


def _json_key(key: Any) -> str:
    key = plain_scalar(key)
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key)
    raise InvalidDefinitionError(f"JSON names things by text, not by {key!r}.")


def check_tags(tags: Mapping[str, Any] | None, owner: str) -> Mapping[str, str]:
    """Return tags as strings; other values are written as JSON, as in Dagster.

    Raises:
        InvalidDefinitionError: If they are no dict, a name is no text, or a value cannot be JSON.
    """
    if tags is None or tags == {}:
        return {}
    if not isinstance(tags, Mapping):
        raise InvalidDefinitionError(
            f"The tags of {owner} are {tags!r}. Give a dict of names and values."
        )
    checked: dict[str, str] = {}
    for key, value in tags.items():
        if not isinstance(key, str):
            raise InvalidDefinitionError(
                f"A tag of {owner} is named {key!r}, which is no text. Give {str(key)!r}, say."
            )
        try:
            text = value if isinstance(value, str) else json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            raise InvalidDefinitionError(
                f"The tag {key!r} of {owner} has a value that cannot be JSON: {value!r}. "
                "Give a string."
            ) from None
        if not (is_text(key) and is_text(text)):
            raise InvalidDefinitionError(
                f"The tag {key!r} of {owner} cannot be stored: it or its value {value!r} holds "
                "a NUL or half a character (a lone surrogate)."
            )
        checked[key] = text
    return checked


def require(owner: Any, field: str, type_: type, words: str) -> None:
    """Convert a field of a struct to a plain value of a type; a bool is no number.

    Raises:
        InvalidDefinitionError: If it is of another type.
    """
    value = plain_scalar(getattr(owner, field))
    if isinstance(value, os.PathLike) and words == "a path":
        value = os.fspath(value)
    if type_ is float and type(value) is int:
        value = float(value)
    if not isinstance(value, type_) or (type(value) is bool and type_ is not bool):
        raise InvalidDefinitionError(f"{type(owner).__name__} holds {words}, not {value!r}.")
    msgspec.structs.force_setattr(owner, field, value)


def docstring(described: Any) -> str | None:
    r"""Return the docstring of a function or class without its indentation, or None.

    Example:
        >>> def load():
        ...     '''Load it.
        ...
        ...     Twice.
        ...     '''
        >>> docstring(load)
        'Load it.\n\nTwice.'
    """
    text: str | None = getattr(described, "__doc__", None)
    return inspect.cleandoc(text) if text else None


def checked_schema(given: Any, what: str) -> Any:
    """Return a config schema, if it is one: it is read where it is written, not at the first run.

    Raises:
        InvalidConfigDefinitionError: If it is none.
    """
    if given is None:
        return None
    from jobnb.config import schema_of  # brings pydantic along

    try:
        schema_of(given)
    except InvalidConfigDefinitionError as error:
        raise InvalidConfigDefinitionError(f"The config schema of {what}: {error}") from None
    return given
