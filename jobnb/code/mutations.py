"""What the followed code changes itself, which is therefore no input of it.

Otherwise a step's own run would make it stale. Across all functions that a function leads to,
these names are left out of its hash:

- names that one of them rebinds: `global count; count += 1`, `nonlocal`;
- containers, arrays, tables and objects that one of them changes in place: `cache[key] = 1`,
  `rows.append(1)`, `state.total += 1`, `heapq.heappush(heap, 1)`, `table.insert(...)`; also by a
  local name for it, by a function's return value, or by passing it to a followed function that
  changes its parameter. Of an object only the attribute that is set counts as changed;
- attributes that a method sets on its own object, where the method is called by name, is special
  (`__call__`) or a property. What constructors set is an input.

A thing that is changed in another way counts as an input: a step that is stale after its own run
gets noticed, an unnoticed change would not.
"""

from __future__ import annotations

import array
from collections import UserDict, UserList, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property, partial
from inspect import getattr_static
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

from jobnb.code.bytecode_facts import FIRST_CHANGERS, MUTATORS, facts_of
from jobnb.code.name_usage import Trail, name_usage_of
from jobnb.code.static_inspection import instance_state, module_of_code

Place = tuple[Any, ...]
"""Where something is: a name in the globals of a module, a cell, an attribute, or the thing itself
(`in`). `self` and `class` are attributes of all objects of a class."""
_CONTAINERS = (list, dict, set, bytearray, deque, array.array, UserDict, UserList)
_TABLES = frozenset(("ndarray", "DataFrame", "Series", "Index"))
_TABLE_MUTATORS = MUTATORS - {"add", "remove", "append", "subtract", "clear", "discard", "extend"}
_GIVES_PARTS = frozenset(
    ("get", "values", "items", "setdefault", "pop", "popitem", "popleft", "loc", "iloc", "at",
     "iat", "flat", "T", "ravel", "reshape", "view", "maps", "data")
)  # fmt: skip
_CONSTRUCTORS = frozenset(
    ("__init__", "__new__", "__post_init__", "__attrs_post_init__", "__init_subclass__",
     "__set_name__", "__setstate__", "__class_getitem__", "model_post_init", "__del__",
     "__pydantic_init_subclass__", "__reduce__", "__getstate__", "__copy__", "__deepcopy__")
)  # fmt: skip
_MISSING: Any = object()
_DEEP = 6


class _Effect(NamedTuple):
    """What a function does to something.

    Attributes:
        kind: It `sets` the last attribute, `changes` it, or `reads` a method that may change it.
        trail: What that is done to.
    """

    kind: str
    trail: Trail


class _Method(NamedTuple):
    """A function as a method of a class."""

    cls: type
    name: str
    fn: Any  # A FunctionType, which mypy takes for a method here.
    is_of_class: bool
    is_property: bool

    @property
    def is_always_called(self) -> bool:
        """Whether it runs without being called by its name."""
        dunder = self.name.startswith("__") and self.name.endswith("__")
        return self.is_property or (dunder and self.name not in _CONSTRUCTORS)


class OwnChanges:
    """Finds what functions change.

    Args:
        is_own: Whether the module of that name is the user's own.
    """

    def __init__(self, is_own: Callable[[str | None], bool]) -> None:
        self._is_own = is_own
        # The cache keeps the functions alive, so that their ids are not reused.
        self._effects: dict[int, tuple[FunctionType, frozenset[_Effect]]] = {}
        self._methods: dict[int, tuple[_Method, ...]] = {}
        self._found: dict[tuple[int, str], tuple[Any, frozenset[Place]]] = {}

    def places(self, followed: Iterable[Any], direct: Collection[int]) -> frozenset[Place]:
        """Return all places that functions and classes change.

        Args:
            followed: The functions and classes.
            direct: The ids of the functions that are reached not only through their class.
        """
        values = list(followed)
        functions = [each for each in values if type(each) is FunctionType]
        methods = [e for cls in values if _is_a(cls, type) for e in self._methods_of(cls)]
        waiting = {id(each.fn): each for each in methods if id(each.fn) not in direct}
        running = self._running([fn for fn in functions if id(fn) not in waiting], waiting)
        found: set[Place] = set()
        for fn in running:
            found |= self._outer(fn)
        ids = {id(fn) for fn in running}
        for method in methods:
            if id(method.fn) in ids:
                found |= self._of_self(method)
        return frozenset(found)

    def _methods_of(self, cls: type) -> tuple[_Method, ...]:
        if id(cls) not in self._methods:
            self._methods[id(cls)] = tuple(_methods(cls))
        return self._methods[id(cls)]

    def _outer(self, fn: FunctionType) -> frozenset[Place]:
        """Return the places outside of a function that it changes."""
        key = id(fn), ""
        if key not in self._found:
            self._found[key] = fn, frozenset(self._outer_places(fn))
        return self._found[key][1]

    def _of_self(self, method: _Method) -> frozenset[Place]:
        """Return the attributes of its own object that a method changes."""
        key = id(method.fn), method.cls.__qualname__
        if key not in self._found:
            self._found[key] = method, frozenset(self._places_of_self(method))
        return self._found[key][1]

    def _running(
        self, running: list[FunctionType], waiting: dict[int, _Method]
    ) -> list[FunctionType]:
        """Return the functions that may run in a step, with the methods that they call."""
        named: set[str] = set()
        for fn in running:  # The list grows while it is read.
            named |= facts_of(fn.__code__).attributes
            for key, each in list(waiting.items()):
                if each.is_always_called or each.name in named:
                    running.append(each.fn)
                    del waiting[key]
        # A constructor's effects on other things happen in each step that creates an object.
        running += [each.fn for each in waiting.values() if each.name in _CONSTRUCTORS]
        return running

    # --- what a function does ----------------------------------------------

    def _all_effects(self, fn: FunctionType, depth: int = _DEEP) -> frozenset[_Effect]:
        """Return a function's effects, also through functions that it passes arguments to."""
        found = self._effects.get(id(fn))
        if found is not None:
            return found[1]
        usage = name_usage_of(fn.__code__)
        effects = {_Effect("sets", each) for each in usage.sets}
        effects |= {_Effect("changes", each) for each in usage.changes}
        effects |= {_Effect("reads", each) for each in usage.reads if _may_change(each)}
        # Ends the recursion of functions that call each other.
        self._effects[id(fn)] = fn, frozenset(effects)
        for call in usage.calls if depth else ():
            if call.args:
                effects |= self._by_call(fn, call.callee, call.args, depth)
        self._effects[id(fn)] = fn, frozenset(effects)
        return self._effects[id(fn)][1]

    def _by_call(
        self, fn: FunctionType, callee: Trail, args: Iterable[tuple[int | str, Trail]], depth: int
    ) -> set[_Effect]:
        value = self._value(fn, callee)
        value, shift = _function_and_shift(value)
        if type(value) is not FunctionType or not self._is_followed(value):
            first = _changes_first(value)
            changed = {arg for key, arg in args if key == "out" or (first and key == 0)}
            inner = vars(value).get("__wrapped__") if type(value) is FunctionType else None
            if type(inner) is not FunctionType:
                return {_Effect("changes", arg) for arg in changed}
            value = inner
        found: set[_Effect] = set()
        while type(value) is FunctionType and depth:
            found |= self._by_parameters(value, shift, args, depth)
            value, depth = vars(value).get("__wrapped__"), depth - 1
        return found

    def _by_parameters(
        self, value: FunctionType, shift: int, args: Iterable[tuple[int | str, Trail]], depth: int
    ) -> set[_Effect]:
        """Return a function's effects on its arguments."""
        code, found = value.__code__, set()
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        for effect in self._all_effects(value, depth - 1):
            scope, name, *path = effect.trail
            if scope == "param" and name in names:
                place = names.index(name) - shift
                found |= {
                    _Effect(effect.kind, (*arg, *path)) for key, arg in args if key in (place, name)
                }
        return found

    def _is_followed(self, fn: FunctionType) -> bool:
        module = module_of_code(fn)
        return module is None or self._is_own(module)

    # --- where that is -----------------------------------------------------

    def _outer_places(self, fn: FunctionType) -> Iterator[Place]:
        is_followed = self._is_followed(fn)
        for scope, name in name_usage_of(fn.__code__).rebinds:
            cell = _cell(fn, name)
            if scope == "free" and cell is not None:
                yield "cell", id(cell)
            elif scope == "global":
                yield "name", id(fn.__globals__), name
        yield from self._places_of_bound(fn)
        for effect in self._all_effects(fn):
            if effect.trail[0] == "free" or (effect.trail[0] == "global" and is_followed):
                yield from self._places(fn, effect, _DEEP)
            elif effect.trail[0] == "param":
                yield from _places_in(_default(fn, effect.trail[1]), effect.kind, effect.trail[2:])

    def _places_of_bound(self, fn: FunctionType) -> Iterator[Place]:
        """Iterate over the places bound to a callable: `append = rows.append`, a partial."""
        usage = name_usage_of(fn.__code__)
        for trail in usage.reads:
            value = self._value(fn, trail[:-1] if trail[-1] == "()" else trail)
            if is_mutator(value):
                yield "in", id(value.__self__)
        for call in usage.calls:
            value = self._value(fn, call.callee)
            if not _is_a(value, partial):
                continue
            code, _ = _function_and_shift(value)
            if type(code) is not FunctionType or not self._is_followed(code):
                continue
            names = code.__code__.co_varnames
            given = dict(zip(names, value.args, strict=False)) | value.keywords
            for kind, (scope, name, *path) in self._all_effects(code):
                if scope == "param" and name in given:
                    yield from _places_in(given[name], kind, tuple(path))

    def _places(self, fn: FunctionType, effect: _Effect, depth: int) -> Iterator[Place]:
        """Iterate over the places that a function's trail leads to."""
        kind, (_, _, *path) = effect
        value = _start(fn, effect.trail)
        for index, step in enumerate(path):
            if step == "()":
                value, _ = _function_and_shift(value)
                if type(value) is FunctionType and self._is_followed(value) and depth:
                    for given in name_usage_of(value.__code__).returns:
                        further = _Effect(kind, (*given, *path[index + 1 :]))
                        yield from self._places(value, further, depth - 1)
                return
            if kind == "sets" and index == len(path) - 1:
                break
            if step == "__dict__" and not _is_a(value, ModuleType, type, FunctionType):
                yield "in", id(value)
                return
            further = _taken(value, step)
            if further is _MISSING:
                break
            value = further
        else:
            index = len(path)
        yield from _places_in(value, kind, tuple(path[index:]))

    def _value(self, fn: FunctionType, trail: Trail) -> Any:
        """Return the value of a trail without calls."""
        value = _start(fn, trail)
        for step in trail[2:]:
            value = _taken(value, step)
        return value

    # --- what methods do to their own objects ------------------------------

    def _places_of_self(self, method: _Method) -> Iterator[Place]:
        code = method.fn.__code__
        if not code.co_argcount:
            return
        first = code.co_varnames[0]
        own, effects = id(method.cls), self._all_effects(method.fn)
        above = [id(each) for each in method.cls.__mro__ if self._is_own(each.__module__)]
        for kind, trail in effects:
            scope, name, *path = trail
            if (scope, name) != ("param", first):
                continue
            of_class = method.is_of_class or method.name == "__new__"
            if path[:1] == ["__class__"]:
                of_class, path = True, path[1:]
            if method.name in _CONSTRUCTORS and not of_class:
                continue  # It initializes its object.
            attribute = path[0] if path and path[0] not in MUTATORS | {"[]"} else "[]"
            if attribute in ("[]", "__dict__"):
                yield "self", own, "[]"
            elif kind == "sets" and len(path) == 1 and not of_class:
                yield "self", own, attribute
            elif kind == "reads" or (kind == "changes" and ("sets", trail) in effects):
                yield from (("class in", each, attribute) for each in above)
            else:
                yield from (("class", each, attribute) for each in above)


def is_changeable(value: Any, is_own: bool = False) -> bool:
    """Whether a value can be changed in place, so that all its holders see it.

    Args:
        value: The value.
        is_own: Whether its class is the user's own.
    """
    kind = type(value)
    if kind is FunctionType or kind is type:
        return False
    if is_own:
        return not issubclass(kind, (tuple, int, float, str, bytes, frozenset))
    return issubclass(kind, (*_CONTAINERS, SimpleNamespace)) or _is_table(kind)


def _is_table(kind: type) -> bool:
    return any(
        each.__qualname__ in _TABLES and str(each.__module__).startswith(("numpy", "pandas"))
        for each in kind.__mro__
    )


def _places_in(value: Any, kind: str, path: tuple[str, ...]) -> Iterator[Place]:
    """Iterate over the places changed by writing to the `path` of a value."""
    cls = type(value)
    is_table = _is_table(cls)
    if kind == "sets" and len(path) == 1 and not is_table:
        yield "attribute", id(value), path[0]
        if _is_a(value, ModuleType):
            yield "name", id(vars(value)), path[0]
        elif cls is SimpleNamespace:
            yield "in", id(value)
        return
    if kind == "reads":
        changers = _TABLE_MUTATORS if is_table else MUTATORS
        if not issubclass(cls, _CONTAINERS) and not is_table:
            return
        if path and path[0] not in changers and not _is_part(path[0]):
            return
        if not any(step in changers for step in path):
            return
    if path and kind != "reads" and not _is_part(path[0]):
        return
    if value is not _MISSING and cls not in (FunctionType, ModuleType) and not _is_a(value, type):
        yield "in", id(value)


def _is_part(step: str) -> bool:
    return step == "[]" or step in _GIVES_PARTS


def _may_change(trail: Trail) -> bool:
    return any(step in MUTATORS for step in trail[2:])


def _start(fn: FunctionType, trail: Trail) -> Any:
    """Return the value of the name that a trail begins with."""
    scope, name = trail[:2]
    if scope == "global":
        builtins = fn.__globals__.get("__builtins__", {})
        known = vars(builtins) if _is_a(builtins, ModuleType) else builtins
        return fn.__globals__.get(name, known.get(name, _MISSING))
    if scope == "free":
        cell = _cell(fn, name)
        try:
            return _MISSING if cell is None else cell.cell_contents
        except ValueError:  # An empty cell: not assigned yet.
            return _MISSING
    return _MISSING


def _taken(value: Any, step: str) -> Any:
    """Return an attribute of a value, without running code."""
    if value is _MISSING or step in ("[]", "()"):
        return _MISSING
    if _is_a(value, ModuleType):
        return vars(value).get(step, _MISSING)
    if _is_a(value, type):
        found = getattr_static(value, step, _MISSING)
        if _is_a(found, classmethod):
            return partial(found.__func__, value)
        return found.__func__ if _is_a(found, staticmethod) else found
    if type(value) is FunctionType:
        return vars(value).get(step, _MISSING)
    if issubclass(type(value), _CONTAINERS) or _is_table(type(value)):
        return _MISSING
    for name, each in instance_state(value):
        if name == step:
            return each
    found = getattr_static(type(value), step, _MISSING)
    if _is_a(found, FunctionType):
        return partial(found, value)
    if _is_a(found, classmethod) and isinstance(found.__func__, FunctionType):
        return partial(found.__func__, type(value))
    return _MISSING if _is_a(found, property, cached_property) else found


def _function_and_shift(value: Any) -> tuple[Any, int]:
    """Return the function behind a callable, and how many parameters are bound."""
    shift = 0
    for _ in range(_DEEP):
        if _is_a(value, staticmethod, classmethod):
            value = value.__func__
        elif _is_a(value, partial):
            value, shift = value.func, shift + len(value.args)
        elif _is_a(value, MethodType):
            value, shift = value.__func__, shift + 1
        elif _is_a(value, type) and _is_a(vars(value).get("__init__"), FunctionType):
            value, shift = vars(value)["__init__"], shift + 1
        elif (
            hasattr(type(value), "cache_parameters") or type(value).__name__ == "_lru_cache_wrapper"
        ):
            value = value.__wrapped__
        else:
            break
    return value, shift


def _changes_first(value: Any) -> bool:
    """Whether it is a library's function or method that changes its first argument."""
    if _is_a(value, MethodDescriptorType):
        return value.__name__ in MUTATORS
    kind = type(value)
    of_numpy = kind.__name__ == "_ArrayFunctionDispatcher"
    if of_numpy or _is_a(value, BuiltinFunctionType, FunctionType, WrapperDescriptorType):
        return value.__name__ in FIRST_CHANGERS
    return False


def _is_a(value: Any, *classes: type) -> bool:
    """Check `isinstance` without asking the object, which may be a lazy proxy."""
    return issubclass(type(value), classes)


def is_mutator(value: Any) -> bool:
    """Whether it is a container's method that changes the container."""
    if not _is_a(value, BuiltinFunctionType) or value.__name__ not in MUTATORS:
        return False
    return _is_a(value.__self__, *_CONTAINERS) or _is_table(type(value.__self__))


def _cell(fn: FunctionType, name: str) -> Any:
    names = fn.__code__.co_freevars
    return fn.__closure__[names.index(name)] if name in names and fn.__closure__ else None


def _default(fn: FunctionType, name: str) -> Any:
    """Return the default of a parameter."""
    if fn.__kwdefaults__ and name in fn.__kwdefaults__:
        return fn.__kwdefaults__[name]
    defaults, code = fn.__defaults__ or (), fn.__code__
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    return defaults[names.index(name)] if name in names else _MISSING


def _methods(cls: type) -> Iterator[_Method]:
    """Iterate over the functions of a class."""
    for name, value in vars(cls).items():
        is_property = _is_a(value, property, cached_property)
        of_class = _is_a(value, classmethod) or name == "__init_subclass__"
        inner: list[Any] = [value]
        if _is_a(value, property):
            inner = [value.fget, value.fset, value.fdel]
        elif _is_a(value, cached_property):
            inner = [value.func]
        elif _is_a(value, staticmethod, classmethod):
            inner = [value.__func__]
        for each in inner:
            fn, _ = _function_and_shift(each)
            if type(fn) is FunctionType:
                yield _Method(cls, name, fn, of_class, is_property)
