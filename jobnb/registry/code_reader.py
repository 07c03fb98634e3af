"""Reading a function and all that it leads to, for its hash."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cached_property
from hashlib import sha256
from operator import itemgetter
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

from jobnb.registry.bytecode import CodeFacts, facts_of, plain_text, ways_of
from jobnb.registry.code_version import PYTHON, READING, CodeHash, CodeNote
from jobnb.registry.own_changes import OwnChanges, Place, is_changeable, is_mutator
from jobnb.registry.own_code import OwnModules, absolute_name, is_own
from jobnb.registry.value_text import (
    PLAIN,
    ValueText,
    class_name,
    instance_state,
    module_of_code,
)

__all__ = ["CodeReader"]

_MOST_NODES, _LONG = 20_000, 10_000
_Digests = dict[int, tuple[bytes, bool]]
_NAME = re.compile(r"[A-Za-z_]\w*")
_LOOKS = frozenset(("globals", "eval", "exec", "__import__"))
_IMPORTERS = frozenset(("import_module", "__import__"))
_ACCESS = (GetSetDescriptorType, MemberDescriptorType)
_ABOUT_MODELS = frozenset(("model_config", "model_fields", "model_computed_fields"))


class _Piece(NamedTuple):
    """Something that a function, class or object uses.

    Attributes:
        label: Its name there.
        text: What it is.
        uses: What it leads to, of one's own.
        blind: What was not looked into, in words.
        places: Where it is; who changes one of these changes it.
        kept: What counts although the code changes it: its class.
        modules: The modules whose files were read for it.
        value: The thing itself.
        inside: The ids of what it holds: of that, the code may change some.
    """

    label: str
    text: str
    uses: tuple[Any, ...] = ()
    blind: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    kept: tuple[Any, ...] = ()
    modules: tuple[str, ...] = ()
    value: Any = None
    inside: frozenset[int] = frozenset()

    @property
    def part(self) -> Part:
        """It for the hash, and what it leads to."""
        return f"{self.label}={self.text};", self.uses


Part = tuple[str, tuple[Any, ...]]
"""The text of a piece or node, and what it leads to."""


class _Node:
    """A function, class, object or module that is followed.

    Attributes:
        value: It; kept, so that nothing else comes to have its id.
        token: What it is by itself.
        pieces: What it uses.
        whole: The text of all of these, and what they lead to.
        writes: Whether it may change something.
    """

    __slots__ = ("pieces", "token", "value", "whole", "writes")

    def __init__(self, value: Any, token: str, pieces: tuple[_Piece, ...], writes: bool) -> None:
        self.value = value
        self.token = token
        self.pieces = pieces
        self.whole: Part = _joined([piece.part for piece in pieces])
        self.writes = writes or any(is_mutator(piece.value) for piece in pieces)


def _joined(parts: list[Part]) -> Part:
    return "".join([text for text, _ in parts]), tuple([use for _, uses in parts for use in uses])


class _Sight:
    """What counts of the pieces of nodes, given what the code changes itself.

    Args:
        excluded: The places that it changes.
        read: Reads a piece again, without some containers inside of it.
    """

    def __init__(
        self, excluded: frozenset[Place], read: Callable[[_Piece, frozenset[int]], _Piece]
    ) -> None:
        self.excluded = excluded
        self._changed = frozenset(place[1] for place in excluded if place[0] == "in")
        self._read = read
        self._wholes: dict[int, Part] = {}

    def whole(self, node: _Node) -> Part:
        """The text of a node, and what it leads to."""
        if not self.excluded:
            return node.whole
        found = self._wholes.get(id(node))
        if found is None:
            found = self._wholes[id(node)] = _joined([self.part(piece) for piece in node.pieces])
        return found

    def changed(self, piece: _Piece) -> frozenset[Any]:
        """The places of a piece that the code changes, or what it changes inside of it."""
        inside = self._changed & piece.inside
        return self.excluded.intersection(piece.places) or frozenset(("in", e) for e in inside)

    def part(self, piece: _Piece) -> Part:
        """What counts of a piece."""
        hit = self.excluded.intersection(piece.places)
        if hit:
            # Of what is changed in place the class stays; of a name, not even that it is there.
            kept = piece.kept if all(place[0] == "in" for place in hit) else ()
            return f"{piece.label};" if kept else "", kept
        if not self._changed.isdisjoint(piece.inside):
            piece = self._read(piece, self._changed)
        return piece.part


class _Reading(NamedTuple):
    """What was found out of a function."""

    version: str
    root: _Node
    sight: _Sight


class CodeReader:
    """Hashes functions; what several of them use is read once.

    What it has read it holds to be so: take a new one when cells may have been run since.
    """

    def __init__(self) -> None:
        self._nodes: dict[int, _Node] = {}
        self._owns: dict[str | None, bool] = {}
        # Which modules are one's own depends on the package that a function is of.
        self._by_package: dict[str, tuple[dict[int, _Node], dict[str | None, bool], _Digests]] = {}
        self._facts: dict[int, tuple[Any, CodeFacts]] = {}
        self._readings: dict[int, tuple[Any, _Reading]] = {}
        self._package = ""
        self._modules = OwnModules()
        self._changes = OwnChanges(self._is_own)

    def version(self, fn: Any) -> str:
        """The hash of a function, a callable object, a class or a graph, as it is recorded."""
        facts = self._alone(fn)
        if facts is None:
            return self._reading(fn).version
        if not facts.alone:
            facts.alone = str(CodeHash(PYTHON, facts.token[:10]))
        return facts.alone

    def notes(self, fn: Any) -> tuple[CodeNote, ...]:
        """What the hash of a function does not tell: what could not be followed, and the like."""
        if self._alone(fn) is not None:
            return ()
        reading = self._reading(fn)
        self._turn_to(fn)
        return tuple(self._notes_of(reading.root, reading.sight))

    def _reading(self, fn: Any) -> _Reading:
        found = self._readings.get(id(fn))
        if found is None:
            found = self._readings[id(fn)] = (fn, self._read(fn))
        return found[1]

    # --- functions that need no look around --------------------------------

    def _alone(self, fn: Any) -> CodeFacts | None:
        """The facts of a function that its code alone tells: equal code is hashed once for all."""
        if type(fn) is not FunctionType or fn.__closure__ or fn.__defaults__ or fn.__kwdefaults__:
            return None
        facts = self._facts_of(fn.__code__)
        if facts.imports or fn.__dict__ or not _LOOKS.isdisjoint(facts.names):
            return None
        if not _IMPORTERS.isdisjoint(facts.attributes):
            return None
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
            known.keys().isdisjoint((each,) if each.isidentifier() else _NAME.findall(each))
            if type(each) is str
            else each in PLAIN
            for each in notes.values()
        )

    def _facts_of(self, code: Any) -> CodeFacts:
        found = self._facts.get(id(code))
        if found is None:
            found = self._facts[id(code)] = (code, facts_of(code))
        return found[1]

    # --- a function and all that it leads to -------------------------------

    def _turn_to(self, fn: Any) -> _Digests:
        """Take the package of a function as one's own; what is known of such hashes."""
        self._package = _package_of(fn)
        known = self._by_package.setdefault(self._package, ({}, {}, {}))
        self._nodes, self._owns, digests = known
        return digests

    def _read(self, fn: Any) -> _Reading:
        digests = self._turn_to(fn)
        root, sight = self._node(fn), _Sight(frozenset(), self._read_again)
        used, writes = self._used(root, sight, digests)
        if writes:
            sight = self._without_own_changes(root, sight)
            if sight.excluded:
                used, _ = self._used(root, sight, {})
        own = root.token or sha256(root.whole[0].encode()).hexdigest()
        version = CodeHash(PYTHON, own[:10], f"{READING}.{used[:10]}" if used else "")
        return _Reading(str(version), root, sight)

    def _without_own_changes(self, root: _Node, sight: _Sight) -> _Sight:
        """What counts beside the places that the code changes; see `own_changes`.

        It is asked twice: what only the contents of such a place lead to changes nothing.
        """
        for _ in range(2):
            reached = self._all_below(root, sight)
            direct = {
                id(use) for node in reached if not _is_class(node.value) for use in node.whole[1]
            }
            excluded = self._changes.places([each.value for each in reached], direct)
            if excluded == sight.excluded:
                break
            sight = _Sight(excluded, self._read_again)
        return sight

    def _all_below(self, root: _Node, sight: _Sight) -> list[_Node]:
        """All that a function leads to, each once."""
        seen, found = {id(root.value)}, [root]
        for node in found:  # which grows meanwhile
            for use in sight.whole(node)[1]:
                if id(use) not in seen and len(seen) < _MOST_NODES:
                    seen.add(id(use))
                    found.append(self._node(use))
        return found

    def _read_again(self, piece: _Piece, left_out: frozenset[int]) -> _Piece:
        out = ValueText(self._is_own, left_out)
        return piece._replace(text=repr(out.text(piece.value)), uses=tuple(out.uses))

    def _reached(self, root: _Node, sight: _Sight) -> Iterator[_Reached]:
        """The same, with the name by which one comes to it."""
        seen, waiting = {id(root.value)}, [_Reached(root, "", "")]
        for each in waiting:  # which grows meanwhile
            yield each
            for piece in each.node.pieces:
                for use in sight.part(piece)[1]:
                    if id(use) not in seen and len(seen) < _MOST_NODES:
                        seen.add(id(use))
                        waiting.append(each.onward(piece, self._node(use), self._is_own))

    def _notes_of(self, root: _Node, sight: _Sight) -> Iterator[CodeNote]:
        modules: dict[str, None] = {}
        told: set[Any] = set()
        for reached in self._reached(root, sight):
            modules[_module_of(reached.node.value)] = None
            for piece in reached.node.pieces:
                modules.update(dict.fromkeys(piece.modules))
                name = reached.name_of(piece)
                where = f"`{name}`" if name else ""
                changed = sight.changed(piece)
                if changed and told.isdisjoint(changed) and not reached.is_library(self._is_own):
                    told |= changed
                    yield CodeNote("not counted", f"{where}, which the code changes{reached.place}")
                for words in () if changed else piece.blind:
                    said = f"{where}, {words}" if where else words
                    yield CodeNote("not followed", said + reached.place)
        for name in modules:
            if self._is_own(name) and self._modules.was_edited(name):
                yield CodeNote("edited since imported", f"`{name}`; what was loaded runs")

    # --- the hash of it ----------------------------------------------------

    def _used(self, root: _Node, sight: _Sight, digests: _Digests) -> tuple[str, bool]:
        """The hash of what something uses, empty if that is nothing; and if something may write."""
        if not sight.whole(root)[0] and not sight.whole(root)[1]:
            return "", root.writes
        for group in self._groups(root, sight, digests):
            if id(root.value) in group:
                digest, writes = self._digest(root, group, sight, digests, is_root=True)
                return digest.hex(), writes
            found = {key: self._digest(node, group, sight, digests) for key, node in group.items()}
            digests.update(found)
        raise AssertionError(root)

    def _digest(
        self,
        first: _Node,
        group: dict[int, _Node],
        sight: _Sight,
        digests: _Digests,
        is_root: bool = False,
    ) -> tuple[bytes, bool]:
        """The hash of a node: of what it is, and of all that it leads to; and if that may write.

        Nodes that lead to each other are numbered in the order in which one meets them.
        """
        numbers, waiting, digest, writes = {id(first.value): 0}, [first], sha256(), False
        for node in waiting:  # which grows meanwhile
            text, uses = sight.whole(node)
            digest.update(f"{'' if is_root and node is first else node.token} {text}".encode())
            writes = writes or node.writes
            for use in uses:
                key = id(use)
                if key not in group:
                    below, below_writes = digests.get(key, (b"", False))
                    digest.update(below)
                    writes = writes or below_writes
                    continue
                if key not in numbers:
                    numbers[key] = len(numbers)
                    waiting.append(group[key])
                digest.update(f"#{numbers[key]}".encode())
        return digest.digest(), writes

    def _groups(self, root: _Node, sight: _Sight, done: _Digests) -> Iterator[dict[int, _Node]]:
        """Nodes that lead to each other, together; what they lead to comes before (Tarjan)."""
        order: dict[int, int] = {}
        lowest: dict[int, int] = {}
        path: dict[int, _Node] = {}
        work: list[tuple[_Node, Iterator[Any]]] = []

        def enter(node: _Node) -> None:
            key = id(node.value)
            order[key] = lowest[key] = len(order)
            path[key] = node
            work.append((node, iter(sight.whole(node)[1])))

        enter(root)
        while work:
            node, uses = work[-1]
            key = id(node.value)
            for use in uses:
                other = id(use)
                if other not in order and other not in done and len(order) < _MOST_NODES:
                    enter(self._node(use))
                    break
                if other in path:
                    lowest[key] = min(lowest[key], order[other])
            else:
                work.pop()
                if work:
                    above = id(work[-1][0].value)
                    lowest[above] = min(lowest[above], lowest[key])
                if lowest[key] == order[key]:
                    keys = list(path)
                    yield {each: path.pop(each) for each in keys[keys.index(key) :]}

    # --- nodes -------------------------------------------------------------

    def _node(self, value: Any) -> _Node:
        found = self._nodes.get(id(value))
        if found is None:
            facts = self._facts_of(value.__code__) if type(value) is FunctionType else None
            try:
                pieces = tuple(self._pieces(value))
            except Exception:  # noqa: BLE001 - whatever a class does when it is looked at
                words = f"{class_name(type(value))} that cannot be looked into"
                pieces = (_Piece("", words, blind=(words,)),)
            token, writes = (facts.token, facts.writes) if facts is not None else ("", False)
            found = self._nodes[id(value)] = _Node(value, token, pieces, writes)
        return found

    def _pieces(self, value: Any) -> Iterator[_Piece]:
        if type(value) is FunctionType:
            yield from self._function(value)
        elif _is_class(value):
            yield from self._class(value)
        elif type(value) is ModuleType:
            yield from self._whole_module(value)
        elif self._is_own(type(value).__module__):
            yield from self._object(value)
        else:
            yield self._piece("", value)

    def _piece(self, label: str, value: Any, *places: Place) -> _Piece:
        kind = type(value)
        if kind in PLAIN and (kind not in (str, bytes) or len(value) < _LONG):
            return _Piece(label, plain_text(value), places=places)
        if kind is ModuleType and not self._is_own(value.__name__):
            return _Piece(label, value.__name__, places=places)
        if (kind is type and self._is_own(value.__module__)) or (
            kind is FunctionType and self._is_own(module_of_code(value))
        ):
            return _Piece(label, repr("own"), (value,), places=places)
        out = ValueText(self._is_own)
        text = repr(out.text(value))
        is_own = self._is_own(kind.__module__)
        if is_changeable(value, is_own):
            places = (*places, ("in", id(value)))
        kept = (kind,) if is_own else ()
        about = tuple(out.uses), tuple(out.blind), places, kept
        return _Piece(label, text, *about, value=value, inside=frozenset(out.inside))

    def _function(self, fn: FunctionType) -> Iterator[_Piece]:
        module = module_of_code(fn)
        if module == "functools" and "registry" in fn.__dict__:
            yield self._cases(fn)
            return
        if fn.__defaults__ or fn.__kwdefaults__:
            yield from self._defaults(fn)
        if fn.__closure__:
            yield from self._closed_over(fn)
        if module is None or self._is_own(module):
            yield from self._surroundings(fn)
        elif "__wrapped__" in fn.__dict__:
            yield self._piece("__wrapped__", fn.__dict__["__wrapped__"])

    def _closed_over(self, fn: FunctionType) -> Iterator[_Piece]:
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
            try:
                value = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            yield from self._named(fn, "free", name, value, ("cell", id(cell)))

    def _surroundings(self, fn: FunctionType) -> Iterator[_Piece]:
        """What a function of one's own uses of its module and others."""
        facts, known = self._facts_of(fn.__code__), fn.__globals__
        for name in self._global_names(fn, facts):
            if name in known:
                yield from self._named(fn, "global", name, known[name], ("name", id(known), name))
        for name in () if _LOOKS.isdisjoint(facts.names) else ("eval", "exec"):
            if name in facts.names and name not in known:
                yield _Piece("", "", blind=(f"the code that `{name}` runs",))
        for name, value in sorted(fn.__dict__.items()) if fn.__dict__ else ():
            if name != "__wrapped__":
                yield self._piece(f"{fn.__name__}.{name}", value, ("attribute", id(fn), name))
        if not self._says_plain(fn):
            yield from self._annotated(fn)
        if facts.imports or not _IMPORTERS.isdisjoint(facts.attributes):
            yield from self._imported(fn)

    def _cases(self, fn: FunctionType) -> _Piece:
        """The functions of a `singledispatch`, whatever the order in which they came."""
        out = ValueText(self._is_own)
        text = out.unordered(fn.__dict__["registry"].items())
        return _Piece("", repr(text), tuple(out.uses), tuple(out.blind))

    def _defaults(self, fn: FunctionType) -> Iterator[_Piece]:
        code, defaults = fn.__code__, fn.__defaults__ or ()
        names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        given = dict(zip(names, defaults, strict=True)) | dict(
            sorted((fn.__kwdefaults__ or {}).items())
        )
        for name, value in given.items():
            yield self._piece(name, value)

    def _global_names(self, fn: FunctionType, facts: CodeFacts) -> Iterable[str]:
        if "globals" not in facts.names:
            return facts.names
        reads = {each[1] for each in ways_of(fn.__code__).reads if each[0] == "global"}
        return sorted(reads.union(facts.names))

    def _named(
        self, fn: FunctionType, scope: str, name: str, value: Any, place: Place
    ) -> Iterator[_Piece]:
        """What a name of a function stands for; of a module, what is used of it."""
        if type(value) is not ModuleType or not self._is_own(value.__name__):
            yield self._piece(name, value, place)
            return
        paths = {each[2:] for each in ways_of(fn.__code__).reads if each[:2] == (scope, name)}
        yield from self._of_module(name, value, paths or {()})

    def _of_module(
        self, label: str, module: ModuleType, paths: set[tuple[str, ...]]
    ) -> Iterator[_Piece]:
        """What is used of a module of one's own, by dots; all of it where it is handed on."""
        found: dict[str, _Piece] = {}
        for path in paths:
            value: Any = module
            name = label
            places: tuple[Place, ...] = ()
            for step in path:
                inside = vars(value)
                name, places = f"{name}.{step}", (("name", id(inside), step),)
                value = inside.get(step, inside.get("__getattr__"))
                if type(value) is not ModuleType or not self._is_own(value.__name__):
                    break
            if name not in found:
                found[name] = self._piece(name, value, *places)
        yield from (found[name] for name in sorted(found))

    def _whole_module(self, module: ModuleType) -> Iterator[_Piece]:
        for name, value in sorted(vars(module).items()):
            if not name.startswith("__"):
                yield self._piece(name, value, ("name", id(vars(module)), name))

    def _annotated(self, fn: FunctionType) -> Iterator[_Piece]:
        """One's own classes that parameters are annotated with: methods may be called."""
        out, known = ValueText(self._is_own), fn.__globals__
        try:
            notes = list(fn.__annotations__.values())
        except Exception:  # noqa: BLE001 - they may name what a later cell defines
            return
        for note in notes:
            several = _NAME.findall(note) if isinstance(note, str) else ()
            for each in [known.get(name) for name in several] if several else [note]:
                if not isinstance(each, str):
                    out.text(each)
        classes = tuple(dict.fromkeys(each for each in out.uses if _is_class(each)))
        if classes:
            yield _Piece("annotations", "", classes)

    def _imported(self, fn: FunctionType) -> Iterator[_Piece]:
        """What a function imports itself: the text of that, as its file has it."""
        for trail in sorted(ways_of(fn.__code__).reads):
            if trail[0] != "import":
                continue
            name = absolute_name(trail[1], fn.__globals__)
            module = sys.modules.get(name)
            has_file = name != "__main__" and getattr(module, "__file__", None)
            if module is not None and not has_file and not hasattr(module, "__path__"):
                if self._is_own(name):
                    yield from self._of_module(name, module, {trail[2:]})
                continue
            found = self._modules.read(name, trail[2:])
            if found is not None:
                yield _Piece(".".join((name, *trail[2:])), found.text, modules=found.modules)

    def _class(self, cls: type) -> Iterator[_Piece]:
        above = [each for each in (*cls.__bases__, type(cls)) if each is not type]
        yield self._piece("", tuple(above))
        ids = [id(each) for each in cls.__mro__]
        if issubclass(cls, Enum):
            yield self._piece("", [(m._name_, m._value_) for m in cls.__members__.values()])
        if not any(_module_of(base).startswith("jobnb.") for base in cls.__mro__):
            # The defaults of a config or resource class count as config.
            yield from self._fields(cls)
        for name, value in sorted(vars(cls).items()):
            if _says_something(name, value, cls):
                places = [("attribute", id(cls), name), *(("class", each, name) for each in ids)]
                if is_changeable(value, self._is_own(type(value).__module__)):
                    places += [("class in", each, name) for each in ids]
                yield self._piece(name, value, *places)

    def _fields(self, cls: type) -> Iterator[_Piece]:
        """What pydantic keeps of a class: its fields, and when its validators run."""
        about = ("default", "default_factory", "annotation", "metadata", "alias")
        for name, info in (vars(cls).get("__pydantic_fields__") or {}).items():
            yield self._piece(name, [getattr(info, each, None) for each in about])
        decorators = vars(cls).get("__pydantic_decorators__")
        for kind, several in sorted(instance_state(decorators)) if decorators else ():
            for name, each in sorted(several.items()) if isinstance(several, dict) else ():
                yield self._piece(name, (kind, getattr(each, "info", None)))
        if "__pydantic_fields__" in vars(cls):
            yield self._piece("model_config", vars(cls).get("model_config"))

    def _object(self, value: Any) -> Iterator[_Piece]:
        cls = type(value)
        ids = [id(each) for each in cls.__mro__]
        yield _Piece("", "", (cls,))
        out = ValueText(self._is_own)
        content = repr(out.content(value))
        places = tuple(("self", each, "[]") for each in ids)
        yield _Piece("", content, tuple(out.uses), tuple(out.blind), places)
        for name, each in sorted(instance_state(value), key=itemgetter(0)):
            if not _counts_in_state(name, cls):
                continue
            own: list[Place] = [("attribute", id(value), name)]
            own += [(kind, one, name) for kind in ("self", "class") for one in ids]
            if is_changeable(each, self._is_own(type(each).__module__)):
                own += [("class in", one, name) for one in ids]
            yield self._piece(name, each, *own)

    def _is_own(self, module: str | None) -> bool:
        found = self._owns.get(module)
        if found is None:
            package = str(module).partition(".")[0]
            found = is_own(module) or (bool(self._package) and package == self._package)
            self._owns[module] = found
        return found


class _Reached(NamedTuple):
    """A node, and how one comes to it from a function.

    Attributes:
        node: It.
        name: By which name, with dots.
        place: In which function.
    """

    node: _Node
    name: str
    place: str

    def is_library(self, is_own: Callable[[str | None], bool]) -> bool:
        """Whether it is a function of a library, around one's own."""
        value = self.node.value
        module = module_of_code(value) if type(value) is FunctionType else None
        return module is not None and not is_own(module)

    def name_of(self, piece: _Piece) -> str:
        """The name of what it uses."""
        is_wrapper = type(self.node.value) is FunctionType and self.name
        parts = (self.name,) if is_wrapper else (self.name, piece.label)
        return ".".join(filter(None, parts))

    def onward(self, piece: _Piece, node: _Node, is_own: Callable[[str | None], bool]) -> _Reached:
        """How one comes to what it uses."""
        value = node.value
        if type(value) is not FunctionType:
            return _Reached(node, self.name_of(piece), self.place)
        module = module_of_code(value)
        if module is not None and not is_own(module):  # of a library, around one's own
            return _Reached(node, self.name_of(piece), self.place)
        return _Reached(node, "", f" in `{value.__qualname__.rpartition('<locals>.')[2]}`")


def _is_class(value: Any) -> bool:
    return issubclass(type(value), type)


def _package_of(fn: Any) -> str:
    """The package that a function comes from: all of it counts as one's own."""
    name = _module_of(fn).partition(".")[0]
    return "" if name in ("__main__", "jobnb") else name


def _module_of(value: Any) -> str:
    if type(value) is FunctionType:
        return module_of_code(value) or ""
    found = value.__module__ if _is_class(value) else type(value).__module__
    return value.__name__ if type(value) is ModuleType else str(found or "")


def _counts_in_state(name: str, cls: type) -> bool:
    """Whether an attribute of an object is one's own, and no library's note."""
    bases = {(_module_of(base).partition(".")[0], base) for base in cls.__mro__}
    roots = {root for root, _ in bases}
    if "jobnb" in roots:
        fields = getattr(cls, "__pydantic_fields__", None)
        return fields is None or name in fields
    return not (name.startswith("_") and roots & {"pandas", "numpy"})


def _says_something(name: str, value: Any, cls: type) -> bool:
    """Whether an attribute of a class is what somebody wrote, and no note of Python's own."""
    if name in ("__annotate__", "__annotate_func__", "__classcell__"):
        return False
    if isinstance(value, (FunctionType, staticmethod, classmethod, property, cached_property)):
        return True
    if issubclass(cls, Enum):
        return False  # its members are read already
    if type(value) in _ACCESS or type(value).__name__ == "_tuplegetter":
        return False
    if name.startswith("__") and (callable(value) or hasattr(type(value), "__get__")):
        # As `__call__ = partialmethod(...)`.
        return not (_is_class(value) or name.startswith(("__pydantic", "__signature__")))
    return not name.startswith(("__", "_abc_")) and name not in _ABOUT_MODELS
