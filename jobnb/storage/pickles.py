"""Pickles of values whose classes a notebook defines: they load as instances of its classes.

Such a class is pickled whole, so that whoever does not define it reads the value too. Where it is
defined, its name counts, as for a class of a module: a new kernel has other class objects than the
one that stored the value, and `isinstance` would say no. Functions keep what they did when they
were stored.
"""

from __future__ import annotations

import dis
import pickle
import re
import sys
import types
import warnings
from collections.abc import Container, Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, get_args

from jobnb.definitions.types.data_type import shown

_MAKERS = "cloudpickle.cloudpickle"
_MODULE = re.compile(r"\b\w+\.")


class _Name(NamedTuple):
    """The qualified name of a class: its module, and its dotted name there."""

    module: str
    qualname: str


class _OtherClassError(Exception):
    """The stored value cannot be an instance of the class that has this name now."""

    def __init__(self, name: _Name) -> None:
        super().__init__(name)
        self.name = name


def dump(value: Any, file: BinaryIO) -> None:
    """Write a value; what it needs of the notebook goes with it."""
    _pickler()(file).dump(value)


@cache
def _pickler() -> type[Any]:
    from cloudpickle import Pickler, cloudpickle

    class Own(Pickler):  # type: ignore[misc]
        """Also records the class around a class: `Outer.Inner`."""

        def reducer_override(self, obj: Any) -> Any:
            if not issubclass(type(obj), (type, types.FunctionType)):
                return NotImplemented  # as it would, at half the time
            reduced = super().reducer_override(obj)
            if reduced is NotImplemented or reduced[0] is not cloudpickle._make_skeleton_class:
                return reduced
            made, (kind, name, bases, said, *rest), *more = reduced
            return (
                made,
                (kind, name, bases, {**said, "__qualname__": obj.__qualname__}, *rest),
                *more,
            )

    return Own


def load(path: Path, scope: Mapping[str, Any] | None = None) -> Any:
    """Read a value.

    Args:
        path: The file.
        scope: Where the classes of the notebook are looked up first, by name.
    """
    apart: set[_Name] = set()  # the classes that are left as they were stored
    while True:
        with path.open("rb") as file:
            reader = _Reader(file, scope or {}, apart)
            try:
                value = reader.load()
                break
            except Exception as error:
                others = reader.others(error)
                if not others:
                    raise
                apart |= others
    for note in reader.notes():
        text = f"The value in {str(path)!r} was stored by another definition of {note}"
        warnings.warn(text, stacklevel=2)
    return value


class _Reader(pickle.Unpickler):
    """Loads instances of pickled classes as instances of the present ones.

    Args:
        file: What is read.
        scope: Where classes are looked up first.
        apart: Those that are left as they were stored.
    """

    def __init__(self, file: BinaryIO, scope: Mapping[str, Any], apart: set[_Name]) -> None:
        super().__init__(file)
        self._scope, self._apart = scope, apart
        self._now: dict[_Name, type] = {}  # the classes that are defined now
        self._names: dict[type, _Name] = {}
        self._differences: dict[_Name, str] = {}
        self._makers = {
            "_make_skeleton_class": self._class,
            "_make_skeleton_enum": self._enum,
            "_class_setstate": self._state,
        }

    def find_class(self, module: str, name: str) -> Any:
        """Return the class that the pickle names; replace cloudpickle's constructors of classes."""
        found = super().find_class(module, name)
        return self._makers.get(name, found) if module == _MAKERS else found

    def _class(self, kind: Any, name: str, bases: Any, said: Any, *rest: Any) -> type:
        from cloudpickle import cloudpickle

        called = _Name(said.get("__module__", ""), said.get("__qualname__", name))
        now = self._find(called, Enum, wanted=False)
        if now is not None and called not in self._apart:
            return now
        made = cloudpickle._make_skeleton_class(kind, name, bases, said, *rest)
        return self._called(made, called)

    def _enum(self, bases: Any, name: str, qualname: str, members: Any, *rest: Any) -> type:
        from cloudpickle import cloudpickle

        called = _Name(rest[0], qualname)
        now = self._find(called, Enum, wanted=True)
        if now is not None:
            known = {each.name: each.value for each in now}  # type: ignore[attr-defined]
            self._compare(called, "members", _shown(members), _shown(known))
            if called not in self._apart:
                return now if _means_the_same(members, known) else self._refuse(called)
        made = cloudpickle._make_skeleton_enum(bases, name, qualname, members, *rest)
        return self._called(made, called)

    def _state(self, made: type, state: Any) -> type:
        from cloudpickle import cloudpickle

        called = self._names.get(made)
        if called is None:  # it is defined nowhere but here
            return cloudpickle._class_setstate(made, state)  # type: ignore[no-any-return]
        now = self._now[called]
        if not issubclass(now, Enum):
            self._compare_state(called, state[0], now)
        if made is now:
            return made
        return cloudpickle._class_setstate(made, state)  # type: ignore[no-any-return]

    def _compare_state(self, called: _Name, attributes: Mapping[str, Any], now: type) -> None:
        """Compare the fields of stored instances; refuse a class that would misread them."""
        then, fields = _fields(attributes), _fields(vars(now))
        tells = then is not None and fields is not None
        then, fields = then or {}, fields or {}
        had, has = (
            then | _set_by_methods(attributes, then),
            fields | _set_by_methods(vars(now), fields),
        )
        if not tells:  # of one of them no types are known
            had, has = (dict.fromkeys(sorted(each), "") for each in (had, has))
        self._compare(called, "fields" if tells else "attributes", had, has)
        by_place = issubclass(now, tuple) or _sets_by_place(attributes)
        if tells and by_place and list(then) != list(fields) and called not in self._apart:
            self._refuse(called)

    def _find(self, called: _Name, kind: type, *, wanted: bool) -> type | None:
        """Return the class that has a name now, where there is one of its kind."""
        module = vars(sys.modules[called.module]) if called.module in sys.modules else {}
        own = self._scope if self._scope.get("__name__") == called.module else {}
        first, *inner = called.qualname.split(".")
        found: Any = own.get(first, module.get(first))
        for name in inner:
            found = vars(found).get(name) if isinstance(found, type) else None
        if not isinstance(found, type) or issubclass(found, kind) is not wanted:
            return None
        self._now[called] = found
        self._names[found] = called
        return found

    def _called(self, made: type, called: _Name) -> type:
        if called in self._now:
            self._names[made] = called
        return made

    def _refuse(self, called: _Name) -> NoReturn:
        raise _OtherClassError(called)

    def _compare(
        self, called: _Name, noun: str, then: Mapping[str, str], now: Mapping[str, str]
    ) -> None:
        if dict(then) != dict(now) or (noun == "fields" and list(then) != list(now)):
            self._differences[called] = f"the {noun} were {_listed(then)} and are {_listed(now)}"

    def others(self, error: Exception) -> set[_Name]:
        """Return the classes that may be why a value cannot be read by the names of today."""
        if isinstance(error, _OtherClassError):
            return {error.name}
        known = set(self._now) - self._apart
        return known & set(self._differences) or known

    def notes(self) -> Iterator[str]:
        """Describe the classes that differ from the stored ones."""
        for called in dict.fromkeys((*self._differences, *self._apart)):
            why = self._differences.get(called, "no instance can be made of it now")
            more = " It is an instance of the old one." if called in self._apart else ""
            yield f"{called.qualname!r}: {why}.{more} Materialize it again to store it again."


def _fields(attributes: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the fields of a class's instances, with the types as text, if it declares them."""
    for kind in ("__dataclass_fields__", "__pydantic_fields__"):
        if kind in attributes:
            types_ = {name: _type_of(field) for name, field in attributes[kind].items()}
            return {name: type_ for name, type_ in types_.items() if "ClassVar" not in type_}
    if "__attrs_attrs__" in attributes:
        return {each.name: _type_of(each) for each in attributes["__attrs_attrs__"]}
    if "_fields" in attributes:
        return dict.fromkeys(attributes["_fields"], "")
    if "__annotations__" in attributes:
        return {name: _label(type_) for name, type_ in attributes["__annotations__"].items()}
    slots = attributes.get("__slots__")
    return (
        None if slots is None else dict.fromkeys((slots,) if isinstance(slots, str) else slots, "")
    )


def _set_by_methods(attributes: Mapping[str, Any], fields: Container[str]) -> dict[str, str]:
    """Return the attributes beside its fields that a class's methods set; they have no types."""
    found = {name for each in attributes.values() for name in _set_by(each)}
    return dict.fromkeys(sorted(name for name in found if name not in fields), "")


def _set_by(method: Any) -> Iterator[str]:
    """Iterate over the attributes that a method assigns to its first argument."""
    if not isinstance(method, types.FunctionType) or not method.__code__.co_argcount:
        return
    me, before = method.__code__.co_varnames[0], None
    for each in dis.get_instructions(method):
        if each.opname == "STORE_ATTR" and before is not None and _loads(before, me):
            yield each.argval
        before = each


def _loads(instruction: dis.Instruction, name: str) -> bool:
    """Whether what an instruction loads last is a local variable."""
    what = instruction.argval  # of two variables that are loaded at once, a pair
    last = what[-1:] if isinstance(what, tuple) else (what,)
    return instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) and last == (name,)


def _type_of(field: Any) -> str:
    return _label(getattr(field, "type", None) or getattr(field, "annotation", None))


def _label(annotation: Any) -> str:
    """Return an annotation as text, the same whether it was postponed or not."""
    text = annotation if isinstance(annotation, str) else None
    if text is None and isinstance(annotation, type) and not get_args(annotation):
        text = annotation.__qualname__
    return _MODULE.sub("", text if text is not None else str(annotation))


def _sets_by_place(attributes: Mapping[str, Any]) -> bool:
    """Whether the state of its instances is a list: that of a dataclass with slots."""
    setter = attributes.get("__setstate__")
    return getattr(setter, "__module__", "") == "dataclasses"


def _shown(members: Mapping[str, Any]) -> dict[str, str]:
    return {name: shown(value) for name, value in members.items()}


def _listed(names: Mapping[str, str]) -> str:
    return (
        ", ".join(f"{name}: {type_}" if type_ else name for name, type_ in names.items()) or "none"
    )


def _means_the_same(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether each value that a member had is that of the same member now, if of any."""
    return _equal(then, now) or all(
        (name not in now or _equal(now[name], value))
        and not any(other != name and _equal(known, value) for other, known in now.items())
        for name, value in then.items()
    )


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - the values are the user's, as is what compares them
        return False
