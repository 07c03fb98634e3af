"""What a compiled function does, apart from where it stands and how it is documented.

Constants count where they are used and not where they lie, so that a docstring (which nothing
uses) neither counts nor moves the others. Lines, file names and flags of the compiler do not
count. Another minor version of Python compiles differently: see `code_hash.PYTHON`.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from hashlib import sha256
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["CodeFacts", "facts_of", "plain_text"]

_EXTENDED = dis.opmap["EXTENDED_ARG"]
_CONSTANTS = frozenset(dis.hasconst)
_GLOBALS = {dis.opmap["LOAD_GLOBAL"]: 1, dis.opmap["LOAD_NAME"]: 0} | {
    dis.opmap[name]: 0 for name in ("LOAD_FROM_DICT_OR_GLOBALS",) if name in dis.opmap
}
# *args, **kwargs, generator, coroutine, iterable coroutine, asynchronous generator.
_KINDS = 4 | 8 | 32 | 128 | 256 | 512
_IS_FUNCTION = 1
# What a class body says of itself: where it stands, and its documentation.
_ABOUT = ("__doc__", "__firstlineno__", "__static_attributes__", "__qualname__", "__module__")
_CHANGES = frozenset(
    ("append", "extend", "insert", "appendleft", "extendleft", "add", "update", "setdefault",
     "pop", "popitem", "popleft", "remove", "discard", "clear", "sort", "reverse")
)  # fmt: skip
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")


class CodeFacts:
    """What there is to know of a code object and those inside of it.

    Attributes:
        token: The hash of what it does.
        names: The global names that it reads, in order.
        attributes: All attribute names that it uses.
        alone: The hash of a function of this code that uses nothing else, once it was asked for.
    """

    __slots__ = ("_changed", "_code", "alone", "attributes", "names", "token")
    names: tuple[str, ...]
    attributes: frozenset[str]

    def __init__(self, code: CodeType) -> None:
        instructions = list(_instructions(code))
        inner = [facts_of(each) for each in code.co_consts if isinstance(each, CodeType)]
        own = {_name_of(code, op, arg) for op, arg in instructions if op in _GLOBALS}
        self.names = tuple(sorted(own.union(*(each.names for each in inner))))
        self.attributes = frozenset(code.co_names).union(*(each.attributes for each in inner))
        self.token = sha256(repr(list(_parts(code, instructions))).encode()).hexdigest()
        self.alone = ""
        self._code = code
        self._changed: frozenset[str] | None = None

    @property
    def changed(self) -> frozenset[str]:
        """Outer names whose object the code changes itself, as `seen.append(x)` does.

        Such an object is a place to put things, no input: it is not what the code was told.
        """
        if self._changed is None:
            self._changed = frozenset(_changed(self._code))
        return self._changed


_known: WeakKeyDictionary[CodeType, CodeFacts] = WeakKeyDictionary()


def facts_of(code: CodeType) -> CodeFacts:
    """The facts of a code object; read once for all that are equal."""
    found = _known.get(code)
    if found is None:
        found = _known[code] = CodeFacts(code)
    return found


def _instructions(code: CodeType) -> Iterator[tuple[int, int]]:
    raw, extended = code.co_code, 0
    for index in range(0, len(raw), 2):
        op, arg = raw[index], raw[index + 1] | extended
        if op == _EXTENDED:
            extended = arg << 8
            continue
        extended = 0
        yield op, arg


def _name_of(code: CodeType, op: int, arg: int) -> str:
    return code.co_names[arg >> _GLOBALS[op]]


def _parts(code: CodeType, instructions: list[tuple[int, int]]) -> Iterator[Any]:
    if code.co_flags & _IS_FUNCTION:
        used = (arg for op, arg in instructions if op in _CONSTANTS)
        yield [(op, 0 if op in _CONSTANTS else arg) for op, arg in instructions if op]
        yield [plain_text(code.co_consts[index]) for index in used]
        yield code.co_names, code.co_exceptiontable
    else:
        yield _class_body(code)
    yield code.co_varnames, code.co_cellvars, code.co_freevars
    yield code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    yield code.co_flags & _KINDS


def _class_body(code: CodeType) -> list[tuple[str, Any]]:
    """The instructions of a class body without what it notes of itself: loaded, then stored."""
    kept: list[tuple[str, Any]] = []
    for each in dis.get_instructions(code):
        if each.opname == "STORE_NAME" and each.argval in _ABOUT and kept:
            kept.pop()
        elif each.opcode in dis.hasjrel:
            kept.append((each.opname, each.arg))
        else:
            kept.append((each.opname, plain_text(each.argval)))
    return kept


def plain_text(value: Any) -> str:
    """A constant as text that is the same in every process."""
    if isinstance(value, CodeType):
        return facts_of(value).token
    if isinstance(value, frozenset):
        return f"{{{sorted(map(plain_text, value))}}}"
    if isinstance(value, tuple):
        return f"({[plain_text(each) for each in value]})"
    return repr(value)


def _changed(code: CodeType) -> Iterator[str]:
    last: str | None = None
    loaded: dict[Any, str] = {}
    for each in dis.get_instructions(code):
        place = each.positions and (each.positions.lineno, each.positions.col_offset)
        if each.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") or (
            each.opname == "STORE_DEREF" and each.argval in code.co_freevars
        ):
            yield each.argval
        elif each.opname in ("LOAD_METHOD", "LOAD_ATTR") and last and each.argval in _CHANGES:
            yield last
        elif each.opname in ("STORE_SUBSCR", "DELETE_SUBSCR") and place in loaded:
            yield loaded[place]  # the target `x[...]` begins where its `x` does
        last = each.argval if each.opname in _LOADS else None
        if last and place:
            loaded[place] = last
        elif isinstance(each.argval, CodeType):
            yield from facts_of(each.argval).changed
