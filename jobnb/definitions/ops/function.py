"""Read a user's function: its inputs, config, resources and context.

Everything is computed at its first use: cells may define names in any order, and evaluating
annotations is the most expensive part of a definition.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from jobnb.definitions.lazy import lazy

EMPTY: Any = inspect.Parameter.empty

_CONTEXT_NAMES = frozenset(("context", "_context", "_", "__"))
_RESOURCE_MARK = "jobnb_resource_param"

T = typing.TypeVar("T")

if typing.TYPE_CHECKING:
    ResourceParam = typing.Annotated[T, _RESOURCE_MARK]
else:

    class ResourceParam:
        """Marks a parameter as a resource: `db: ResourceParam[Database]`.

        Source: Dagster's `ResourceParam`.
        """

        def __class_getitem__(cls, item: Any) -> Any:
            return typing.Annotated[item, _RESOURCE_MARK]


def is_resource_annotation(annotation: Any) -> bool:
    """Whether a parameter with this annotation takes a resource."""
    if annotation is EMPTY:
        return False
    if _RESOURCE_MARK in getattr(annotation, "__metadata__", ()):
        return True
    origin = typing.get_origin(annotation) or annotation
    # ConfigurableResource sets this mark, because this module cannot import it.
    return isinstance(origin, type) and bool(getattr(origin, "__jobnb_resource__", False))


def _own_code(fn: Callable[..., Any]) -> CodeType | None:
    """Return the code that names the parameters; None where only the signature does.

    What `functools.wraps` made takes `*args` itself: its inputs are those of what it wraps.
    """
    return None if hasattr(fn, "__wrapped__") else getattr(fn, "__code__", None)


class Function:
    """The parameters of a user's function, by their role.

    Args:
        fn: The function, or any callable with a signature.
        frame_depth: How many frames up the local names of its annotations are.
    """

    def __init__(self, fn: Callable[..., Any], frame_depth: int = 3) -> None:
        self.fn = fn
        self._locals: Mapping[str, Any] | None = None
        code = _own_code(fn)
        if code is None:
            self._read_signature()
        else:
            count = code.co_argcount + code.co_kwonlyargcount
            self.parameters: tuple[str, ...] = code.co_varnames[:count]
            self.has_var_keyword = bool(code.co_flags & inspect.CO_VARKEYWORDS)
            self.has_var_positional = bool(code.co_flags & inspect.CO_VARARGS)
        if "<locals>" in getattr(fn, "__qualname__", "") and any(
            isinstance(note, str) for note in getattr(fn, "__annotations__", {}).values()
        ):
            # Postponed annotations may name classes of the enclosing function.
            self._locals = dict(sys._getframe(frame_depth).f_locals)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: the annotations, not the rest of the namespace."""
        assert self.annotations is not None  # they are evaluated here, where their names are known
        return {**self.__dict__, "_locals": None}

    def _read_signature(self) -> None:
        parameters = inspect.signature(self.fn).parameters.values()
        kinds = inspect.Parameter
        self.parameters = tuple(
            p.name for p in parameters if p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
        )
        self.has_var_keyword = any(p.kind is kinds.VAR_KEYWORD for p in parameters)
        self.has_var_positional = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)

    @lazy
    def defaults(self) -> dict[str, Any]:
        """The default values by parameter name."""
        code = _own_code(self.fn)
        if code is None:
            return {
                p.name: p.default
                for p in inspect.signature(self.fn).parameters.values()
                if p.default is not EMPTY
            }
        values = getattr(self.fn, "__defaults__", None) or ()
        if not values and not getattr(self.fn, "__kwdefaults__", None):
            return {}
        positional = code.co_varnames[: code.co_argcount]
        found = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
        return {**found, **(getattr(self.fn, "__kwdefaults__", None) or {})}

    @lazy
    def annotations(self) -> dict[str, Any]:
        """The annotations by parameter name, and `return`; strings are evaluated if possible."""
        call = self.fn if hasattr(self.fn, "__annotations__") else type(self.fn).__call__
        raw: dict[str, Any] = dict(getattr(call, "__annotations__", None) or {})
        return {name: self._evaluate(note) for name, note in raw.items()}

    def _evaluate(self, note: Any) -> Any:
        if not isinstance(note, str):
            return note
        inner = inspect.unwrap(self.fn)
        scope = dict(getattr(inner, "__globals__", {}))
        names = getattr(getattr(inner, "__code__", None), "co_freevars", ())
        for name, cell in zip(names, getattr(inner, "__closure__", None) or (), strict=False):
            try:
                scope[name] = cell.cell_contents
            except ValueError:  # The closure variable is assigned later.
                continue
        try:
            return eval(note, scope, dict(self._locals or {}))  # noqa: S307 (the user's own code)
        except Exception:  # noqa: BLE001 (an annotation can be any code)
            # A name that exists only for type checkers has no meaning at run time.
            return EMPTY

    @lazy
    def context_name(self) -> str | None:
        """The parameter that takes the context: the first one, if it is called `context`."""
        first = self.parameters[0] if self.parameters else None
        return first if first in _CONTEXT_NAMES else None

    @lazy
    def config_name(self) -> str | None:
        """The parameter that takes the config: one called `config` with an annotation."""
        if "config" not in self.parameters:
            return None
        return "config" if self.annotations.get("config", EMPTY) is not EMPTY else None

    @lazy
    def resource_names(self) -> tuple[str, ...]:
        """The parameters that take resources, by their annotations."""
        notes = self.annotations
        if not notes:
            return ()
        return tuple(p for p in self.parameters if is_resource_annotation(notes.get(p, EMPTY)))

    @lazy
    def input_names(self) -> tuple[str, ...]:
        """The parameters that take values of other steps, in order."""
        if not self.annotations:  # Without annotations, only the context can be among them.
            self.__dict__.update(config_name=None, resource_names=(), return_annotation=EMPTY)
            return self.parameters[1:] if self.context_name else self.parameters
        others = {self.context_name, self.config_name, *self.resource_names}
        return tuple(p for p in self.parameters if p not in others)

    @lazy
    def return_annotation(self) -> Any:
        """The annotation of its result, or EMPTY."""
        return self.annotations.get("return", EMPTY)

    @lazy
    def is_async(self) -> bool:
        """Whether calling it returns a coroutine or an asynchronous generator."""
        code = getattr(self.fn, "__code__", None)
        if code is not None:
            return bool(code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR))
        return inspect.iscoroutinefunction(self.fn) or inspect.isasyncgenfunction(self.fn)
