"""The names of types as cards show them."""

from __future__ import annotations

from typing import Any

from jobnb.display.attempt import attempt

__all__ = ["input_type", "output_type", "type_name"]

_UNTOLD = frozenset(("Any", "INFER", ""))
_PLAINER = {"[Any]": "list", "Dict[Any,Any]": "dict"}


def type_name(data_type: Any) -> str:
    """The name of a type; nothing for one that allows everything."""
    name = str(getattr(data_type, "display_name", "") or getattr(data_type, "__name__", ""))
    return "" if name in _UNTOLD else _PLAINER.get(name, name)


def output_type(op: Any, name: str) -> str:
    """The type of an output; nothing where it is not told, or cannot be read yet."""
    # An annotation may name what a later cell defines.
    return attempt(lambda: type_name(op.outs[name].dagster_type), "")


def input_type(op: Any, name: str) -> str:
    """The type of an input; nothing where it is not told, or cannot be read yet."""
    return attempt(lambda: type_name(op.ins[name].dagster_type), "")
