"""Check what the user gives to a definition, where it is written: types, and the next step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

from jobnb.definitions.plain import is_text
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    UnknownAttributeError,
    did_you_mean,
)

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])

_TEXTS = frozenset((
    "code_version", "compute_kind", "description", "group_name", "input_manager_key",
    "io_manager_key",
))  # fmt: skip
_FLAGS = frozenset(("blocking", "can_subset", "is_required", "output_required", "skippable"))
_NO_FUNCTIONS = frozenset((
    "asset", "asset_key", "asset_selection", "cron_schedule", "job_name", "monitored_assets",
    "run_status",
))  # fmt: skip
_DICTS = {
    "additional_ins": "AssetIn by parameter",
    "input_values": "values by input",
    "ins": "inputs by name",
    "internal_asset_deps": "sets of asset keys by output",
    "logger_defs": "loggers by name",
    "metadata": "values by label",
    "outs": "outputs by name",
    "resource_defs": "resources by name",
    "tags": "names and values",
}
_LISTS = {
    "check_specs": "AssetCheckSpec",
    "deps": "assets",
    "hooks": "hooks",
    "kinds": "words",
    "non_argument_deps": "assets",
    "owners": "e-mail addresses and teams",
}


def check_shapes(noun: str, named: Any, /, **given: Any) -> None:
    """Check that parameters that are called the same everywhere are text, dicts, lists or flags.

    Args:
        noun: What they are given to: `asset`.
        named: Its name or key, if it has one.
        given: The parameters; None is right for each.

    Raises:
        InvalidDefinitionError: If one has the wrong type.

    Example:
        >>> check_shapes("asset", "orders", description="What was sold.", metadata={"rows": 3})
    """
    for name, value in given.items():
        if value is not None and not _fits(name, value):
            words = getattr(named, "to_user_string", None)
            owner = noun if named is None else f"{noun} {(words() if words else named)!r}"
            _refuse(value, name, owner)


def _fits(name: str, value: Any) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)  # what cannot be stored of it is left out there
    if name in _FLAGS:
        return isinstance(value, bool)
    if name in _LISTS:
        return isinstance(value, (list, tuple, set)) or (
            isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
        )
    return isinstance(value, (dict, Mapping)) and all(isinstance(each, str) for each in value)


def _refuse(value: Any, name: str, owner: str) -> None:
    if name in _TEXTS:
        check_words(value, name, owner)
    elif name in _FLAGS:
        check_flag(value, name, owner)
    elif name in _LISTS:
        raise InvalidDefinitionError(
            f"The {name} of the {owner} is {value!r}. Give a list of {_LISTS[name]}, also of one: "
            "[...]."
        )
    else:
        for each in check_dict(value, name, owner, _DICTS[name]):
            if not isinstance(each, str):
                raise InvalidDefinitionError(
                    f"The {name} of the {owner} have {each!r} as a name. Give names as text."
                )


def telling_nearest(function: F) -> F:
    """Decorate a function so that an unknown argument raises an error with the nearest name.

    Example:
        >>> @telling_nearest
        ... def bake(*, minutes: int = 3) -> None: ...
        >>> bake(minute=4)
        Traceback (most recent call last):
        jobnb.errors.InvalidInvocationError: bake() takes no 'minute'. Did you mean 'minutes'?
    """
    code = function.__code__
    names: Sequence[str] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    known, needs_call = frozenset(names), names[0] in _NO_FUNCTIONS

    @wraps(function)
    def telling(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        if needs_call and arguments and isinstance(arguments[0], FunctionType):
            raise InvalidInvocationError(
                f"@{function.__name__} of {arguments[0].__name__!r} lacks its parentheses. Write "
                f"@{function.__name__}(...)."
            )
        if not named.keys() <= known:
            (wrong, *_) = [name for name in named if name not in known]
            hint = did_you_mean(wrong, names, noun="It takes")
            raise InvalidInvocationError(
                f"{function.__name__}() takes no {wrong!r}. {hint}".rstrip()
            )
        return function(*arguments, **named)

    return telling  # type: ignore[return-value]


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


def suggests_names(cls: C) -> C:
    """Decorate a class so that a misspelled method of it raises an error with the nearest name.

    A kernel shows no suggestion of Python's own, and type checkers see the class as it was.

    Example:
        >>> @suggests_names
        ... class Door:
        ...     def open(self) -> None: ...
        >>> Door().opne()
        Traceback (most recent call last):
        jobnb.errors.UnknownAttributeError: Door has no 'opne'. Did you mean 'open'?
    """

    def missing(self: Any, name: str) -> Any:
        if hasattr(
            type(self), name
        ):  # its own property raised an AttributeError, which is to be seen
            return object.__getattribute__(self, name)
        said = f"{type(self).__name__} has no {name!r}."
        if name.startswith("_"):  # front ends and pickle ask so; nobody reads the answer
            raise UnknownAttributeError(said)
        from difflib import get_close_matches  # only for a name that is wrong

        near = get_close_matches(name, [each for each in dir(self) if each[0] != "_"], n=1)
        raise UnknownAttributeError(said + (f" Did you mean {near[0]!r}?" if near else ""))

    cls.__getattr__ = missing  # type: ignore[attr-defined]
    return cls
