"""The built-in types: scalars, Any, Nothing, and containers of other types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Dict, List, Optional, Set, Tuple  # noqa: UP035 - shown to users

from jobnb.definitions.types.data_type import (
    DataType,
    DataTypeKind,
    Passes,
    PythonObjectDataType,
    passes_for,
    shown,
)
from jobnb.definitions.types.loader import (
    AnyLoader,
    DataTypeLoader,
    DictLoader,
    ListLoader,
    MapLoader,
    NullableLoader,
    ScalarLoader,
)
from jobnb.definitions.user_events import TypeCheck
from jobnb.errors import InvalidDefinitionError

_OK = TypeCheck(True)


class AnyType(DataType):
    """Accepts every value; it is named after the annotation."""

    def __init__(self, name: str = "Any", typing_type: Any = Any, is_builtin: bool = True) -> None:
        super().__init__(
            lambda _context, _value: True,
            name=name,
            kind=DataTypeKind.ANY,
            is_builtin=is_builtin,
            typing_type=typing_type,
            loader=AnyLoader(),
        )
        self._passes = None


class _NothingType(DataType):
    def __init__(self) -> None:
        super().__init__(
            self._is_none,
            name="Nothing",
            kind=DataTypeKind.NOTHING,
            is_builtin=True,
            typing_type=type(None),
        )
        self._passes = lambda value: value is None

    def _is_none(self, _context: Any, value: Any) -> TypeCheck:
        if value is None:
            return _OK
        return TypeCheck(False, f"Expected nothing (None), got {shown(value)}.")


class _ScalarType(DataType):
    def __init__(self, name: str, python_type: type) -> None:
        self._python_type = python_type
        super().__init__(
            self._is_scalar,
            name=name,
            kind=DataTypeKind.SCALAR,
            is_builtin=True,
            typing_type=python_type,
            loader=ScalarLoader(python_type),
        )
        self.config_type = python_type
        self._passes = passes_for(python_type)

    def _is_scalar(self, _context: Any, value: Any) -> TypeCheck:
        wanted = self._python_type.__name__
        if isinstance(value, self._python_type):
            return _OK
        hint = ""
        if type(value).__module__ == "numpy" or (wanted == "float" and type(value) is int):
            hint = f" Wrap it in {wanted}(...)."
        return TypeCheck(False, f"Expected {wanted}, got {shown(value)}.{hint}")


ANY = AnyType()
NOTHING = _NothingType()
STRING = _ScalarType("String", str)
INT = _ScalarType("Int", int)
FLOAT = _ScalarType("Float", float)
BOOL = _ScalarType("Bool", bool)
DICT = PythonObjectDataType(dict, loader=DictLoader())


class ContainerType(DataType):
    """A type made of other types, named after them."""

    def __init__(
        self,
        name: str,
        inner: Sequence[DataType],
        typing_type: Any,
        kind: DataTypeKind = DataTypeKind.REGULAR,
        loader: DataTypeLoader | None = None,
    ) -> None:
        self._inner = tuple(inner)
        if any(each.is_nothing for each in inner):
            raise InvalidDefinitionError(
                f"{name} holds Nothing, which brings no value. Nothing stands alone: In(Nothing), "
                "Out(Nothing)."
            )
        keys = frozenset(key for each in inner for key in each.required_resource_keys)
        super().__init__(
            self._explain,
            key=name,
            kind=kind,
            typing_type=typing_type,
            loader=loader,
            required_resource_keys=keys,
        )
        self._passes = self._quick()

    @property
    def inner_types(self) -> tuple[DataType, ...]:
        """The types of what a value of this type contains."""
        return self._inner

    def _quick(self) -> Passes:
        raise AssertionError(f"{type(self).__name__} lacks its fast check")

    def _explain(self, context: Any, value: Any) -> TypeCheck:
        raise AssertionError(f"{type(self).__name__} lacks its full check")

    def _wrong(self, value: Any, wanted: str) -> TypeCheck:
        return TypeCheck(False, f"Expected {wanted}, got {shown(value)}.")


def _always(_value: Any) -> bool:
    return True


def _inside(verdict: TypeCheck, place: str) -> TypeCheck:
    """Return a failed check of a part, with the place of the part."""
    words = verdict.description or "The check did not pass."
    return TypeCheck(False, f"{place}: {words}", verdict.metadata)


def _items_pass(class_: type[Iterable[Any]], passes: Passes | None) -> Passes:
    if passes is None:
        return lambda value: isinstance(value, class_)
    return lambda value: isinstance(value, class_) and all(map(passes, value))


class _CollectionType(ContainerType):
    """Many items of one type in one kind of collection."""

    python_class: type[Collection[Any]] = list

    def _quick(self) -> Passes:
        return _items_pass(self.python_class, self._inner[0].passes)

    def _explain(self, context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, self.python_class):
            return self._wrong(value, self.python_class.__name__)
        item_type = self._inner[0]
        if item_type.passes is None:
            return _OK
        for index, item in enumerate(value):
            verdict = item_type.type_check(context, item)
            if not verdict.success:
                return _inside(verdict, f"Item {index}")
        return _OK


def _list_loader(inner: DataType, collect: Callable[[Any], Any] = list) -> DataTypeLoader | None:
    return ListLoader(inner.loader, collect) if inner.loader else None


class ListType(_CollectionType):
    """A list of items of one type."""

    def __init__(self, inner: DataType) -> None:
        super().__init__(
            f"[{inner.display_name}]",
            [inner],
            List[inner.typing_type],  # type: ignore[name-defined]  # noqa: UP006
            DataTypeKind.LIST,
            _list_loader(inner),
        )


class SetType(_CollectionType):
    """A set of items of one type; `frozen` for a frozenset."""

    def __init__(self, inner: DataType, frozen: bool = False) -> None:
        self.python_class = frozenset if frozen else set
        name = "FrozenSet" if frozen else "Set"
        super().__init__(
            f"{name}[{inner.display_name}]",
            [inner],
            Set[inner.typing_type],  # type: ignore[name-defined]  # noqa: UP006
            loader=_list_loader(inner, self.python_class),
        )


class DictType(ContainerType):
    """A dict with keys of one type and values of another."""

    def __init__(self, key: DataType, value: DataType) -> None:
        loader = None
        if key.config_type is not None and value.loader is not None:
            loader = MapLoader(key.config_type, value.loader)
        name = f"Dict[{key.display_name},{value.display_name}]"
        pair = Dict[key.typing_type, value.typing_type]  # type: ignore[name-defined]  # noqa: UP006
        super().__init__(name, [key, value], pair, loader=loader)

    def _quick(self) -> Passes:
        keys, values = self._inner[0].passes or _always, self._inner[1].passes or _always
        return lambda value: (
            isinstance(value, dict) and all(map(keys, value)) and all(map(values, value.values()))
        )

    def _explain(self, context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, dict):
            return self._wrong(value, "dict")
        key_type, value_type = self._inner
        for key, item in value.items():
            verdict = key_type.type_check(context, key)
            if not verdict.success:
                return _inside(verdict, f"Key {key!r:.60}")
            verdict = value_type.type_check(context, item)
            if not verdict.success:
                return _inside(verdict, f"The value at {key!r:.60}")
        return _OK


class TupleType(ContainerType):
    """A tuple with one type per place, or (`variadic`) of any length with one type for all."""

    def __init__(self, inner: Sequence[DataType], variadic: bool = False) -> None:
        self._variadic = variadic
        names = ",".join(each.display_name for each in inner) + (",..." if variadic else "")
        hints = tuple(each.typing_type for each in inner) + ((...,) if variadic else ())
        loader = None
        if all(each.loader for each in inner):
            loader = ListLoader(AnyLoader(), tuple)
        super().__init__(f"Tuple[{names}]", inner, Tuple[hints], loader=loader)  # noqa: UP006

    def _quick(self) -> Passes:
        if self._variadic:
            return _items_pass(tuple, self._inner[0].passes)
        checks = [(place, each.passes) for place, each in enumerate(self._inner) if each.passes]
        size = len(self._inner)
        return lambda value: (
            isinstance(value, tuple)
            and len(value) == size
            and all(passes(value[place]) for place, passes in checks)
        )

    def _explain(self, context: Any, value: Any) -> TypeCheck:
        if not isinstance(value, tuple):
            return self._wrong(value, "tuple")
        types = self._inner * len(value) if self._variadic else self._inner
        if len(value) != len(types):
            return TypeCheck(False, f"Expected {len(types)} items, got {len(value)}.")
        for index, (each, item) in enumerate(zip(types, value, strict=True)):
            verdict = each.type_check(context, item)
            if not verdict.success:
                return _inside(verdict, f"Item {index}")
        return _OK


class OptionalType(ContainerType):
    """None, or a value of the inner type."""

    def __init__(self, inner: DataType) -> None:
        loader = NullableLoader(inner.loader) if inner.loader else None
        name = f"{inner.display_name}?"
        kind = DataTypeKind.NULLABLE
        super().__init__(name, [inner], Optional[inner.typing_type], kind, loader)  # noqa: UP045

    def _quick(self) -> Passes:
        passes = self._inner[0].passes
        if passes is None:
            return lambda _value: True
        return lambda value: value is None or passes(value)

    def _explain(self, context: Any, value: Any) -> TypeCheck:
        return _OK if value is None else self._inner[0].type_check(context, value)


class UnionType(ContainerType):
    """A value of one of several types."""

    def __init__(self, inner: Sequence[DataType], typing_type: Any) -> None:
        name = f"Union[{','.join(each.display_name for each in inner)}]"
        super().__init__(name, inner, typing_type, loader=AnyLoader())

    def _quick(self) -> Passes:
        all_passes = [each.passes for each in self._inner if each.passes]
        if len(all_passes) < len(self._inner):
            return lambda _value: True
        return lambda value: any(passes(value) for passes in all_passes)

    def _explain(self, context: Any, value: Any) -> TypeCheck:
        if any(each.type_check(context, value).success for each in self._inner):
            return _OK
        names = " or ".join(each.display_name for each in self._inner)
        return self._wrong(value, names)
