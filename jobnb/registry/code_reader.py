"""Reading a function and all that it leads to, for its hash."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property, partial
from hashlib import sha256
from pathlib import PurePath
from re import Pattern
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from uuid import UUID

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.ops.dependency import (
    AssetDependency,
    GraphInput,
    MultiDependencyDefinition,
    ValueDependency,
)
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.registry.bytecode import CodeFacts, facts_of
from jobnb.registry.code_version import PYTHON, CodeHash
from jobnb.registry.own_code import is_own

__all__ = ["CodeReader"]

_PLAIN = frozenset((int, float, complex, str, bytes, bool, type(None), type(Ellipsis), range))
_SETTLED = (dt.date, dt.time, dt.timedelta, dt.tzinfo, Decimal, Fraction, UUID, PurePath, Pattern)
_CONTAINERS = (list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter)
_ROUND_A_FUNCTION = (staticmethod, classmethod)
_LARGE, _DEEP = 10_000, 20


class CodeReader:
    """Hashes functions; what several of them use is read once.

    What it has read it holds to be so: take a new one when cells may have been run since.
    """

    def __init__(self) -> None:
        self._read: dict[int, tuple[Any, bytes, list[Any]]] = {}
        self._facts: dict[int, tuple[CodeType, CodeFacts]] = {}
        self._package = ""

    def version(self, fn: Any) -> str:
        """The hash of a function, a callable object, a class or a graph, as it is recorded."""
        facts = self._alone(fn)
        if facts is not None and facts.alone:
            return facts.alone
        self._package = _package_of(fn)
        text, uses = self._parts(fn)
        if type(fn) is FunctionType:
            own = self._facts_of(fn.__code__).token
            text = text.replace(own.encode(), b"", 1)  # what is left is of its surroundings
            uses_none = not uses and text == repr(["", []]).encode()
        else:
            own, uses_none = sha256(text).hexdigest(), not uses
        used = "" if uses_none else self._hash_of_used(fn, text, uses)
        version = str(CodeHash(PYTHON, own[:10], used))
        if facts is not None:
            facts.alone = version
        return version

    def _alone(self, fn: Any) -> CodeFacts | None:
        """The facts of a function that its code alone tells: equal code is hashed once for all."""
        if type(fn) is not FunctionType or fn.__closure__ or fn.__defaults__ or fn.__kwdefaults__:
            return None
        facts = self._facts_of(fn.__code__)
        if facts.names and not fn.__globals__.keys().isdisjoint(facts.names):
            return None
        return facts if self._says_plain(fn) else None

    def _says_plain(self, fn: FunctionType) -> bool:
        """Whether no annotation of a function can lead to a class of one's own."""
        try:
            notes = fn.__annotations__
        except Exception:  # noqa: BLE001 - they may name what a later cell defines
            return False
        known = fn.__globals__
        return all(
            each not in known if type(each) is str else each in _PLAIN for each in notes.values()
        )

    def _facts_of(self, code: CodeType) -> CodeFacts:
        found = self._facts.get(id(code))
        if found is None:
            found = self._facts[id(code)] = (code, facts_of(code))
        return found[1]

    def _hash_of_used(self, fn: Any, text: bytes, uses: list[Any]) -> str:
        numbers, waiting, digest = {id(fn): 0}, list(uses), sha256(text)
        for each in waiting:  # which grows meanwhile
            if id(each) in numbers:
                continue
            numbers[id(each)] = len(numbers)
            text, inner = self._parts(each)
            digest.update(text)
            digest.update(repr([numbers.get(id(one), -1) for one in inner]).encode())
            waiting += inner
        return digest.hexdigest()[:10]

    def _parts(self, value: Any) -> tuple[bytes, list[Any]]:
        """What counts of a function or class by itself, and what it leads to."""
        found = self._read.get(id(value))
        if found is None:
            uses: list[Any] = []
            text = repr(list(self._described(value, uses))).encode()
            # The object is kept, so that nothing else can come to have its id.
            found = self._read[id(value)] = (value, text, uses)
        return found[1], found[2]

    # --- what is read of a function or class ------------------------------

    def _described(self, value: Any, uses: list[Any]) -> Iterator[Any]:
        if isinstance(value, FunctionType):
            yield from self._function(value, uses)
        elif isinstance(value, type):
            yield from self._class(value, uses)
        else:
            yield self._text(value, uses, 0)

    def _function(self, fn: FunctionType, uses: list[Any]) -> Iterator[Any]:
        facts = self._facts_of(fn.__code__)
        yield facts.token
        if fn.__defaults__ or fn.__kwdefaults__:
            yield self._text(fn.__defaults__, uses, 0), self._text(fn.__kwdefaults__, uses, 0)
        outer: list[tuple[str, Any]] = list(_closed_over(fn)) if fn.__closure__ else []
        outer += [(name, fn.__globals__[name]) for name in facts.names if name in fn.__globals__]
        for name, value in outer:
            if isinstance(value, ModuleType):
                yield name, self._module(value, facts.attributes, uses)
            elif type(value) in _CONTAINERS and name in facts.changed:
                yield name, type(value).__name__
            else:
                yield name, self._text(value, uses, 0)
        yield [self._text(each, uses, 0) for each in self._annotated(fn)]

    def _annotated(self, fn: FunctionType) -> Iterator[type]:
        """One's own classes that parameters are annotated with: methods may be called."""
        try:
            notes = fn.__annotations__.values()
        except Exception:  # noqa: BLE001 - they may name what a later cell defines
            return
        for each in notes:
            named = fn.__globals__.get(each) if isinstance(each, str) else each
            if isinstance(named, type) and self._is_own(named.__module__):
                yield named

    def _class(self, cls: type, uses: list[Any]) -> Iterator[Any]:
        yield [self._text(base, uses, 0) for base in cls.__bases__]
        if issubclass(cls, Enum):
            yield [(m.name, self._text(m.value, uses, 0)) for m in cls.__members__.values()]
        if not any(_module_of(base).startswith("jobnb.") for base in cls.__mro__):
            # The defaults of a config or resource class count as config.
            fields = vars(cls).get("__pydantic_fields__") or {}
            for name, info in fields.items():
                yield name, self._text(getattr(info, "default", None), uses, 0)
        for name, value in sorted(vars(cls).items()):
            if _says_something(name, value, cls):
                yield name, self._text(value, uses, 0)

    def _module(self, module: ModuleType, attributes: frozenset[str], uses: list[Any]) -> Any:
        """A module by name; of one's own, also what is used of it."""
        if not self._is_own(module.__name__):
            return module.__name__
        names = sorted(attributes & vars(module).keys())
        values = [(name, vars(module)[name]) for name in names]
        return [
            (name, value.__name__ if isinstance(value, ModuleType) else self._text(value, uses, 0))
            for name, value in values
        ]

    # --- values -----------------------------------------------------------

    def _text(self, value: Any, uses: list[Any], depth: int) -> Any:
        """A value as text; what it leads to is noted in `uses`."""
        kind = type(value)
        if kind in _PLAIN:
            return repr(value)
        if depth > _DEEP:
            return kind.__name__
        below = partial(self._text, uses=uses, depth=depth + 1)
        if isinstance(value, FunctionType):
            return self._reference(value, uses)
        if isinstance(value, type):
            return self._reference(value, uses)
        if isinstance(value, (tuple, list, deque, dict, set, frozenset)):
            return _contents(value, below)
        if isinstance(value, Enum):
            return value.name, below(kind)
        return self._object(value, below)

    def _reference(self, value: Any, uses: list[Any]) -> str:
        if self._is_own(value.__module__):
            uses.append(value)
            return "own"
        return f"{value.__module__}.{value.__qualname__}"

    def _object(self, value: Any, below: Callable[[Any], Any]) -> Any:
        kind = type(value)
        if isinstance(value, (int, float, str, bytes)):
            base = next(each for each in (int, float, str, bytes) if isinstance(value, each))
            return kind.__name__, base.__repr__(value)
        if isinstance(value, _SETTLED):
            return kind.__name__, str(value)
        if isinstance(value, slice):
            return "slice", below((value.start, value.stop, value.step))
        if isinstance(value, partial):
            return "partial", below(value.func), below(value.args), below(value.keywords)
        if isinstance(value, MethodType):
            return "method", below(value.__func__), below(type(value.__self__))
        if isinstance(value, _ROUND_A_FUNCTION):
            return kind.__name__, below(value.__func__)
        if isinstance(value, property):
            return "property", below(value.fget), below(value.fset), below(value.fdel)
        if isinstance(value, cached_property):
            return "property", below(value.func)
        if isinstance(value, BuiltinFunctionType):
            return value.__qualname__
        return self._thing(value, below)

    def _thing(self, value: Any, below: Callable[[Any], Any]) -> Any:
        """Of what is no plain value: its type, and the function or fields that it holds."""
        kind = type(value)
        if isinstance(value, OpDefinition):
            return "op", value.version or below(value.compute_fn)
        if isinstance(value, AssetsDefinition):
            return "asset", below(value.node_def)
        if isinstance(value, GraphDefinition):
            return _graph(value, below)
        inside = vars(value) if hasattr(kind, "__dict__") and hasattr(value, "__dict__") else {}
        wrapped = inside.get("__wrapped__")
        if isinstance(wrapped, FunctionType):
            return below(kind), below(wrapped)
        if dataclasses.is_dataclass(kind) and self._is_own(kind.__module__):
            names = [field.name for field in dataclasses.fields(kind)]
            return below(kind), [(name, below(inside.get(name))) for name in names]
        return below(kind)

    def _is_own(self, module: str | None) -> bool:
        return is_own(module) or (
            bool(self._package) and str(module).partition(".")[0] == self._package
        )


def _graph(graph: GraphDefinition, below: Callable[[Any], Any]) -> Any:
    """The ops of a graph and how they are wired; in which order they were placed does not count."""
    nodes = [(name, below(node.definition)) for name, node in sorted(graph.node_map.items())]
    edges = [
        (name, [(each, _edge(fed, below)) for each, fed in sorted(inputs.items())])
        for name, inputs in sorted(graph.dependencies.items())
    ]
    begins = [
        (m.graph_input_name, m.mapped_node_name, m.mapped_node_input_name, m.fan_in_index or 0)
        for m in graph.input_mappings
    ]
    ends = [
        (m.graph_output_name, m.mapped_node_name, m.mapped_node_output_name)
        for m in graph.output_mappings
    ]
    mapping = below(getattr(graph.config_mapping, "config_fn", graph.config_mapping))
    return "graph", nodes, edges, sorted(begins), sorted(ends), mapping


def _edge(fed: Any, below: Callable[[Any], Any]) -> Any:
    """What feeds an input of a node."""
    if isinstance(fed, ValueDependency):
        return "value", below(fed.value)
    if isinstance(fed, AssetDependency):
        return "asset", fed.asset.key.path
    if isinstance(fed, MultiDependencyDefinition):
        return [_edge(each, below) for each in fed.dependencies]
    if isinstance(fed, GraphInput):
        return "input", fed.name
    return type(fed).__name__, fed.node, fed.output


def _package_of(fn: Any) -> str:
    """The package that a function comes from: all of it counts as one's own."""
    name = _module_of(fn).partition(".")[0]
    return "" if name in ("__main__", "jobnb") else name


def _module_of(value: Any) -> str:
    return str(getattr(value, "__module__", None) or "")


def _closed_over(fn: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not filled yet
            continue


def _says_something(name: str, value: Any, cls: type) -> bool:
    """Whether an attribute of a class is what somebody wrote, and no note of Python's own."""
    if name in ("__annotate__", "__annotate_func__", "__classcell__"):
        return False
    if isinstance(value, (FunctionType, *_ROUND_A_FUNCTION, property, cached_property)):
        return True
    if issubclass(cls, Enum):
        return False  # its members are read already
    return not name.startswith(("__", "_abc_")) and name not in ("model_config", "model_fields")


def _contents(value: Any, below: Callable[[Any], Any]) -> Any:
    """A container: what is in it, where it is of a size that somebody would write down."""
    kind = type(value).__name__
    if len(value) > _LARGE:
        return kind, len(value)
    if isinstance(value, dict):
        return kind, [(below(key), below(each)) for key, each in value.items()]
    if isinstance(value, (set, frozenset)):
        return kind, sorted(_still(each) for each in value)
    return kind, [below(each) for each in value]


def _still(value: Any) -> str:
    """An element of a set, which has no order in which what it leads to could be followed."""
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if isinstance(value, _SETTLED):
        return f"{kind.__name__} {value}"
    if isinstance(value, (tuple, frozenset)):
        parts = [_still(each) for each in value]
        return f"{kind.__name__} {sorted(parts) if kind is frozenset else parts}"
    return str(getattr(value, "__qualname__", kind.__qualname__))
