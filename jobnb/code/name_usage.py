"""How compiled code uses outer names: what it reads, sets, changes and calls."""

from __future__ import annotations

import dis
import inspect
from collections import defaultdict, deque
from collections.abc import Iterable
from types import CodeType
from typing import Any, NamedTuple

from jobnb.code.bytecode_facts import facts_of

Trail = tuple[str, ...]
"""A name and what is taken of it, as the code writes it: `state.rows[0]` is
`("global", "state", "rows", "[]")`, with `"()"` for a call. The first part says where the name
is from: `global`, `free` (closed over), `param`, or `import` for a module that is imported inside.
"""
_Value = frozenset[Trail]
_NOTHING: _Value = frozenset()
_MOST_TRAILS, _LONGEST, _MOST_STEPS = 8, 16, 5


class Call(NamedTuple):
    """A call of something with a name.

    Attributes:
        callee: The callee.
        args: The arguments that have names, by position or keyword.
    """

    callee: Trail
    args: frozenset[tuple[int | str, Trail]]


class NameUsage(NamedTuple):
    """How a code object and those nested in it use outer names.

    Attributes:
        reads: The trails that are read.
        sets: The trails whose last attribute is set or deleted.
        changes: The trails that are changed in place: `x[0] = 1`, `del x[0]`, `x += [1]`.
        rebinds: The names that get another value.
        calls: The calls with an argument that has a name.
        returns: The trails that it may return.
    """

    reads: frozenset[Trail]
    sets: frozenset[Trail]
    changes: frozenset[Trail]
    rebinds: frozenset[Trail]
    calls: frozenset[Call]
    returns: frozenset[Trail]


def name_usage_of(code: CodeType) -> NameUsage:
    """Return how a code object uses names; equal code objects share the result."""
    facts = facts_of(code)
    if facts.usage is None:
        facts.usage = _StackMachine(code).run()
    return facts.usage


class _StackMachine:
    """Follows names over the stack, each instruction once, in order.

    Only names are followed, no values: `dis` says by how much an unknown instruction moves the
    stack, and its results have no name. A name lost that way counts as read, not as changed.
    """

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.stack: list[_Value] = []
        self.at: dict[int, list[_Value]] = {}  # The stack at the target of a jump.
        self.held: dict[str, set[Trail]] = defaultdict(set)  # The values of local names.
        self.constants: deque[Any] = deque(maxlen=2)  # The names loaded last.
        self.imported: set[Trail] = set()  # Names bound by `import` without `from`.
        self.keywords: tuple[str, ...] = ()
        self.inner: list[CodeType] = []
        self.found: dict[str, set[Trail]] = defaultdict(set)
        self.called: list[tuple[_Value, dict[int | str, _Value]]] = []
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool(code.co_flags & inspect.CO_VARARGS)
        count += bool(code.co_flags & inspect.CO_VARKEYWORDS)
        self.params = frozenset(code.co_varnames[:count])

    def run(self) -> NameUsage:
        """Process all instructions."""
        goes_on = True
        for each in dis.get_instructions(self.code):
            if each.offset in self.at:
                self._arrive(self.at[each.offset], goes_on)
            elif not goes_on:
                self._pop(len(self.stack))
            self._step(each)
            goes_on = each.opname not in _ENDS
        self._pop(len(self.stack))
        return self._usage()

    # --- the stack ---------------------------------------------------------

    def _arrive(self, known: list[_Value], goes_on: bool) -> None:
        if goes_on and len(known) == len(self.stack):
            known = [_few(one | other) for one, other in zip(known, self.stack, strict=True)]
        self.stack = list(known)

    def _push(self, *values: _Value) -> None:
        self.stack += values

    def _take(self) -> _Value:
        """Pop the value on top for an instruction that derives another from it."""
        return self.stack.pop() if self.stack else _NOTHING

    def _pop(self, count: int = 1) -> None:
        """Pop the values on top for an instruction that only uses them."""
        for _ in range(count):
            self.found["reads"] |= self._take()

    def _step(self, each: dis.Instruction) -> None:
        before = len(self.stack)
        left = before + _effect(each, False)
        act = _ACTS.get(each.opname)
        if act is not None:
            act(self, each)
        elif each.opname not in _IDLE:
            # Its effect on the stack is only known by size: its results have no name.
            makes = not each.opname.startswith(_ONLY_TAKE)
            self._pop(max(before - left, 0) + makes)
        del self.stack[max(left, 0) :]
        self.stack += [_NOTHING] * (left - len(self.stack))
        if each.opcode in _JUMPS and each.argval > each.offset:
            there = before + _effect(each, True)
            stack = [*self.stack[:there], *[_NOTHING] * (there - len(self.stack))]
            self.at.setdefault(each.argval, stack)

    # --- instructions ------------------------------------------------------

    def _load_global(self, each: dis.Instruction) -> None:
        if each.opname.startswith("LOAD_FROM_DICT"):
            self._pop()
        elif _effect(each, False) == 2:  # The callable, with a NULL below it.
            self._push(_NOTHING)
        self._push(frozenset({("global", each.argval)}))

    def _load_local(self, each: dis.Instruction) -> None:
        names = each.argval if isinstance(each.argval, tuple) else (each.argval,)
        self._push(*map(self._local, names))

    def _local(self, name: str) -> _Value:
        return frozenset({("local", name)})

    def _load_fast(self, each: dis.Instruction) -> None:
        if each.argval in (*self.code.co_cellvars, *self.code.co_freevars):
            self._push(_NOTHING)  # The cell itself, for a nested function.
        else:
            self._load_local(each)

    def _load_outer(self, each: dis.Instruction) -> None:
        self._pop(each.opname.startswith("LOAD_FROM_DICT"))
        free = each.argval in self.code.co_freevars
        self._push(frozenset({("free" if free else "local", each.argval)}))

    def _load_const(self, each: dis.Instruction) -> None:
        self.constants.append(each.argval)
        is_name = isinstance(each.argval, str) and each.argval.replace(".", "").isidentifier()
        self._push(frozenset({("const", each.argval)}) if is_name else _NOTHING)

    def _load_attr(self, each: dis.Instruction) -> None:
        self._push(_onward(self._take(), each.argval))

    def _import_name(self, each: dis.Instruction) -> None:
        level, names = self.constants if len(self.constants) == 2 else (0, None)
        self._pop(2)
        name = each.argval if names else each.argval.partition(".")[0]
        self._push(frozenset({("import", "." * (level or 0) + name)}))
        if not names and self.code.co_flags & inspect.CO_OPTIMIZED:
            self.imported.add(("import", *each.argval.split(".")))

    def _import_from(self, each: dis.Instruction) -> None:
        self._push(_onward(self.stack[-1] if self.stack else _NOTHING, each.argval))

    def _let_go(self, each: dis.Instruction) -> None:
        """Note a value that is dropped or stored in a global; for an import, that is no use."""
        del each
        self.found["reads"] |= {trail for trail in self._take() if trail[0] != "import"}

    def _import_star(self, each: dis.Instruction) -> None:
        if each.opname == "IMPORT_STAR" or each.arg == 2:
            self.found["reads"] |= _onward(self._take(), "*")

    def _subscript(self, each: dis.Instruction) -> None:
        key, owner = self._take(), self._take()
        self.found["reads"] |= key
        self._push(_global_by_name(owner, key) or _onward(owner, "[]"))

    def _binary(self, each: dis.Instruction) -> None:
        if each.argrepr == "[]":
            self._subscript(each)
            return
        right, left = self._take(), self._take()
        self.found["reads"] |= right | left
        in_place = each.argrepr.endswith("=")
        if in_place:
            self.found["changes"] |= left
        self._push(left if in_place else _NOTHING)

    def _change_item(self, each: dis.Instruction) -> None:
        """Note `x[y] = z`, `x[y:z] = w`, `del x[y]`."""
        key = self._take()
        if each.opname == "STORE_SLICE":
            self._pop()
        owner = self._take()
        if each.opname != "DELETE_SUBSCR":
            self._pop()
        self.found["rebinds"] |= _global_by_name(owner, key)
        self.found["changes"] |= owner

    def _change_attr(self, each: dis.Instruction) -> None:
        self.found["sets"] |= _onward(self._take(), each.argval)
        if each.opname == "STORE_ATTR":
            self._pop()

    def _rebind(self, each: dis.Instruction) -> None:
        self._pop(each.opname.startswith("STORE"))
        self.found["rebinds"].add(("global", each.argval))

    def _store_outer(self, each: dis.Instruction) -> None:
        if each.argval in self.code.co_freevars:
            self._pop(each.opname.startswith("STORE"))
            self.found["rebinds"].add(("free", each.argval))
        elif each.opname.startswith("STORE"):
            self.held[each.argval] |= self._take()

    def _store_fast(self, each: dis.Instruction) -> None:
        names = each.argval if isinstance(each.argval, tuple) else (each.argval,)
        self.held[names[0]] |= self._take()
        if each.opname == "STORE_FAST_STORE_FAST":
            self.held[names[1]] |= self._take()
        elif len(names) > 1:
            self._push(self._local(names[1]))

    def _copy(self, each: dis.Instruction) -> None:
        depth = each.arg or 1
        self._push(self.stack[-depth] if depth <= len(self.stack) else _NOTHING)

    def _swap(self, each: dis.Instruction) -> None:
        depth = each.arg or 1
        if depth <= len(self.stack):
            stack = self.stack
            stack[-1], stack[-depth] = stack[-depth], stack[-1]

    def _next(self, each: dis.Instruction) -> None:
        self._push(_elements(self.stack[-1] if self.stack else _NOTHING))

    def _unpack(self, each: dis.Instruction) -> None:
        count = each.arg or 0
        if each.opname == "UNPACK_EX":
            count = (count & 0xFF) + 1 + (count >> 8)
        self._push(*[_elements(self._take())] * count)

    def _enter(self, each: dis.Instruction) -> None:
        self._push(self.stack[-1] if self.stack else _NOTHING)  # It usually returns itself.

    def _give(self, each: dis.Instruction) -> None:
        value = self._take()
        self.found["returns"] |= value
        self.found["reads"] |= value

    def _build(self, each: dis.Instruction) -> None:
        count = each.arg or 0
        if each.opname in ("BUILD_TUPLE", "BUILD_LIST") and count:
            inside = frozenset().union(*self.stack[-count:])
            self._pop(count)
            self._push(_few(frozenset(("each", *trail) for trail in inside)))
            return
        self._pop(count * (2 if each.opname == "BUILD_MAP" else 1))
        self._push(_NOTHING)

    def _function(self, each: dis.Instruction) -> None:
        code = next((c for c in reversed(self.constants) if isinstance(c, CodeType)), None)
        self._pop(1 - _effect(each, False))
        self._push(frozenset({("inner", str(len(self.inner)))}) if code else _NOTHING)
        self.inner += [code] if code else []

    def _function_part(self, each: dis.Instruction) -> None:
        function = self._take()
        self._pop()
        self._push(function)

    def _names_of_keywords(self, each: dis.Instruction) -> None:
        self.keywords = self.code.co_consts[each.arg or 0]

    def _call(self, each: dis.Instruction) -> None:
        if each.opname == "CALL_KW":
            self.keywords = self.constants[-1]
            self._pop()
        values = [self._take() for _ in range(each.arg or 0)][::-1]
        callee = self._take() | self._take()  # One of the two is NULL, or the bound object.
        names, self.keywords = self.keywords, ()
        count = len(values) - len(names)
        args: dict[int | str, _Value] = dict(enumerate(values[:count]))
        args.update(zip(names, values[count:], strict=True))
        self._push(self._called(callee, args))

    def _called(self, callee: _Value, args: dict[int | str, _Value]) -> _Value:
        for value in args.values():
            self.found["reads"] |= value
        insides = {each for each in callee if each[0] == "inner"}
        if insides and len(callee) > len(insides):  # A comprehension and its iterable.
            args, callee = {0: callee - insides}, frozenset(insides)
        if "inplace" in args:
            self.found["changes"] |= {each[:-1] for each in callee if len(each) > 2}
        names = {each[-1] for each in callee}
        named = {each[1] for each in args.get(1, _NOTHING) if each[0] == "const"}
        if names & {"setattr", "delattr", "__setattr__"} and named:
            self.found["sets"] |= _onward(args[0], *named)
            return _NOTHING
        self.called.append((callee, args))
        if names in ({"type"}, {"vars"}) and set(args) == {0}:
            return _onward(args[0], "__class__" if names == {"type"} else "__dict__")
        if "getattr" in names and named:
            return _onward(args[0], *named)
        if names & {"import_module", "__import__"}:
            modules = {each[1] for each in args.get(0, _NOTHING) if each[0] == "const"}
            return frozenset(("import", name) for name in modules)
        return _onward(callee, "()")

    # --- what comes of it --------------------------------------------------

    def _usage(self) -> NameUsage:
        calls = [
            (one, {key: self._outer(arg) for key, arg in args.items()})
            for callee, args in self.called
            for one in self._outer(callee)
        ]
        found = {name: set(self._outer(trails)) for name, trails in self.found.items()}
        kept = {_call_of(callee, args) for callee, args in calls if callee[0] != "inner"}
        for index, code in enumerate(self.inner):
            inner = name_usage_of(code)
            given = [args for callee, args in calls if callee[:2] == ("inner", str(index))]
            for name in ("reads", "sets", "changes", "rebinds"):
                for trail in getattr(inner, name):
                    found.setdefault(name, set()).update(self._from_inside(code, trail, given))
            for call in inner.calls:
                for callee in self._from_inside(code, call.callee, given):
                    args = {k: self._from_inside(code, arg, given) for k, arg in call.args}
                    kept.add(_call_of(callee, args))
        used = {trail[:2] for trail in found.get("reads", ())}
        found.setdefault("reads", set()).update(e for e in self.imported if e[:2] not in used)
        shown = {k: frozenset(each for each in v if each[0] in _SHOWN) for k, v in found.items()}
        nothing: frozenset[Trail] = frozenset()
        sets = {name: shown.get(name, nothing) for name in NameUsage._fields if name != "calls"}
        return NameUsage(calls=frozenset(each for each in kept if each.callee[0] in _SHOWN), **sets)

    def _from_inside(
        self, code: CodeType, trail: Trail, given: list[dict[int | str, _Value]]
    ) -> _Value:
        """Translate a trail of a nested code object to this one."""
        scope, name, *path = trail
        if scope == "free" and name not in self.code.co_freevars:
            return self._outer([("local", name, *path)])
        if scope != "param":
            return frozenset({trail})
        place = code.co_varnames.index(name)
        values = [args.get(place, args.get(name, _NOTHING)) for args in given]
        return _few(_onward(frozenset().union(*values), *path))

    def _outer(self, trails: Iterable[Trail], steps: int = _MOST_STEPS) -> _Value:
        """Replace local names in trails by what they stand for."""
        found: set[Trail] = set()
        for trail in trails:
            if trail[0] != "local":
                found.add(trail)
                continue
            name, path = trail[1], trail[2:]
            if name in self.params:
                found.add(("param", name, *path))
            held = self.held.get(name, set()) - {("local", name)}
            if held and steps:
                found |= {(*each, *path)[:_LONGEST] for each in self._outer(held, steps - 1)}
        return frozenset(found)


_SHOWN = ("global", "free", "param", "import")
_ENDS = frozenset(
    ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD",
     "JUMP_BACKWARD_NO_INTERRUPT")
)  # fmt: skip
_JUMPS = frozenset((*dis.hasjrel, *dis.hasjabs))
_ONLY_TAKE = ("POP_", "LIST_", "SET_", "DICT_", "MAP_ADD", "JUMP_IF", "RERAISE", "RAISE", "END_")
_IDLE = frozenset(
    ("NOP", "RESUME", "CACHE", "PRECALL", "EXTENDED_ARG", "MAKE_CELL", "COPY_FREE_VARS",
     "PUSH_NULL", "GET_ITER", "GET_AITER", "GET_AWAITABLE", "JUMP_FORWARD", "JUMP_BACKWARD",
     "NOT_TAKEN",
     "JUMP_BACKWARD_NO_INTERRUPT", "RETURN_GENERATOR", "LOAD_BUILD_CLASS", "PUSH_EXC_INFO",
     "GET_YIELD_FROM_ITER")
)  # fmt: skip
_ACTS = {
    name: act
    for act, names in (
        (_StackMachine._load_global, "LOAD_GLOBAL LOAD_NAME LOAD_FROM_DICT_OR_GLOBALS"),
        (_StackMachine._load_fast, "LOAD_FAST LOAD_FAST_BORROW"),
        (_StackMachine._load_local, "LOAD_FAST_CHECK LOAD_FAST_AND_CLEAR LOAD_FAST_LOAD_FAST"),
        (_StackMachine._load_local, "LOAD_FAST_BORROW_LOAD_FAST_BORROW"),
        (_StackMachine._load_outer, "LOAD_DEREF LOAD_CLASSDEREF LOAD_FROM_DICT_OR_DEREF"),
        (_StackMachine._load_const, "LOAD_CONST LOAD_SMALL_INT LOAD_CONST_IMMORTAL"),
        (_StackMachine._load_attr, "LOAD_ATTR LOAD_METHOD"),
        (_StackMachine._import_name, "IMPORT_NAME"),
        (_StackMachine._import_from, "IMPORT_FROM"),
        (_StackMachine._let_go, "POP_TOP STORE_NAME"),
        (_StackMachine._import_star, "IMPORT_STAR CALL_INTRINSIC_1"),
        (_StackMachine._subscript, "BINARY_SUBSCR"),
        (_StackMachine._binary, "BINARY_OP"),
        (_StackMachine._change_item, "STORE_SUBSCR DELETE_SUBSCR STORE_SLICE"),
        (_StackMachine._change_attr, "STORE_ATTR DELETE_ATTR"),
        (_StackMachine._rebind, "STORE_GLOBAL DELETE_GLOBAL"),
        (_StackMachine._store_outer, "STORE_DEREF DELETE_DEREF"),
        (_StackMachine._store_fast, "STORE_FAST STORE_FAST_STORE_FAST STORE_FAST_LOAD_FAST"),
        (_StackMachine._store_fast, "STORE_FAST_MAYBE_NULL"),
        (_StackMachine._copy, "COPY"),
        (_StackMachine._swap, "SWAP"),
        (_StackMachine._next, "FOR_ITER"),
        (_StackMachine._unpack, "UNPACK_SEQUENCE UNPACK_EX"),
        (_StackMachine._enter, "BEFORE_WITH BEFORE_ASYNC_WITH"),
        (_StackMachine._give, "RETURN_VALUE YIELD_VALUE"),
        (
            _StackMachine._build,
            "BUILD_TUPLE BUILD_LIST BUILD_SET BUILD_MAP BUILD_STRING BUILD_SLICE",
        ),
        (_StackMachine._function, "MAKE_FUNCTION"),
        (_StackMachine._function_part, "SET_FUNCTION_ATTRIBUTE"),
        (_StackMachine._names_of_keywords, "KW_NAMES"),
        (_StackMachine._call, "CALL CALL_KW"),
    )
    for name in names.split()
}


def _effect(each: dis.Instruction, jump: bool) -> int:
    """Return by how much an instruction moves the stack."""
    if each.opname == "PRECALL":  # CPython 3.11 counts half of a call here.
        return 0
    if each.opname == "CALL":
        return -(each.arg or 0) - 1
    takes_arg = each.opcode >= dis.HAVE_ARGUMENT
    return dis.stack_effect(each.opcode, each.arg if takes_arg else None, jump=jump)


def _few(value: _Value) -> _Value:
    return value if len(value) <= _MOST_TRAILS else frozenset(sorted(value)[:_MOST_TRAILS])


def _onward(value: _Value, *path: str) -> _Value:
    """Return the value of an attribute or item of a value."""
    return frozenset((*each, *path)[:_LONGEST] for each in value if each[0] != "const")


def _elements(value: _Value) -> _Value:
    """Return the elements of a value; of `(x, y)`, these two."""
    return frozenset(
        trail[1:] if trail[0] == "each" else (*trail, "[]")[:_LONGEST]
        for trail in value
        if trail[0] != "const"
    )


def _global_by_name(owner: _Value, key: _Value) -> _Value:
    """Resolve `globals()["x"]` to `x`."""
    if ("global", "globals", "()") not in owner:
        return _NOTHING
    return frozenset(("global", each[1]) for each in key if each[0] == "const")


def _call_of(callee: Trail, args: dict[int | str, _Value]) -> Call:
    known = {(key, each) for key, value in args.items() for each in value if each[0] in _SHOWN}
    return Call(callee, frozenset(known))
