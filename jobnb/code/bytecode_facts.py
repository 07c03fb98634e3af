"""What a compiled function does, independent of its position and documentation.

Constants count where they are used, not by their index, so that a docstring (which nothing uses)
neither counts nor moves the others. Lines, file names and compiler flags do not count. Another
minor version of Python compiles differently: see `version.PYTHON`.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from hashlib import sha256
from types import CodeType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from jobnb.code.name_usage import NameUsage

_EXTENDED = dis.opmap["EXTENDED_ARG"]
_CONSTANTS = frozenset(dis.hasconst)
_GLOBALS = {dis.opmap["LOAD_GLOBAL"]: 1, dis.opmap["LOAD_NAME"]: 0} | {
    dis.opmap[name]: 0 for name in ("LOAD_FROM_DICT_OR_GLOBALS",) if name in dis.opmap
}
_IMPORT, _BINARY = dis.opmap["IMPORT_NAME"], dis.opmap["BINARY_OP"]
_IN_PLACE = 13  # The first `+=` among the binary operations.
_WRITES = frozenset(
    dis.opmap[name]
    for kind in ("GLOBAL", "DEREF", "ATTR", "SUBSCR", "SLICE")
    for name in (f"STORE_{kind}", f"DELETE_{kind}")
    if name in dis.opmap
)
# *args, **kwargs, generator, coroutine, iterable coroutine, asynchronous generator.
_KINDS = 4 | 8 | 32 | 128 | 256 | 512
_IS_FUNCTION = 1
_LONG = 10_000
MUTATORS = frozenset(
    ("append", "extend", "insert", "appendleft", "extendleft", "add", "update", "setdefault",
     "pop", "popitem", "popleft", "remove", "discard", "clear", "sort", "reverse", "rotate",
     "subtract", "move_to_end", "difference_update", "intersection_update", "frombytes",
     "symmetric_difference_update", "__setitem__", "__delitem__", "__iadd__", "fill", "put",
     "resize", "partition", "setfield", "setflags", "byteswap", "push")
)  # fmt: skip
"""Methods that change what they belong to, where it is a container or an array."""
FIRST_CHANGERS = frozenset(
    ("heappush", "heappop", "heapify", "heapreplace", "heappushpop", "insort", "insort_left",
     "insort_right", "shuffle", "setattr", "delattr", "setitem", "delitem", "iadd", "iconcat",
     "ior", "iand", "isub", "imul", "copyto", "place", "put", "putmask", "put_along_axis",
     "fill_diagonal", "__setattr__", "__delattr__", "_heappush_max", "_heapify_max")
)  # fmt: skip
"""Functions of libraries that change their first argument."""
_CHANGERS = MUTATORS | FIRST_CHANGERS
_CHANGING = frozenset(("inplace", "out"))  # Keywords of pandas and numpy.
# The names a class body sets about itself: its module, name and docstring.
_ABOUT = ("__doc__", "__firstlineno__", "__static_attributes__", "__qualname__", "__module__")


class CodeFacts:
    """The facts of a code object and of those nested in it.

    Attributes:
        token: The hash of what it does.
        names: The global names that it reads, in order.
        attributes: All attribute names that it uses.
        imports: Whether it imports something itself.
        writes: Whether it may change something outside of it.
        alone: The cached hash of a function of this code that uses nothing else.
        usage: The cached result of `name_usage_of`.
    """

    __slots__ = ("alone", "attributes", "imports", "names", "token", "usage", "writes")
    names: tuple[str, ...]
    attributes: frozenset[str]
    imports: bool
    writes: bool

    def __init__(self, code: CodeType) -> None:
        instructions = list(_instructions(code))
        inner = [facts_of(each) for each in code.co_consts if isinstance(each, CodeType)]
        own = {_name_of(code, op, arg) for op, arg in instructions if op in _GLOBALS}
        self.names = tuple(sorted(own.union(*(each.names for each in inner))))
        self.attributes = frozenset(code.co_names).union(*(each.attributes for each in inner))
        self.token = sha256(repr(list(_parts(code, instructions))).encode()).hexdigest()
        ops = {op for op, _ in instructions}
        self.imports = _IMPORT in ops or any(each.imports for each in inner)
        self.writes = (
            not ops.isdisjoint(_WRITES)
            or not _CHANGERS.isdisjoint(code.co_names)
            or any(op == _BINARY and arg >= _IN_PLACE for op, arg in instructions)
            or any(isinstance(e, tuple) and not _CHANGING.isdisjoint(e) for e in code.co_consts)
            or any(each.writes for each in inner)
        )
        self.alone = ""
        self.usage: NameUsage | None = None


KNOWN: WeakKeyDictionary[CodeType, CodeFacts] = WeakKeyDictionary()
"""The facts of the code objects that were read before."""


def facts_of(code: CodeType) -> CodeFacts:
    """Return the facts of a code object; equal code objects share them."""
    found = KNOWN.get(code)
    if found is None:
        found = KNOWN[code] = CodeFacts(code)
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
    """Return the instructions of a class body without those that set its own name and docstring."""
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
    """Return a constant as text that is the same in every process."""
    if isinstance(value, CodeType):
        return facts_of(value).token
    if isinstance(value, frozenset):
        return f"{{{sorted(map(plain_text, value))}}}"
    if isinstance(value, tuple):
        return f"({[plain_text(each) for each in value]})"
    if isinstance(value, int) and value.bit_length() > _LONG:
        return hex(value)  # As decimal, Python is slow and refuses very long integers.
    return repr(value)
