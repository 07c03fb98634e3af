"""What is wrong with an op as it is declared, told in the cell that declares it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jobnb.definitions.ops.inout import INFER, In
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.ops.op import OpDefinition

__all__ = ["check_declared"]


def check_declared(op: OpDefinition[..., Any]) -> None:
    """See that `ins` and `config_schema` fit the function; no annotation is evaluated.

    Raises:
        InvalidDefinitionError: If they do not; all problems at once.
    """
    problems = [*_no_ins(op)] or [*_misplaced_ins(op), *_two_configs(op)]
    if problems:
        raise InvalidDefinitionError(f"{op.name!r} cannot be right:\n  " + "\n  ".join(problems))


def _no_ins(op: OpDefinition[..., Any]) -> Iterator[str]:
    declared: Mapping[str, Any] = op.given_ins
    for name, given in declared.items():
        if not isinstance(given, In):
            shown = getattr(given, "__name__", repr(given))
            yield f"The input {name!r} is declared as {shown}. Write In({shown})."


def _misplaced_ins(op: OpDefinition[..., Any]) -> Iterator[str]:
    function = op.function
    if not op.is_decorated or not op.given_ins:
        return
    from jobnb.definitions.types import Nothing, resolve

    for name, given in op.given_ins.items():
        kind = given.dagster_type
        if name in function.parameters:
            if kind is Nothing:
                yield (
                    f"The input {name!r} is declared as In(Nothing), which brings no value, but "
                    "the function takes it. Take the parameter out, or declare another type."
                )
        elif not function.has_var_keyword and (kind is INFER or resolve(kind) is not Nothing):
            hint = did_you_mean(name, function.parameters, noun="It takes")
            yield (
                f"The input {name!r} is declared, but the function does not take it. "
                + (hint or "Add the parameter, or declare it as In(Nothing).")
            )


def _two_configs(op: OpDefinition[..., Any]) -> Iterator[str]:
    function = op.function
    if op.given_config_schema is None or not op.is_decorated:
        return
    typed = "config" in getattr(function.fn, "__annotations__", {})
    if typed and "config" in function.parameters and "config" not in op.given_ins:
        yield "It has both a `config` parameter and a config_schema. Keep one."
