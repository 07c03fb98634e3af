"""`OpDefinition` and `@op`: a function with inputs, outputs, config and resources."""

from __future__ import annotations

import collections.abc
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, overload

from jobnb.definitions.announce import announce
from jobnb.definitions.arguments import check_resource_keys, check_shapes, telling_nearest
from jobnb.definitions.keys import check_name
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops.docstrings import RETURNED, described
from jobnb.definitions.ops.function import EMPTY, Function, is_resource_annotation
from jobnb.definitions.ops.inout import (
    INFER,
    DynamicOut,
    In,
    InputDefinition,
    Out,
    OutputDefinition,
)
from jobnb.definitions.ops.node import NodeDefinition
from jobnb.definitions.ops.output import DynamicOutput, MaterializeResult, Output
from jobnb.definitions.ops.pool import with_pool
from jobnb.definitions.ops.retry import RetryPolicy, check_retry_policy
from jobnb.definitions.plain import check_text, checked_schema, docstring
from jobnb.definitions.types import DataType, resolve
from jobnb.errors import InvalidDefinitionError, did_you_mean

P = ParamSpec("P")
R = TypeVar("R")


class OpDefinition(NodeDefinition, Generic[P, R]):
    """A function with typed inputs and outputs, config and resources.

    Usually created by `@op`. Created by hand, `compute_fn(context, inputs)` gets the inputs as a
    dict and yields `Output` objects.

    Args:
        compute_fn: The function.
        name: Letters, digits and underscores.
        ins: Inputs by name.
        outs: Outputs by name.
        description: A description, in Markdown.
        config_schema: The config schema.
        required_resource_keys: Resources it takes from its context.
        tags: Strings by name, or values that can be JSON.
        version: An older name of `code_version`.
        retry_policy: The retry policy.
        code_version: The version of the code.
        pool: The pool that its steps take a place in; see `Instance.set_concurrency_limit`.

    Source: Dagster's `OpDefinition`.
    """

    noun = "an op"

    def __init__(
        self,
        compute_fn: Callable[..., Any] | Function,
        name: str,
        ins: Mapping[str, In] | None = None,
        outs: Mapping[str, Out] | None = None,
        description: str | None = None,
        config_schema: Any = None,
        required_resource_keys: Iterable[str] | None = None,
        tags: Mapping[str, Any] | None = None,
        version: str | None = None,
        retry_policy: RetryPolicy | None = None,
        code_version: str | None = None,
        pool: str | None = None,
    ) -> None:
        check_shapes("op", name, description=description, ins=ins)
        super().__init__(name, description, with_pool(tags, pool, f"the op {name!r}"))
        decorated = isinstance(compute_fn, Function)
        self.function = compute_fn if isinstance(compute_fn, Function) else Function(compute_fn)
        self.is_decorated = decorated
        self.given_ins = dict(ins or {})
        self.given_outs = dict(outs) if outs is not None else {"result": Out()}
        self.given_config_schema = checked_schema(config_schema, f"op {name!r}")
        self.given_resource_keys = check_resource_keys(required_resource_keys, f"op {name!r}")
        self.version = code_version or version
        check_text(self.version, f"The code_version of op {name!r}")
        self.retry_policy = check_retry_policy(retry_policy, f"op {name!r}")
        for each in (*self.given_ins, *self.given_outs):
            check_name(each, f"an input or output of op {name!r}")
        if decorated or ins:
            check_declared(self)

    @property
    def compute_fn(self) -> Callable[..., Any]:
        """The user's function."""
        return self.function.fn

    @property
    def code_version(self) -> str | None:
        """The version of the code, if one was given."""
        return self.version

    @lazy
    def input_names(self) -> tuple[str, ...]:
        """The names of its inputs: parameters in order, then those that only order."""
        if not self.is_decorated:
            return tuple(self.given_ins)
        names = self.function.input_names
        return (*names, *(name for name in self.given_ins if name not in names))

    @lazy
    def output_names(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return tuple(self.given_outs)

    def is_dynamic(self, output_name: str) -> bool:
        """Whether an output yields many values, each under a mapping key."""
        return self.given_outs[output_name].is_dynamic

    def out_of(self, output_name: str) -> Out:
        """Return the `Out` of an output."""
        return self.given_outs[output_name]

    @property
    def manager_keys(self) -> frozenset[str]:
        """The managers that store its outputs and load its inputs."""
        loading = (each.input_manager_key for each in self.given_ins.values())
        storing = (each.io_manager_key for each in self.given_outs.values())
        return frozenset(key for key in (*storing, *loading) if key)

    @lazy
    def ins(self) -> Mapping[str, In]:
        """Its inputs by name, with their types."""
        notes, defaults = self.function.annotations, self.function.defaults
        resolved, said = {}, self._said
        for name in self.input_names:
            given = self.given_ins.get(name) or In()
            kind = given.dagster_type
            note = notes.get(name, EMPTY) if kind is INFER else kind
            resolved[name] = given.resolved(resolve(note), defaults.get(name, INFER))
            if given.description is None and name in said:
                resolved[name].description = said[name]
        return resolved

    @lazy
    def outs(self) -> Mapping[str, Out]:
        """Its outputs by name, with their types."""
        kinds = output_types(self.function.return_annotation, self.given_outs)
        outs = {name: out.resolved(kinds[name]) for name, out in self.given_outs.items()}
        if len(outs) == 1 and RETURNED in self._said:
            (only,) = outs.values()
            only.description = only.description or self._said[RETURNED]
        return outs

    @lazy
    def _said(self) -> Mapping[str, str]:
        """The descriptions of parameters and results in its function's docstring."""
        return described(self.compute_fn.__doc__) if self.is_decorated else {}

    @lazy
    def wraps(self) -> Mapping[str, bool]:
        """Whether each output is said to be returned as an `Output`, where its annotation says."""
        note = self.function.return_annotation if self.is_decorated else EMPTY
        if note is EMPTY:
            return {}
        names, parts = self.output_names, (note,)
        if len(names) > 1:
            parts = typing.get_args(note) if typing.get_origin(note) is tuple else ()
        if len(parts) != len(names):
            return {}
        told = {name: _is_wrapped(part) for name, part in zip(names, parts, strict=True)}
        return {name: wrapped for name, wrapped in told.items() if wrapped is not None}

    @property
    def input_defs(self) -> list[InputDefinition]:
        """Its inputs, in order."""
        return [InputDefinition(name, said) for name, said in self.ins.items()]

    @property
    def output_defs(self) -> list[OutputDefinition]:
        """Its outputs, in order."""
        return [OutputDefinition(name, said) for name, said in self.outs.items()]

    @lazy
    def config_schema(self) -> Any:
        """Its config schema: a `Config` class, a dict schema, or None."""
        name = self.function.config_name if self.is_decorated else None
        if name is None or name in self.given_ins:
            return self.given_config_schema
        note, defaults = self.function.annotations[name], self.function.defaults
        if name not in defaults or hasattr(note, "__pydantic_fields__"):
            return note
        from jobnb.config import Field  # brings pydantic along

        return Field(note, default_value=defaults[name])

    @lazy
    def required_resource_keys(self) -> frozenset[str]:
        """The resources it needs, as parameters or from its context."""
        if not self.is_decorated:
            return self.given_resource_keys
        taken = frozenset(self.function.resource_names)
        if taken and self.given_resource_keys:
            raise InvalidDefinitionError(_two_ways(self.name, taken))
        return self.given_resource_keys | taken

    def configured(
        self,
        config_or_config_fn: Any,
        name: str,
        config_schema: Any = None,
        description: str | None = None,
    ) -> OpDefinition[P, R]:
        """Return an op with some or all of its config set.

        Args:
            config_or_config_fn: The config, or a function from an outer config to it.
            name: The name of the new op.
            config_schema: The schema of that function's argument.
            description: A description.
        """
        from jobnb.config import configured_schema

        schema = configured_schema(self.config_schema, config_or_config_fn, config_schema, name)
        clone = self._copy(name, description or self.description)
        clone.__dict__["config_schema"] = schema
        announce(clone, getattr(self.compute_fn, "__module__", ""))
        return clone

    def _copy(self, name: str, description: str | None) -> OpDefinition[P, R]:
        return OpDefinition(
            self.function if self.is_decorated else self.compute_fn,
            name,
            self.given_ins,
            self.given_outs,
            description,
            self.given_config_schema,
            self.given_resource_keys,
            self.tags,
            self.version,
            self.retry_policy,
        )

    def with_outs(self, outs: Mapping[str, Out]) -> OpDefinition[P, R]:
        """Return a copy with other outputs and the same function."""
        copy = self._copy(self.name, self.description)
        copy.given_outs = dict(outs)
        return copy

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Place the op in the graph inside a composition; elsewhere, run its function."""
        result: R = super().__call__(*args, **kwargs)
        return result

    def __repr__(self) -> str:
        return f"OpDefinition({self.name!r})"


@overload
def op(compute_fn: Callable[P, R]) -> OpDefinition[P, R]: ...
@overload
def op(
    compute_fn: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, In] | None = None,
    out: Out | Mapping[str, Out] | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    tags: Mapping[str, Any] | None = None,
    version: str | None = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    pool: str | None = None,
) -> Callable[[Callable[P, R]], OpDefinition[P, R]]: ...
@telling_nearest
def op(
    compute_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, In] | None = None,
    out: Out | Mapping[str, Out] | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    tags: Mapping[str, Any] | None = None,
    version: str | None = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    pool: str | None = None,
) -> Any:
    """Define an op with a function.

    Parameters of the function are its inputs, except a first one called `context`, one called
    `config` that is annotated, and those annotated with a resource.

    Args:
        compute_fn: The function; the decorator also works without parentheses.
        name: The name; that of the function if not given.
        description: A description; the function's docstring if not given.
        ins: The declarations of inputs, by name.
        out: The output, or several by name.
        config_schema: The config schema, read from `context.op_config`.
        required_resource_keys: Resources read from `context.resources`.
        tags: Strings by name, or values that can be JSON.
        version: An older name of `code_version`.
        retry_policy: The retry policy.
        code_version: The version of the code.
        pool: The pool that its steps take a place in; see `Instance.set_concurrency_limit`.

    Returns:
        An `OpDefinition` that replaces the function.

    Example:
        >>> from jobnb import job, op
        >>> @op
        ... def five() -> int:
        ...     return 5
        >>> @op
        ... def add_one(number: int) -> int:
        ...     return number + 1
        >>> @job
        ... def six():
        ...     add_one(five())
        >>> six.execute_in_process().output_for_node("add_one")
        6

    Source: Dagster's `@op`.
    """

    def decorate(fn: Callable[..., Any]) -> OpDefinition[..., Any]:
        definition: OpDefinition[..., Any] = OpDefinition(
            Function(fn, frame_depth=depth),
            name or fn.__name__,
            ins,
            outs_of(out) if out is not None else _inferred_outs(fn),
            description or docstring(fn),
            config_schema,
            required_resource_keys,
            tags,
            code_version or version,
            retry_policy,
            pool=pool,
        )
        look_like(definition, fn)
        announce(definition, fn.__module__)
        return definition

    if compute_fn is not None:
        depth = 4  # that of the caller of what is decorated here
        return decorate(compute_fn)
    depth = 2
    return decorate


_SHORT = r"(\w+\.)*"
_DYNAMIC = re.compile(rf"{_SHORT}DynamicOutput(\[.*\])?", re.DOTALL)
_DYNAMIC_LIST = re.compile(rf"{_SHORT}[Ll]ist\[\s*{_SHORT}DynamicOutput\b.*\]", re.DOTALL)


def _inferred_outs(fn: Callable[..., Any]) -> dict[str, Out]:
    """Return the one output of a function that declares none: dynamic if it returns a list of such.

    Raises:
        InvalidDefinitionError: If it is annotated with a single `DynamicOutput`.
    """
    note = getattr(fn, "__annotations__", {}).get("return")
    # No annotation is evaluated here: it may name what another cell defines.
    if note is None:
        return {"result": Out()}
    if isinstance(note, str):
        single, several = (bool(form.fullmatch(note.strip())) for form in (_DYNAMIC, _DYNAMIC_LIST))
    else:
        single = _is_dynamic(note)
        several = typing.get_origin(note) is list and _is_dynamic(*typing.get_args(note)[:1])
    if single:
        raise InvalidDefinitionError(
            f"{fn.__name__!r} is said to return one DynamicOutput. Return a list of them, "
            "-> list[DynamicOutput[...]], or yield them and declare out=DynamicOut()."
        )
    return {"result": DynamicOut() if several else Out()}


def _is_dynamic(annotation: Any) -> bool:
    return annotation is DynamicOutput or typing.get_origin(annotation) is DynamicOutput


def outs_of(out: Out | Mapping[str, Out] | None) -> dict[str, Out]:
    """Return outputs by name, from the argument of a decorator."""
    if out is None:
        return {"result": Out()}
    given: dict[str, Any] = dict(out) if isinstance(out, Mapping) else {"result": out}
    for name, each in given.items():
        if not isinstance(each, Out):
            shown = getattr(each, "__name__", repr(each))
            raise InvalidDefinitionError(
                f"The output {name!r} is declared as {shown}. Write Out({shown}), or a dict of "
                "Outs by name."
            )
    return given


def look_like(definition: Any, fn: Callable[..., Any]) -> None:
    """Copy a function's name, docstring and signature to a definition, for `help`."""
    definition.__doc__ = fn.__doc__
    definition.__name__ = getattr(fn, "__name__", "")
    definition.__wrapped__ = fn


_STREAMS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncGenerator,
)

_WRAPPERS = (Output, DynamicOutput, MaterializeResult)


def output_types(annotation: Any, outs: Mapping[str, Out]) -> dict[str, DataType]:
    """Return the type of each output: the declared one, else that of the annotation."""
    notes = dict.fromkeys(outs, EMPTY)
    if annotation is not EMPTY:
        notes = _by_output(_unwrap(annotation), list(outs))
    return {
        name: resolve(notes[name] if out.dagster_type is INFER else out.dagster_type)
        for name, out in outs.items()
    }


def _by_output(annotation: Any, names: list[str]) -> dict[str, Any]:
    if len(names) == 1:
        return {names[0]: annotation}
    parts = typing.get_args(annotation) if typing.get_origin(annotation) is tuple else ()
    if len(parts) == len(names) and Ellipsis not in parts:
        return {name: _unwrap(part) for name, part in zip(names, parts, strict=True)}
    return dict.fromkeys(names, EMPTY)


def _unwrap(annotation: Any) -> Any:
    """Return the type of the value: `int` for `Output[int]` and `Iterator[Output[int]]`."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _WRAPPERS or annotation in _STREAMS:
        return EMPTY
    if origin in _WRAPPERS:
        return args[0] if args else EMPTY
    if origin in _STREAMS:
        inner = [each for each in _members(args[:1]) if _is_output(each)]
        return _unwrap(inner[0]) if len(inner) == 1 else EMPTY
    if origin is list and args and _is_output(args[0]):
        return _unwrap(args[0])
    return annotation


def _is_wrapped(annotation: Any) -> bool | None:
    """Whether an annotation says that an `Output` comes; None if it says nothing of that."""
    kind = typing.get_origin(annotation) or annotation
    return True if kind is Output else False if _is_of_one_value(kind) else None


def _is_of_one_value(kind: Any) -> bool:
    """Whether what an annotation speaks of is a class of values, and nothing around them."""
    silent = (object, Any, types.UnionType, *_WRAPPERS, *_STREAMS)
    return isinstance(kind, type) and kind not in silent


def _is_output(annotation: Any) -> bool:
    return annotation in _WRAPPERS or typing.get_origin(annotation) in _WRAPPERS


def _members(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the members of a union, or the one annotation itself."""
    if args and typing.get_origin(args[0]) in (typing.Union, types.UnionType):
        return typing.get_args(args[0])
    return args


def check_declared(op: OpDefinition[..., Any]) -> None:
    """Check that `ins` and `config_schema` fit the function, without evaluating annotations.

    Raises:
        InvalidDefinitionError: If they do not; lists every problem.
    """
    problems = [*_no_ins(op)] or [*_misplaced_ins(op), *_two_configs(op)]
    problems += _odd_parameters(op)
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


def _odd_parameters(op: OpDefinition[..., Any]) -> Iterator[str]:
    function = op.function
    if not op.is_decorated:
        return
    if function.has_var_positional:
        yield "Its function takes *args, which no input can fill. Name each input."
    notes = getattr(function.fn, "__annotations__", None)
    if not notes:
        return
    for name, note in notes.items():
        if note is None and name != "return" and name not in op.given_ins:
            yield (
                f"The parameter {name!r} is annotated with None, which brings no value. Take it "
                f"out and declare ins={{{name!r}: In(Nothing)}}, or annotate another type."
            )
    for name, note in notes.items():
        if getattr(note, "is_resource_maker", False) is True and name not in op.given_ins:
            yield (
                f"The parameter {name!r} is annotated with {note.__name__}, which is how a "
                "resource is made. Annotate ResourceParam[...] of what is made, or use a "
                "ConfigurableResource."
            )
    taken = [name for name, note in notes.items() if is_resource_annotation(note)]
    if taken and op.given_resource_keys:
        yield _two_ways(op.name, taken)
    if len(op.given_outs) > 1:
        yield from _odd_returned(notes.get("return"), len(op.given_outs))


def _two_ways(name: str, taken: Iterable[str]) -> str:
    return (
        f"{name!r} takes resources as parameters ({', '.join(sorted(taken))}) and names others in "
        "required_resource_keys. Keep one of the two ways."
    )


def _odd_returned(note: Any, wanted: int) -> Iterator[str]:
    """Iterate over problems of an annotation of several outputs; a text is not evaluated."""
    kind, parts = typing.get_origin(note) or note, typing.get_args(note)
    if kind is tuple:
        if parts and Ellipsis not in parts and len(parts) != wanted:
            yield f"It has {wanted} outputs, but its annotation is a tuple of {len(parts)}."
    elif _is_of_one_value(kind):
        yield (
            f"It has {wanted} outputs, but it is said to return {kind.__name__}. Annotate a tuple "
            "with the type of each output."
        )


def _two_configs(op: OpDefinition[..., Any]) -> Iterator[str]:
    function = op.function
    if op.given_config_schema is None or not op.is_decorated:
        return
    typed = "config" in getattr(function.fn, "__annotations__", {})
    if typed and "config" in function.parameters and "config" not in op.given_ins:
        yield "It has both a `config` parameter and a config_schema. Keep one."
