"""List what a function, class, object or module uses, piece by piece."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cached_property
from operator import itemgetter
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

from jobnb.code.bytecode_facts import KNOWN, CodeFacts, facts_of, plain_text
from jobnb.code.modules import OwnModules, absolute_name
from jobnb.code.mutations import Place, is_changeable
from jobnb.code.name_usage import name_usage_of
from jobnb.code.static_inspection import (
    class_name,
    instance_state,
    is_class,
    module_of,
    module_of_code,
)
from jobnb.code.values import PLAIN, ValueText

_LONG = 10_000
_NAME = re.compile(r"[A-Za-z_]\w*")
LOOKS = frozenset(("globals", "eval", "exec", "__import__"))
"""Names by which a function may look at more than it names."""
IMPORTERS = frozenset(("import_module", "__import__"))
"""Names by which it may import something."""
_ACCESS = (GetSetDescriptorType, MemberDescriptorType)
_ABOUT_MODELS = frozenset(("model_config", "model_fields", "model_computed_fields"))


class Reference(NamedTuple):
    """Something that a function, class or object uses.

    Attributes:
        label: Its name there.
        text: Its description, which is hashed.
        uses: The user's own functions, classes and objects that it leads to.
        blind: The parts that were not read, in words.
        places: Where it is; a change of any of these places changes it.
        kept: The part that counts although the code changes it: its class.
        modules: The modules whose files were read for it.
        value: The value itself.
        inside: The ids of the containers in it, which the code may change.
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
        """The text that is hashed of it, and what it leads to."""
        return f"{self.label}={self.text};", self.uses


Part = tuple[str, tuple[Any, ...]]
"""The text of a piece or node, and what it leads to."""


class ReferenceReader:
    """Lists what functions, classes, objects and modules use.

    Args:
        is_own: Whether the module of that name is the user's own.
    """

    def __init__(self, is_own: Callable[[str | None], bool]) -> None:
        self._is_own = is_own
        # The cache keeps code objects alive, so that their ids are not reused.
        self._facts: dict[int, tuple[Any, CodeFacts]] = {}

    @cached_property
    def modules(self) -> OwnModules:
        """The reader of the user's own modules, from their files."""
        return OwnModules()

    def pieces_of(self, value: Any) -> tuple[Reference, ...]:
        """Return what a value uses; for one that cannot be read, a piece that says so."""
        try:
            return tuple(self._pieces(value))
        except Exception:  # noqa: BLE001 - inspecting a class may raise anything
            words = f"{class_name(type(value))} that cannot be looked into"
            return (Reference("", words, blind=(words,)),)

    def facts_of(self, code: Any) -> CodeFacts:
        """Return the facts of a code object."""
        found = self._facts.get(id(code))
        if found is None:
            found = self._facts[id(code)] = (code, KNOWN.get(code) or facts_of(code))
        return found[1]

    def _pieces(self, value: Any) -> Iterator[Reference]:
        if type(value) is FunctionType:
            yield from self._function(value)
        elif is_class(value):
            yield from self._class(value)
        elif type(value) is ModuleType:
            yield from self._whole_module(value)
        elif self._is_own(type(value).__module__):
            yield from self._object(value)
        else:
            yield self._piece("", value)

    def _piece(self, label: str, value: Any, *places: Place) -> Reference:
        kind = type(value)
        if kind in PLAIN and (kind not in (str, bytes) or len(value) < _LONG):
            return Reference(label, plain_text(value), places=places)
        if kind is ModuleType and not self._is_own(value.__name__):
            return Reference(label, value.__name__, places=places)
        if (kind is type and self._is_own(value.__module__)) or (
            kind is FunctionType and self._is_own(module_of_code(value))
        ):
            return Reference(label, repr("own"), (value,), places=places)
        out = ValueText(self._is_own)
        text = repr(out.text(value))
        is_own = self._is_own(kind.__module__)
        if is_changeable(value, is_own):
            places = (*places, ("in", id(value)))
        kept = (kind,) if is_own else ()
        about = tuple(out.uses), tuple(out.blind), places, kept
        return Reference(label, text, *about, value=value, inside=frozenset(out.inside))

    def _function(self, fn: FunctionType) -> Iterator[Reference]:
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

    def _closed_over(self, fn: FunctionType) -> Iterator[Reference]:
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
            try:
                value = cell.cell_contents
            except ValueError:  # An empty cell: not assigned yet.
                continue
            yield from self._named(fn, "free", name, value, ("cell", id(cell)))

    def _surroundings(self, fn: FunctionType) -> Iterator[Reference]:
        """Iterate over the globals and closure variables that a function uses."""
        facts, known = self.facts_of(fn.__code__), fn.__globals__
        for name in self._global_names(fn, facts):
            if name in known:
                yield from self._named(fn, "global", name, known[name], ("name", id(known), name))
        for name in () if LOOKS.isdisjoint(facts.names) else ("eval", "exec"):
            if name in facts.names and name not in known:
                yield Reference("", "", blind=(f"the code that `{name}` runs",))
        for name, value in sorted(fn.__dict__.items()) if fn.__dict__ else ():
            if name != "__wrapped__":
                yield self._piece(f"{fn.__name__}.{name}", value, ("attribute", id(fn), name))
        if not says_plain(fn):
            yield from self._annotated(fn)
        if facts.imports or not IMPORTERS.isdisjoint(facts.attributes):
            yield from self._imported(fn)

    def _cases(self, fn: FunctionType) -> Reference:
        """Return the functions of a `singledispatch`, independent of their order."""
        out = ValueText(self._is_own)
        text = out.unordered(fn.__dict__["registry"].items())
        return Reference("", repr(text), tuple(out.uses), tuple(out.blind))

    def _defaults(self, fn: FunctionType) -> Iterator[Reference]:
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
        reads = {each[1] for each in name_usage_of(fn.__code__).reads if each[0] == "global"}
        return sorted(reads.union(facts.names))

    def _named(
        self, fn: FunctionType, scope: str, name: str, value: Any, place: Place
    ) -> Iterator[Reference]:
        """Iterate over the pieces behind a name of a function; of a module, what is used of it."""
        if type(value) is not ModuleType or not self._is_own(value.__name__):
            yield self._piece(name, value, place)
            return
        paths = {each[2:] for each in name_usage_of(fn.__code__).reads if each[:2] == (scope, name)}
        yield from self._of_module(name, value, paths or {()})

    def _of_module(
        self, label: str, module: ModuleType, paths: set[tuple[str, ...]]
    ) -> Iterator[Reference]:
        """Iterate over the attributes used of a module; over all if it is passed on."""
        found: dict[str, Reference] = {}
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

    def _whole_module(self, module: ModuleType) -> Iterator[Reference]:
        for name, value in sorted(vars(module).items()):
            if not name.startswith("__"):
                yield self._piece(name, value, ("name", id(vars(module)), name))

    def _annotated(self, fn: FunctionType) -> Iterator[Reference]:
        """Iterate over the user's classes in annotations: their methods may be called."""
        out, known = ValueText(self._is_own), fn.__globals__
        try:
            notes = list(fn.__annotations__.values())
        except Exception:  # noqa: BLE001 - annotations may name what a later cell defines
            return
        for note in notes:
            several = _NAME.findall(note) if isinstance(note, str) else ()
            for each in [known.get(name) for name in several] if several else [note]:
                if not isinstance(each, str):
                    out.text(each)
        classes = tuple(dict.fromkeys(each for each in out.uses if is_class(each)))
        if classes:
            yield Reference("annotations", "", classes)

    def _imported(self, fn: FunctionType) -> Iterator[Reference]:
        """Iterate over what a function imports itself, read from the files."""
        for trail in sorted(name_usage_of(fn.__code__).reads):
            if trail[0] != "import":
                continue
            name = absolute_name(trail[1], fn.__globals__)
            module = sys.modules.get(name)
            has_file = name != "__main__" and getattr(module, "__file__", None)
            if module is not None and not has_file and not hasattr(module, "__path__"):
                if self._is_own(name):
                    yield from self._of_module(name, module, {trail[2:]})
                continue
            found = self.modules.read(name, trail[2:])
            if found is not None:
                yield Reference(".".join((name, *trail[2:])), found.text, modules=found.modules)

    def _class(self, cls: type) -> Iterator[Reference]:
        above = [each for each in (*cls.__bases__, type(cls)) if each is not type]
        yield self._piece("", tuple(above))
        ids = [id(each) for each in cls.__mro__]
        if issubclass(cls, Enum):
            yield self._piece("", [(m._name_, m._value_) for m in cls.__members__.values()])
        if not any(module_of(base).startswith("jobnb.") for base in cls.__mro__):
            # The defaults of a config or resource class are compared as config.
            yield from self._fields(cls)
        for name, value in sorted(vars(cls).items()):
            if _says_something(name, value, cls) and not _is_made_by_pydantic(name, value):
                places = [("attribute", id(cls), name), *(("class", each, name) for each in ids)]
                if is_changeable(value, self._is_own(type(value).__module__)):
                    places += [("class in", each, name) for each in ids]
                yield self._piece(name, value, *places)

    def _fields(self, cls: type) -> Iterator[Reference]:
        """Iterate over pydantic's data of a class: its fields, and when its validators run."""
        about = ("default", "default_factory", "annotation", "metadata", "alias")
        for name, info in (vars(cls).get("__pydantic_fields__") or {}).items():
            yield self._piece(name, [getattr(info, each, None) for each in about])
        decorators = vars(cls).get("__pydantic_decorators__")
        for kind, several in sorted(instance_state(decorators)) if decorators else ():
            for name, each in sorted(several.items()) if isinstance(several, dict) else ():
                yield self._piece(name, (kind, getattr(each, "info", None)))
        if "__pydantic_fields__" in vars(cls):
            yield self._piece("model_config", vars(cls).get("model_config"))

    def _object(self, value: Any) -> Iterator[Reference]:
        cls = type(value)
        ids = [id(each) for each in cls.__mro__]
        yield Reference("", "", (cls,))
        out = ValueText(self._is_own)
        content = repr(out.content(value))
        places = tuple(("self", each, "[]") for each in ids)
        yield Reference("", content, tuple(out.uses), tuple(out.blind), places)
        for name, each in sorted(instance_state(value), key=itemgetter(0)):
            if not _counts_in_state(name, cls):
                continue
            own: list[Place] = [("attribute", id(value), name)]
            own += [(kind, one, name) for kind in ("self", "class") for one in ids]
            if is_changeable(each, self._is_own(type(each).__module__)):
                own += [("class in", one, name) for one in ids]
            yield self._piece(name, each, *own)


def says_plain(fn: FunctionType) -> bool:
    """Whether no annotation of a function can lead to a class of the user's own."""
    try:
        notes = fn.__annotations__
    except Exception:  # noqa: BLE001 - annotations may name what a later cell defines
        return False
    known = fn.__globals__
    return all(
        known.keys().isdisjoint((each,) if each.isidentifier() else _NAME.findall(each))
        if type(each) is str
        else each in PLAIN
        for each in notes.values()
    )


def _counts_in_state(name: str, cls: type) -> bool:
    """Whether an attribute of an object is the user's own, and not a library's."""
    bases = {(module_of(base).partition(".")[0], base) for base in cls.__mro__}
    roots = {root for root, _ in bases}
    if "jobnb" in roots:
        fields = getattr(cls, "__pydantic_fields__", None)
        return fields is None or name in fields
    return not (name.startswith("_") and roots & {"pandas", "numpy"})


def _is_made_by_pydantic(name: str, value: Any) -> bool:
    """Whether it is the `__hash__` that pydantic gives a class: it follows from the fields."""
    return name == "__hash__" and (getattr(value, "__module__", None) or "").startswith("pydantic.")


def _says_something(name: str, value: Any, cls: type) -> bool:
    """Whether an attribute of a class was written by the user, and not set by Python."""
    if name in ("__annotate__", "__annotate_func__", "__classcell__"):
        return False
    if isinstance(value, (FunctionType, staticmethod, classmethod, property, cached_property)):
        return True
    if issubclass(cls, Enum):
        return False  # Its members are read already.
    if type(value) in _ACCESS or type(value).__name__ == "_tuplegetter":
        return False
    if name.startswith("__") and (callable(value) or hasattr(type(value), "__get__")):
        # As `__call__ = partialmethod(...)`.
        return not (is_class(value) or name.startswith(("__pydantic", "__signature__")))
    return not name.startswith(("__", "_abc_")) and name not in _ABOUT_MODELS
