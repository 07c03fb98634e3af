"""Describe a value that code uses as text: equal for equal values, in every process.

No code of the values runs, except numpy's and pandas' own. What cannot be read is listed in
`blind`, so that it can be shown.
"""

from __future__ import annotations

import array
import datetime as dt
import functools
import logging
import operator
import re
import sys
import threading
import types
from collections import ChainMap, OrderedDict, UserDict, UserList, UserString, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from itertools import islice
from pathlib import PurePath
from string import Template
from struct import Struct
from types import FunctionType, ModuleType
from typing import Any
from uuid import UUID

from jobnb.code.bytecode_facts import facts_of, plain_text
from jobnb.code.static_inspection import (
    class_name,
    declares_fields,
    has_no_state,
    instance_state,
    is_made_on_the_spot,
    module_of_code,
    public_name,
)
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.dependency import (
    AssetDependency,
    GraphInput,
    MultiDependencyDefinition,
    ValueDependency,
)
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition

PLAIN = frozenset((int, float, complex, str, bytes, bool, type(None), type(Ellipsis), range))
"""Types of values that are their own description."""
_DEEP = 20
_FEW = 64
_MOST_VALUES = 20_000  # How many nested values are read one by one.
_MOST_PLAIN = 200_000  # How many numbers and texts in one list.
_MOST_BYTES = 32_000_000
_SAMPLE = 2_000
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


class ValueText:
    """Describes one value as text.

    Args:
        is_own: Whether the module of that name is the user's own.
        left_out: The ids of containers whose contents do not count.

    Attributes:
        inside: The ids of the containers that it holds.
        uses: The user's own functions, classes and objects that it leads to, in order.
        blind: The parts that were not read, in words.
    """

    def __init__(
        self, is_own: Callable[[str | None], bool], left_out: Collection[int] = ()
    ) -> None:
        self.is_own = is_own
        self.left_out = left_out
        self.inside: set[int] = set()
        self.uses: list[Any] = []
        self.blind: list[str] = []
        self._left = _MOST_VALUES
        self._inside: list[int] = []

    def text(self, value: Any) -> Any:
        """Return an object whose `repr` describes the value."""
        kind = type(value)
        if kind in PLAIN:
            return self._plain(value)
        if id(value) in self._inside:
            return "itself"
        if id(value) in self.left_out:
            return class_name(kind)
        self.inside.add(id(value))
        if len(self._inside) >= _DEEP or self._left <= 0:
            self.in_part(value)
            return class_name(kind)
        self._left -= 1
        self._inside.append(id(value))
        try:
            return self._described(value, kind)
        except Exception:  # noqa: BLE001 - inspecting a value may raise anything
            return self.opaque(value)
        finally:
            self._inside.pop()

    def _described(self, value: Any, kind: type) -> Any:
        if kind is FunctionType:
            return self.function(value)
        if issubclass(kind, type):
            return self.reference(value)
        if issubclass(kind, Enum):
            return _member(self, value, kind)
        found = _reader_of(kind)
        if self.is_own(kind.__module__):
            self.uses.append(value)
            return "own"
        if found is None:
            return self._unknown(value, kind)
        reads, base = found
        return kind.__qualname__, reads(self, value, base)

    def content(self, value: Any) -> Any:
        """Return the contents that an object of the user's own inherits, as from `dict`."""
        found = _reader_of(type(value))
        return found[0](self, value, found[1]) if found is not None else None

    # --- functions and classes ---------------------------------------------

    def function(self, fn: FunctionType) -> str:
        """Describe a function: the user's own is followed, a library's named with what it wraps."""
        module = module_of_code(fn)
        own = module is None or self.is_own(module)
        if own or fn.__closure__ or fn.__dict__:
            self.uses.append(fn)
        return "own" if own else f"{module}.{fn.__qualname__}"

    def reference(self, cls: type) -> str:
        """Describe a class: the user's own is followed, a library's named."""
        if self.is_own(cls.__module__) or is_made_on_the_spot(cls):
            self.uses.append(cls)
            return "own"
        return class_name(cls)

    # --- what is not looked into -------------------------------------------

    def _unknown(self, value: Any, kind: type) -> Any:
        if declares_fields(kind):
            return class_name(kind), self.state(value)
        name = public_name(value)
        if name:
            return name
        if issubclass(kind, _NO_INPUT) or has_no_state(value, kind):
            return class_name(kind)
        return self.opaque(value)

    def opaque(self, value: Any) -> Any:
        """Describe an object by its class and the functions it holds: a model, a connection."""
        kind = type(value)
        self.blind.append(f"an object of class {class_name(kind)}")
        self._left -= 1
        held = sorted(instance_state(value)) if self._left > 0 else []
        functions = (types.FunctionType, types.MethodType, functools.partial)
        return self.reference(kind), [
            (name, self.text(each)) for name, each in held if type(each) in functions
        ]

    def in_part(self, value: Any, size: str = "") -> None:
        """Note that a value was not read as a whole."""
        words = f"{_article(type(value).__qualname__)}{size} that is read only in part"
        if words not in self.blind:
            self.blind.append(words)

    # --- what is read ------------------------------------------------------

    def state(self, value: Any) -> Any:
        """Describe the attributes of an object, by name."""
        return [(name, self.text(each)) for name, each in sorted(instance_state(value))]

    def _plain(self, value: Any) -> str:
        if type(value) in (str, bytes) and len(value) > _MOST_BYTES:
            self.in_part(value, f" of {len(value):,} characters")
            step = len(value) // _SAMPLE
            return f"{len(value)} {value[:_SAMPLE]!r} {value[::step]!r} {value[-_SAMPLE:]!r}"
        return plain_text(value)

    def values(self, values: Iterable[Any], count: int, whole: Any) -> Any:
        """Describe the elements of a container, in order; of very many, a sample."""
        if count <= _FEW:
            return [self.text(each) for each in values]
        some = list(values if count <= _MOST_PLAIN else _some(values, count))
        plain = set(map(type, some)) <= PLAIN
        if not plain and len(some) > _MOST_VALUES:
            some = list(_some(some, count))
        if len(some) < count:
            self.in_part(whole, f" of {count:,}")
        return count, _digest_of(some) if plain else [self.text(each) for each in some]

    def unordered(self, values: Iterable[Any]) -> list[Any]:
        """Describe elements without an order, in one that is always the same."""
        found = []
        for each in values:
            before = len(self.uses)
            text = repr(self.text(each))
            used = self.uses[before:]
            del self.uses[before:]
            found.append((text, [_roughly(one) for one in used], used))
        found.sort(key=operator.itemgetter(0, 1))
        for _, _, used in found:
            self.uses += used
        return [text for text, _, _ in found]


# --- values by their class -------------------------------------------------


def _sequence(out: ValueText, value: Any, base: Any) -> Any:
    limit = (value.maxlen,) if base is deque else ()
    return (*limit, out.values(base.__iter__(value), base.__len__(value), value))


def _set(out: ValueText, value: Any, base: Any) -> Any:
    count = base.__len__(value)
    if count <= _FEW:
        return out.unordered(base.__iter__(value))
    if set(map(type, base.__iter__(value))) <= PLAIN:
        if count <= _MOST_PLAIN:
            return count, _digest(repr(sorted(map(plain_text, base.__iter__(value)))).encode())
    elif count <= _MOST_VALUES:
        return out.unordered(base.__iter__(value))
    out.in_part(value, f" of {count:,}")
    return count  # Without an order there is no stable sample.


def _mapping(out: ValueText, value: Any, base: Any) -> Any:
    factory = out.text(value.default_factory) if base is defaultdict else ""
    count = base.__len__(value)
    keys = out.values(base.keys(value), count, value)
    return factory, keys, out.values(base.values(value), count, value)


def _state(out: ValueText, value: Any, _base: Any) -> Any:
    return out.state(value)


def _member(out: ValueText, value: Any, base: Any) -> Any:
    return value._name_, out.text(value._value_), out.reference(base)


def _bound(out: ValueText, value: Any, _base: Any) -> Any:
    """Describe a function written in C: of a module, or a bound method."""
    owner = value.__self__
    if owner is None or isinstance(owner, ModuleType):
        return value.__module__, value.__qualname__
    return value.__name__, out.text(owner)


def _attributes(*names: str) -> Callable[[ValueText, Any, Any], Any]:
    def read(out: ValueText, value: Any, _base: Any) -> Any:
        return [out.text(getattr(value, name)) for name in names]

    return read


def _of_class(out: ValueText, value: Any, _base: Any) -> Any:
    return out.reference(value.__objclass__), value.__name__


def _written(write: Callable[[Any], Any]) -> Callable[[ValueText, Any, Any], Any]:
    return lambda _out, value, _base: write(value)


def _moment(out: ValueText, value: Any, base: Any) -> Any:
    return base.isoformat(value), value.fold, out.text(value.tzinfo)


def _repr(out: ValueText, value: Any, _base: Any) -> Any:
    """Describe a value by its `repr`, if that does not hold an address."""
    text = repr(value)
    return out.opaque(value) if _ADDRESS.search(text) else text


def _zone(out: ValueText, value: Any, _base: Any) -> Any:
    return value.key or out.opaque(value)


def _typing(out: ValueText, value: Any, _base: Any) -> Any:
    """Describe `list[Order]`, `Annotated[int, ...]`, with what is inside."""
    parts = [getattr(value, name, None) for name in ("__origin__", "__args__", "__metadata__")]
    return _repr(out, value, _base) if parts == [None] * 3 else [out.text(each) for each in parts]


def _module(out: ValueText, value: Any, _base: Any) -> Any:
    if out.is_own(value.__name__):
        out.uses.append(value)
    return value.__name__


def _reduced(out: ValueText, value: Any, _base: Any) -> Any:
    # Of a type written in C: its name and constructor arguments.
    return out.text(value.__reduce__())


def _cached(out: ValueText, value: Any, _base: Any) -> Any:
    return out.text(value.cache_parameters()), out.text(value.__wrapped__)


def _error(out: ValueText, value: Any, _base: Any) -> Any:
    return out.text(value.args)


def _op(out: ValueText, value: Any, _base: Any) -> Any:
    return value.version or out.text(value.compute_fn)


def _graph(out: ValueText, graph: Any, _base: Any) -> Any:
    """Describe the ops of a graph and its edges, independent of their order."""
    nodes = [(name, out.text(node.definition)) for name, node in sorted(graph.node_map.items())]
    edges = [
        (name, [(each, _edge(out, fed)) for each, fed in sorted(inputs.items())])
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
    mapping = out.text(getattr(graph.config_mapping, "config_fn", graph.config_mapping))
    return nodes, edges, sorted(begins), sorted(ends), mapping


def _edge(out: ValueText, fed: Any) -> Any:
    """Describe what feeds an input of a node."""
    if isinstance(fed, ValueDependency):
        return "value", out.text(fed.value)
    if isinstance(fed, AssetDependency):
        return "asset", fed.asset.key.path
    if isinstance(fed, MultiDependencyDefinition):
        return [_edge(out, each) for each in fed.dependencies]
    if isinstance(fed, GraphInput):
        return "input", fed.name
    return type(fed).__name__, fed.node, fed.output


# --- numpy and pandas ------------------------------------------------------


def _array(out: ValueText, value: Any, base: Any) -> Any:
    """Describe a numpy array: its type, its shape and its bytes."""
    about = str(value.dtype), value.shape
    if value.dtype.names:
        return about, [
            (name, out.text(base.__getitem__(value, name))) for name in value.dtype.names
        ]
    if value.dtype.hasobject:
        return about, out.values(value.flat, value.size, value)
    if value.nbytes > _MOST_BYTES:
        out.in_part(value, f" of {value.nbytes:,} bytes")
        step = value.size // (_MOST_BYTES // 32 // value.itemsize) or 1
        return about, _digest(value.flat[::step].tobytes())
    return about, _digest(base.tobytes(value))


def _masked(out: ValueText, value: Any, _base: Any) -> Any:
    return [out.text(each) for each in (value.data, value.mask, value.fill_value)]


def _scalar(out: ValueText, value: Any, _base: Any) -> Any:
    if value.dtype.hasobject or value.dtype.names:
        return out.text(value.item())
    return str(value.dtype), value.tobytes().hex()


def _ufunc(out: ValueText, value: Any, _base: Any) -> Any:
    name = str(value.__name__)
    for module in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(module), name, None) is value:
            return f"{module}.{name}"
    return out.opaque(value)


def _frame(out: ValueText, value: Any, _base: Any) -> Any:
    places = list(_some(range(value.shape[1]), value.shape[1]))
    if len(places) < value.shape[1]:
        out.in_part(value, f" of {value.shape[1]:,} columns")
    columns = [_column(out, value.iloc[:, place].array) for place in places]
    return out.text(value.columns), out.text(value.index), columns, out.text(value.attrs)


def _series(out: ValueText, value: Any, _base: Any) -> Any:
    column = _column(out, value.array)
    return out.text(value.name), out.text(value.index), column, out.text(value.attrs)


def _index(out: ValueText, value: Any, base: Any) -> Any:
    if value.nlevels > 1:
        return [_index(out, value.get_level_values(place), base) for place in range(value.nlevels)]
    if hasattr(value, "step") and hasattr(value, "stop"):
        return out.text(value.name), value.start, value.stop, value.step
    return out.text(value.name), _column(out, value.array)


def _column(out: ValueText, value: Any, _base: Any = None) -> Any:
    """Describe a pandas array: numbers by their bytes, else its elements one by one."""
    if hasattr(value, "categories"):
        return out.text(value.categories), value.ordered, out.text(value.codes)
    plain = getattr(value, "_ndarray", None)  # numpy's types, datetimes and timedeltas.
    if plain is not None:
        return str(value.dtype), out.text(plain)
    if hasattr(value, "_mask"):
        values = value._data.copy()
        values[value._mask] = 0  # Whatever type is below it.
        return str(value.dtype), out.text(values), out.text(value._mask)
    count = len(value)
    if count > _MOST_PLAIN:
        out.in_part(value, f" of {count:,}")
        value = value[:: count // _SAMPLE]
    elements = value.to_numpy(dtype=object).tolist()
    return str(value.dtype), count, out.text(elements)


def _with_unit(out: ValueText, value: Any, base: Any) -> Any:
    unit = getattr(value, "unit", None)
    return _repr(out, value, base), unit, out.text(getattr(value, "tz", None))


_Reads = Callable[[ValueText, Any, Any], Any]
_BY_CLASS: dict[type, _Reads] = {
    **{base: _written(base.__repr__) for base in (int, float, complex, str, bytes)},
    **dict.fromkeys((list, tuple, deque, bytearray), _sequence),
    **dict.fromkeys((set, frozenset), _set),
    **dict.fromkeys((dict, OrderedDict, defaultdict, types.MappingProxyType), _mapping),
    **dict.fromkeys((UserDict, UserList, UserString, ChainMap, Template), _state),
    types.SimpleNamespace: _state,
    **dict.fromkeys((dt.datetime, dt.time), _moment),
    dt.date: _written(dt.date.isoformat),
    dt.timedelta: _attributes("days", "seconds", "microseconds"),
    dt.timezone: _written(dt.timezone.__repr__),
    dt.tzinfo: _repr,
    Decimal: _written(Decimal.__str__),
    UUID: _attributes("int"),
    PurePath: _written(PurePath.__str__),
    re.Pattern: _attributes("pattern", "flags"),
    Struct: _attributes("format"),
    slice: _attributes("start", "stop", "step"),
    memoryview: lambda _out, value, _base: (value.format, value.shape, _digest(value.tobytes())),
    array.array: lambda _out, value, base: (value.typecode, _digest(base.tobytes(value))),
    BaseException: _error,
    ModuleType: _module,
    functools.partial: _attributes("func", "args", "keywords"),
    functools.partialmethod: _attributes("func", "args", "keywords"),
    functools.singledispatchmethod: _attributes("func", "dispatcher"),
    functools.cached_property: _attributes("func"),
    type(functools.lru_cache(print)): _cached,
    **dict.fromkeys((staticmethod, classmethod), _attributes("__func__")),
    property: _attributes("fget", "fset", "fdel"),
    types.MethodType: _attributes("__func__", "__self__"),
    types.BuiltinFunctionType: _bound,
    types.MethodWrapperType: _bound,
    **dict.fromkeys(
        (
            types.WrapperDescriptorType,
            types.MethodDescriptorType,
            types.ClassMethodDescriptorType,
            types.GetSetDescriptorType,
            types.MemberDescriptorType,
        ),
        _of_class,
    ),
    **dict.fromkeys((operator.itemgetter, operator.attrgetter, operator.methodcaller), _reduced),
    **dict.fromkeys((types.GenericAlias, types.UnionType), _typing),
    OpDefinition: _op,
    AssetsDefinition: _attributes("node_def"),
    GraphDefinition: _graph,
    AssetKey: _attributes("path"),
    PartitionsDefinition: _repr,
}
_BY_NAME: dict[tuple[str, str], _Reads] = {
    ("argparse", "Namespace"): _state,
    ("fractions", "Fraction"): _attributes("_numerator", "_denominator"),
    ("zoneinfo", "ZoneInfo"): _zone,
    ("numpy", "MaskedArray"): _masked,
    ("numpy", "ndarray"): _array,
    ("numpy", "generic"): _scalar,
    ("numpy", "dtype"): _repr,
    ("numpy", "ufunc"): _ufunc,
    ("numpy", "vectorize"): _attributes("pyfunc", "otypes", "signature", "excluded"),
    ("numpy", "poly1d"): _state,
    ("numpy", "ABCPolyBase"): _attributes("coef", "domain", "window", "symbol"),
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _index,
    ("pandas", "ExtensionArray"): _column,
    ("pandas", "ExtensionDtype"): _repr,
    **{
        ("pandas", name): _with_unit
        for name in ("Timestamp", "Timedelta", "_Timedelta", "_Period", "Interval", "BaseOffset")
    },
    **{("pandas", name): _repr for name in ("NaTType", "NAType")},
    ("ipaddress", "_IPAddressBase"): _repr,
    **{("typing", name): _typing for name in ("_Final", "TypeVar", "NewType", "ParamSpec")},
}
_NO_INPUT = (
    logging.Logger,
    logging.LoggerAdapter,
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Event,
    threading.Condition,
    threading.Semaphore,
)
"""Nothing that is computed depends on what these are."""


def _reader_of(kind: type) -> tuple[_Reads, type] | None:
    """Return the function that describes objects of a class, and the class it is registered for."""
    for base in kind.__mro__:
        reads = _BY_CLASS.get(base)
        if reads is None and base.__module__ != "builtins":
            reads = _BY_NAME.get((str(base.__module__).partition(".")[0], base.__qualname__))
        if reads is not None:
            return reads, base
    return None


# --- in short --------------------------------------------------------------


def _digest(data: Any) -> str:
    """Hash bytes."""
    return blake2b(data, digest_size=16).hexdigest()


def _digest_of(plain: list[Any]) -> str:
    """Hash many plain values."""
    try:
        text = repr(plain)
    except ValueError:  # A very long number.
        text = repr(list(map(plain_text, plain)))
    return _digest(text.encode())


def _some(values: Iterable[Any], count: int) -> Iterator[Any]:
    """Iterate over all of a few values, or over a sample of many."""
    return islice(values, 0, None, max(count // _SAMPLE, 1) if count > _MOST_VALUES else 1)


def _roughly(value: Any) -> str:
    """Return what distinguishes functions and classes cheaply."""
    name = str(getattr(value, "__qualname__", type(value).__qualname__))
    return name + (facts_of(value.__code__).token if isinstance(value, FunctionType) else "")


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
