"""The hash of a function's code, which changes when the function's behavior may change.

What counts: the function, its defaults, its closure, the globals that it reads, and all functions,
classes, objects and modules of the user's own (see `modules`) that it leads to, at any depth;
values of Python, numpy and pandas; objects of the user's own with their contents; libraries by
name. Comments, docstrings, blank lines and the place in the notebook do not count; nor does what
the code changes itself (see `changes`), nor how a library is built inside.

Objects of libraries (models, connections, random number generators) count by their class alone:
their contents may change by themselves. Of very large values only samples are read. An asset's
page shows both, and what is not counted: see `CodeReader.notes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from hashlib import sha256
from types import FunctionType
from typing import Any, NamedTuple

from jobnb.code.bytecode_facts import CodeFacts
from jobnb.code.modules import is_own
from jobnb.code.mutations import OwnChanges, Place, is_mutator
from jobnb.code.references import IMPORTERS, LOOKS, Part, Reference, ReferenceReader, says_plain
from jobnb.code.static_inspection import is_class, module_of, module_of_code
from jobnb.code.values import ValueText
from jobnb.code.version import PYTHON, READING, CodeHash, CodeNote

_MOST_NODES = 20_000
_Digests = dict[int, tuple[bytes, bool]]


def code_hash(fn: Any) -> str:
    """Return the hash of a function.

    Example:
        >>> code_hash(lambda x: x + 1) == code_hash(lambda x: x + 2)
        False
    """
    return CodeReader().version(fn)


class _Node:
    """A function, class, object or module that is followed.

    Attributes:
        value: The value, kept alive so that its id is not reused.
        token: The hash of it alone.
        pieces: What it uses.
        whole: The text of all pieces, and what they lead to.
        writes: Whether it may change something.
    """

    __slots__ = ("pieces", "token", "value", "whole", "writes")

    def __init__(self, value: Any, token: str, pieces: tuple[Reference, ...], writes: bool) -> None:
        self.value = value
        self.token = token
        self.pieces = pieces
        self.whole: Part = _joined([piece.part for piece in pieces])
        self.writes = writes or any(is_mutator(piece.value) for piece in pieces)


def _joined(parts: list[Part]) -> Part:
    return "".join([text for text, _ in parts]), tuple([use for _, uses in parts for use in uses])


class _PieceCounts:
    """What counts of nodes' pieces, given what the code changes itself.

    Args:
        excluded: The places that the code changes.
        read: Reads a piece again, without some containers inside it.
    """

    def __init__(
        self, excluded: frozenset[Place], read: Callable[[Reference, frozenset[int]], Reference]
    ) -> None:
        self.excluded = excluded
        self._changed = frozenset(place[1] for place in excluded if place[0] == "in")
        self._read = read
        self._wholes: dict[int, Part] = {}

    def whole(self, node: _Node) -> Part:
        """Return the text of a node, and what it leads to."""
        if not self.excluded:
            return node.whole
        found = self._wholes.get(id(node))
        if found is None:
            found = self._wholes[id(node)] = _joined([self.part(piece) for piece in node.pieces])
        return found

    def changed(self, piece: Reference) -> frozenset[Any]:
        """Return the places of a piece, or inside it, that the code changes."""
        inside = self._changed & piece.inside
        return self.excluded.intersection(piece.places) or frozenset(("in", e) for e in inside)

    def part(self, piece: Reference) -> Part:
        """Return what counts of a piece."""
        hit = self.excluded.intersection(piece.places)
        if hit:
            # A value changed in place still counts by its class; a rebound name not at all.
            kept = piece.kept if all(place[0] == "in" for place in hit) else ()
            return f"{piece.label};" if kept else "", kept
        if not self._changed.isdisjoint(piece.inside):
            piece = self._read(piece, self._changed)
        return piece.part


class _FunctionResults(NamedTuple):
    """The results for one function."""

    version: str
    root: _Node
    counted: _PieceCounts


class CodeReader:
    """Hashes functions; what several of them use is read once.

    It caches all that it reads: create a new one when cells may have run since.
    """

    def __init__(self) -> None:
        self._nodes: dict[int, _Node] = {}
        self._owns: dict[str | None, bool] = {}
        # The user's own modules include the whole package that a function is from.
        self._by_package: dict[str, tuple[dict[int, _Node], dict[str | None, bool], _Digests]] = {}
        self._readings: dict[int, tuple[Any, _FunctionResults]] = {}
        self._package = ""
        self._pieces = ReferenceReader(self._is_own)

    @cached_property
    def _changes(self) -> OwnChanges:
        # Most functions change nothing.
        return OwnChanges(self._is_own)

    def version(self, fn: Any) -> str:
        """Return the recorded hash of a function, a callable object, a class or a graph."""
        facts = self._alone(fn)
        if facts is None:
            return self._reading(fn).version
        if not facts.alone:
            facts.alone = str(CodeHash(PYTHON, facts.token[:10]))
        return facts.alone

    def notes(self, fn: Any) -> tuple[CodeNote, ...]:
        """Return what the hash of a function does not cover: what was not followed, and so on."""
        if self._alone(fn) is not None:
            return ()
        reading = self._reading(fn)
        self._turn_to(fn)
        return tuple(self._notes_of(reading.root, reading.counted))

    def followed(self, fn: Any) -> Iterator[tuple[Any, list[Reference]]]:
        """Iterate over a function and all of the user's own that it leads to.

        Each comes with what it uses and does not change itself.
        """
        reading = self._reading(fn)
        self._turn_to(fn)
        for node in self._all_below(reading.root, reading.counted):
            yield node.value, [e for e in node.pieces if not reading.counted.changed(e)]

    def _reading(self, fn: Any) -> _FunctionResults:
        found = self._readings.get(id(fn))
        if found is None:
            found = self._readings[id(fn)] = (fn, self._read(fn))
        return found[1]

    # --- functions that need no look around --------------------------------

    def _alone(self, fn: Any) -> CodeFacts | None:
        """Return the facts of a function that uses nothing else: equal code is hashed once."""
        if type(fn) is not FunctionType or fn.__closure__ or fn.__defaults__ or fn.__kwdefaults__:
            return None
        facts = self._pieces.facts_of(fn.__code__)
        if facts.imports or fn.__dict__ or not LOOKS.isdisjoint(facts.names):
            return None
        if not IMPORTERS.isdisjoint(facts.attributes):
            return None
        if facts.names and not fn.__globals__.keys().isdisjoint(facts.names):
            return None
        return facts if says_plain(fn) else None

    # --- a function and all that it leads to -------------------------------

    def _turn_to(self, fn: Any) -> _Digests:
        """Count the function's package as the user's own; return the hashes cached for it."""
        self._package = _package_of(fn)
        known = self._by_package.setdefault(self._package, ({}, {}, {}))
        self._nodes, self._owns, digests = known
        return digests

    def _read(self, fn: Any) -> _FunctionResults:
        digests = self._turn_to(fn)
        root, counted = self._node(fn), _PieceCounts(frozenset(), self._read_again)
        used, writes = self._used(root, counted, digests)
        if writes:
            counted = self._without_own_changes(root, counted)
            if counted.excluded:
                used, _ = self._used(root, counted, {})
        own = root.token or sha256(root.whole[0].encode()).hexdigest()
        version = CodeHash(PYTHON, own[:10], f"{READING}.{used[:10]}" if used else "")
        return _FunctionResults(str(version), root, counted)

    def _without_own_changes(self, root: _Node, counted: _PieceCounts) -> _PieceCounts:
        """Return what counts beside the places that the code changes; see `changes`.

        Computed twice: functions reached only through the contents of such a place do not count.
        """
        for _ in range(2):
            reached = self._all_below(root, counted)
            direct = {
                id(use) for node in reached if not is_class(node.value) for use in node.whole[1]
            }
            excluded = self._changes.places([each.value for each in reached], direct)
            if excluded == counted.excluded:
                break
            counted = _PieceCounts(excluded, self._read_again)
        return counted

    def _all_below(self, root: _Node, counted: _PieceCounts) -> list[_Node]:
        """Return all that a function leads to, each once."""
        seen, found = {id(root.value)}, [root]
        for node in found:  # The list grows while it is read.
            for use in counted.whole(node)[1]:
                if id(use) not in seen and len(seen) < _MOST_NODES:
                    seen.add(id(use))
                    found.append(self._node(use))
        return found

    def _read_again(self, piece: Reference, left_out: frozenset[int]) -> Reference:
        out = ValueText(self._is_own, left_out)
        return piece._replace(text=repr(out.text(piece.value)), uses=tuple(out.uses))

    def _reached(self, root: _Node, counted: _PieceCounts) -> Iterator[_ReachedNode]:
        """Iterate over all that a function leads to, with the name by which it is reached."""
        seen, waiting = {id(root.value)}, [_ReachedNode(root, "", "")]
        for each in waiting:  # The list grows while it is read.
            yield each
            for piece in each.node.pieces:
                for use in counted.part(piece)[1]:
                    if id(use) not in seen and len(seen) < _MOST_NODES:
                        seen.add(id(use))
                        waiting.append(each.onward(piece, self._node(use), self._is_own))

    def _notes_of(self, root: _Node, counted: _PieceCounts) -> Iterator[CodeNote]:
        modules: dict[str, None] = {}
        told: set[Any] = set()
        for reached in self._reached(root, counted):
            modules[module_of(reached.node.value)] = None
            for piece in reached.node.pieces:
                modules.update(dict.fromkeys(piece.modules))
                name = reached.name_of(piece)
                where = f"`{name}`" if name else ""
                changed = counted.changed(piece)
                if changed and told.isdisjoint(changed) and not reached.is_library(self._is_own):
                    told |= changed
                    yield CodeNote("not counted", f"{where}, which the code changes{reached.place}")
                for words in () if changed else piece.blind:
                    said = f"{where}, {words}" if where else words
                    yield CodeNote("not followed", said + reached.place)
        for name in modules:
            if self._is_own(name) and self._pieces.modules.was_edited(name):
                yield CodeNote("edited since imported", f"`{name}`; what was loaded runs")

    # --- the hash of it ----------------------------------------------------

    def _used(self, root: _Node, counted: _PieceCounts, digests: _Digests) -> tuple[str, bool]:
        """Return the hash of what a node uses (empty if nothing), and whether it may write."""
        if not counted.whole(root)[0] and not counted.whole(root)[1]:
            return "", root.writes
        for group in self._groups(root, counted, digests):
            if id(root.value) in group:
                digest, writes = self._digest(root, group, counted, digests, is_root=True)
                return digest.hex(), writes
            found = {
                key: self._digest(node, group, counted, digests) for key, node in group.items()
            }
            digests.update(found)
        raise AssertionError(root)

    def _digest(
        self,
        first: _Node,
        group: dict[int, _Node],
        counted: _PieceCounts,
        digests: _Digests,
        is_root: bool = False,
    ) -> tuple[bytes, bool]:
        """Return the hash of a node and all that it leads to; and whether any of it may write.

        Nodes that lead to each other are numbered in the order in which they are met.
        """
        numbers, waiting, digest, writes = {id(first.value): 0}, [first], sha256(), False
        for node in waiting:  # The list grows while it is read.
            text, uses = counted.whole(node)
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

    def _groups(
        self, root: _Node, counted: _PieceCounts, done: _Digests
    ) -> Iterator[dict[int, _Node]]:
        """Iterate over strongly connected nodes, each group after those it leads to (Tarjan)."""
        order: dict[int, int] = {}
        lowest: dict[int, int] = {}
        path: dict[int, _Node] = {}
        work: list[tuple[_Node, Iterator[Any]]] = []

        def enter(node: _Node) -> None:
            key = id(node.value)
            order[key] = lowest[key] = len(order)
            path[key] = node
            work.append((node, iter(counted.whole(node)[1])))

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
            facts = self._pieces.facts_of(value.__code__) if type(value) is FunctionType else None
            pieces = self._pieces.pieces_of(value)
            token, writes = (facts.token, facts.writes) if facts is not None else ("", False)
            found = self._nodes[id(value)] = _Node(value, token, pieces, writes)
        return found

    def _is_own(self, module: str | None) -> bool:
        found = self._owns.get(module)
        if found is None:
            package = str(module).partition(".")[0]
            found = is_own(module) or (bool(self._package) and package == self._package)
            self._owns[module] = found
        return found


class _ReachedNode(NamedTuple):
    """A node, and how it is reached from a function.

    Attributes:
        node: The node.
        name: The dotted name that leads to it.
        place: The function that uses the name.
    """

    node: _Node
    name: str
    place: str

    def is_library(self, is_own: Callable[[str | None], bool]) -> bool:
        """Whether it is a library's function around the user's own."""
        value = self.node.value
        module = module_of_code(value) if type(value) is FunctionType else None
        return module is not None and not is_own(module)

    def name_of(self, piece: Reference) -> str:
        """Return the name of a piece that it uses."""
        is_wrapper = type(self.node.value) is FunctionType and self.name
        parts = (self.name,) if is_wrapper else (self.name, piece.label)
        return ".".join(filter(None, parts))

    def onward(
        self, piece: Reference, node: _Node, is_own: Callable[[str | None], bool]
    ) -> _ReachedNode:
        """Return how a node that it uses is reached."""
        value = node.value
        if type(value) is not FunctionType:
            return _ReachedNode(node, self.name_of(piece), self.place)
        module = module_of_code(value)
        if module is not None and not is_own(module):  # A library's wrapper around the user's own.
            return _ReachedNode(node, self.name_of(piece), self.place)
        return _ReachedNode(node, "", f" in `{value.__qualname__.rpartition('<locals>.')[2]}`")


def _package_of(fn: Any) -> str:
    """Return the package that a function is from: all of it counts as the user's own."""
    name = module_of(fn).partition(".")[0]
    return "" if name in ("__main__", "jobnb") else name
