"""Check what the user gives to a definition, where it is written: types, and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobnb.definitions.plain import is_text
from jobnb.errors import InvalidDefinitionError


def check_function(given: Any, name: str, owner: str, takes: str = "the context") -> Any:
    """Return a parameter that is a function, or None.

    Args:
        given: What the user gave.
        name: The parameter.
        owner: Whose it is, in words: `schedule 'daily'`.
        takes: What the function is called with.

    Raises:
        InvalidDefinitionError: If it is anything else.
    """
    if given is None or callable(given):
        return given
    raise InvalidDefinitionError(
        f"The {name} of the {owner} is {given!r}. Give a function that takes {takes}."
    )


def check_flag(given: Any, name: str, owner: str) -> bool:
    """Return a parameter that is True or False.

    Raises:
        InvalidDefinitionError: If it is anything else.

    Example:
        >>> check_flag(True, "monitor_all_repositories", "sensor 'tell'")
        True
    """
    if isinstance(given, bool):
        return given
    raise InvalidDefinitionError(f"{name} of the {owner} is {given!r}. Give True or False.")


def check_words(given: Any, name: str, owner: str) -> Any:
    """Return a parameter that is text, or None.

    Raises:
        InvalidDefinitionError: If it is anything else.
    """
    if given is None or is_text(given):
        return given
    raise InvalidDefinitionError(f"The {name} of the {owner} is {given!r}. Give text.")


def check_several(given: Any, name: str, owner: str, of: str) -> list[Any]:
    """Return the items of a parameter that is a list; none if it is None.

    Args:
        given: What the user gave.
        name: The parameter.
        owner: Whose it is, in words.
        of: What it is a list of.

    Raises:
        InvalidDefinitionError: If it is one thing, or one text.

    Example:
        >>> check_several(("load", "report"), "jobs", "sensor 'tell'", "jobs")
        ['load', 'report']
    """
    if given is None:
        return []
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping)):
        return list(given)
    raise InvalidDefinitionError(
        f"The {name} of the {owner} is {given!r}. Give a list of {of}, also of one: [...]."
    )


def check_dict(given: Any, name: str, owner: str, of: str) -> dict[Any, Any]:
    """Return a parameter that is a dict; an empty one if it is None.

    Raises:
        InvalidDefinitionError: If it is anything else.
    """
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    raise InvalidDefinitionError(f"The {name} of the {owner} is {given!r}. Give a dict of {of}.")


def check_resource_keys(given: Iterable[str] | None, owner: str) -> frozenset[str]:
    """Return the names of the resources that a definition takes from its context.

    Raises:
        InvalidDefinitionError: If they are no set or list of names.

    Example:
        >>> sorted(check_resource_keys({"database", "mail"}, "op 'load'"))
        ['database', 'mail']
    """
    if not given:
        return frozenset()
    name = "required_resource_keys"
    found = check_several(given, name, owner, "names of resources")
    for each in found:
        if not is_text(each):
            raise InvalidDefinitionError(
                f"The {name} of the {owner} have {each!r}. Give names of resources, as text."
            )
    return frozenset(found)


def check_kind(
    given: Any, kind: type, name: str, owner: str, example: str, called: str = ""
) -> Any:
    """Return a parameter that is an object of one class, or None.

    Args:
        given: What the user gave.
        kind: The class.
        name: The parameter.
        owner: Whose it is, in words.
        example: How such an object is made.
        called: What users call the class, if not by its own name.

    Raises:
        InvalidDefinitionError: If it is anything else.
    """
    if given is None or isinstance(given, kind):
        return given
    called = called or kind.__name__
    method = getattr(given, "__qualname__", "")
    is_uncalled = callable(given) and method.startswith(f"{called}.")
    advice = f"Call it: {method}()." if is_uncalled else f"Give {example}, say."
    raise InvalidDefinitionError(
        f"The {name} of the {owner} is {given!r}, which is no {called}. {advice}"
    )
