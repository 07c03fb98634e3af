"""Dagster's checks of arguments, `dagster._check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobnb.errors import InvariantViolationError


class CheckError(InvariantViolationError):
    """The error of `dagster._check`.

    Source: Dagster's `CheckError`.
    """


class ParameterCheckError(CheckError, TypeError):
    """An argument is not of the type that `dagster._check` was told.

    Source: Dagster's `ParameterCheckError`.
    """


def _param(kinds: type | tuple[type, ...], optional: bool, empty: Callable[[], Any]) -> Any:
    names = " or ".join(each.__name__ for each in (kinds if isinstance(kinds, tuple) else (kinds,)))

    def check(obj: Any, param_name: str = "the value", *_: Any, **more: Any) -> Any:
        if obj is None and optional:
            return more.get("default", empty())
        if isinstance(obj, kinds) and not (isinstance(obj, bool) and bool not in _flat(kinds)):
            return obj
        raise ParameterCheckError(f"{param_name} is {obj!r}, and should be of type {names}.")

    return check


def _flat(kinds: type | tuple[type, ...]) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)


def _inst(obj: Any, ttype: Any, *told: Any, **_: Any) -> Any:
    if isinstance(obj, ttype):
        return obj
    raise CheckError(f"{obj!r} should be of type {ttype!r}. {' '.join(map(str, told))}".rstrip())


def _inst_param(obj: Any, param_name: str, ttype: Any, *_: Any, **__: Any) -> Any:
    if isinstance(obj, ttype):
        return obj
    raise ParameterCheckError(f"{param_name} is {obj!r}, and should be of type {ttype!r}.")


def _or_none(check: Callable[..., Any]) -> Callable[..., Any]:
    def checked(obj: Any, *rest: Any, default: Any = None, **more: Any) -> Any:
        return default if obj is None else check(obj, *rest, **more)

    return checked


def _callable_param(obj: Any, param_name: str, *_: Any) -> Any:
    if callable(obj):
        return obj
    raise ParameterCheckError(f"{param_name} is {obj!r}, and should be callable.")


def _invariant(condition: Any, desc: str | None = None) -> bool:
    if condition:
        return True
    raise CheckError(f"Invariant failed. {desc or ''}".rstrip())


def _param_invariant(condition: Any, param_name: str, desc: str | None = None) -> None:
    if not condition:
        raise ParameterCheckError(f"{param_name} is not as it should be. {desc or ''}".rstrip())


def _failed(desc: str) -> Any:
    raise CheckError(f"Failure condition: {desc}")


def _not_none(obj: Any, desc: str | None = None) -> Any:
    if obj is not None:
        return obj
    raise CheckError(f"A value is None and should not be. {desc or ''}".rstrip())


def _not_none_param(obj: Any, param_name: str, desc: str | None = None) -> Any:
    if obj is not None:
        return obj
    raise ParameterCheckError(f"{param_name} is None and should not be. {desc or ''}".rstrip())


def checks() -> dict[str, Any]:
    """Return the functions of `dagster._check` by name."""
    kinds: dict[str, tuple[Any, Callable[[], Any]]] = {
        "bool": (bool, lambda: None),
        "dict": (dict, dict),
        "float": (float, lambda: None),
        "int": (int, lambda: None),
        "iterator": (Iterator, lambda: None),
        "list": (list, list),
        "mapping": (Mapping, dict),
        "numeric": ((int, float), lambda: None),
        "path": ((str, Path), lambda: None),
        "sequence": (Sequence, list),
        "set": ((set, frozenset), set),
        "str": (str, lambda: None),
        "tuple": (tuple, tuple),
    }
    made: dict[str, Any] = {}
    for name, (kind, empty) in kinds.items():
        made[f"{name}_param"] = _param(kind, False, empty)
        made[f"opt_{name}_param"] = _param(kind, True, empty)
        made[f"opt_nullable_{name}_param"] = _param(kind, True, lambda: None)
    return made | {
        "callable_param": _callable_param,
        "class_param": _param(type, False, lambda: None),
        "failed": _failed,
        "inst": _inst,
        "inst_param": _inst_param,
        "invariant": _invariant,
        "not_none": _not_none,
        "not_none_param": _not_none_param,
        "opt_callable_param": _or_none(_callable_param),
        "opt_class_param": _param(type, True, lambda: None),
        "opt_inst": _or_none(_inst),
        "opt_inst_param": _or_none(_inst_param),
        "param_invariant": _param_invariant,
    }
