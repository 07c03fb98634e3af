"""Pickle values and definitions for another process.

A value is pickled once, where it was made, and unpickled where it is used: who only hands it on
does not look into it. A large one is in a file of the run, its buffers (as those of arrays and
data frames) beside the pickle, so that a reader maps them instead of copying.
"""

from __future__ import annotations

import pickle
import re
import struct
import weakref
from contextlib import suppress
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, ClassVar

LARGE = 1 << 18
"""Bytes from which on a value goes through a file and not through the pipe."""

_PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))
_NAME = re.compile(r"[^\W\d]\w*")
_HEAD = struct.Struct("<Q")
_ALIGNED = 64


class Packed:
    """A pickled value: its bytes, or the file that holds them.

    Args:
        data: The pickle.
        buffers: What is beside it.
        path: The file that has both, in place of them.
        size: How many bytes it is.
    """

    __slots__ = ("__weakref__", "buffers", "data", "path", "size")

    def __init__(
        self, data: bytes, buffers: tuple[bytes, ...] = (), path: str = "", size: int = 0
    ) -> None:
        self.data, self.buffers, self.path, self.size = data, buffers, path, size

    def value(self) -> Any:
        """Return the value; a new one each time that it is asked for."""
        if self.path:
            return _from_file(self.path)
        # A bytearray, so that an array made of it can be written to.
        return loads(self.data, [bytearray(each) for each in self.buffers])

    def own(self) -> Packed:
        """Return the same; its file is removed when nobody holds it here any more."""
        if self.path:
            weakref.finalize(self, _remove, self.path)
        return self

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + (0 if self.path else self.size)

    def __reduce__(self) -> tuple[Any, ...]:
        return Packed, (self.data, self.buffers, self.path, self.size)

    def __repr__(self) -> str:
        return f"<a packed value of {self.size} bytes>"


class ValueStub:
    """Replaces a large value that stays where it was created.

    Args:
        place: The slot and the element that it is.
        holder: Which of those that are asked has it.
    """

    __slots__ = ("holder", "place")

    def __init__(self, place: tuple[int, str | None], holder: int = 0) -> None:
        self.place, self.holder = place, holder

    def __reduce__(self) -> tuple[Any, ...]:
        return ValueStub, (self.place, self.holder)


def _remove(path: str) -> None:
    with suppress(OSError):
        Path(path).unlink()


def unpacked(value: Any) -> Any:
    """Return the value, where it came packed."""
    return value.value() if type(value) in _HOLDERS else value


_HOLDERS: set[type] = {Packed}
"""Types whose `value()` gives the value that they hold."""


def holds_values(kind: type) -> None:
    """Register a type whose content `unpacked` unpacks, too."""
    _HOLDERS.add(kind)


def is_packed(value: Any) -> bool:
    """Whether a value is packed, or held elsewhere."""
    return type(value) in _HOLDERS


def pack(value: Any, folder: str | None) -> Packed:
    """Pack a value.

    Args:
        value: The value.
        folder: Where a large one goes; None if the receiver cannot see files of this machine.
    """
    if type(value) in _PLAIN:
        data = pickle.dumps(value, 5)
        buffers: list[pickle.PickleBuffer] = []
    else:
        buffers = []
        data = dumps(value, buffers)
    views = [each.raw() for each in buffers]
    size = len(data) + sum(view.nbytes for view in views)
    if folder is not None and size > LARGE:
        return Packed(b"", (), _to_file(data, views, folder), size)
    return Packed(data, tuple(map(bytes, views)), "", size)


def _to_file(data: bytes, views: list[memoryview], folder: str) -> str:
    from tempfile import mkstemp

    number, path = mkstemp(dir=folder, suffix=".value")
    with open(number, "wb") as file:  # noqa: PTH123 - a file that is open already
        sizes = [len(data), *(view.nbytes for view in views)]
        file.write(_HEAD.pack(len(sizes)))
        file.writelines(_HEAD.pack(size) for size in sizes)
        for part in (memoryview(data), *views):
            file.write(b"\0" * (-file.tell() % _ALIGNED))
            file.write(part)
    return path


def _from_file(path: str) -> Any:
    """Read a value; its buffers are mapped, and what is written to them stays in this process."""
    import mmap

    with Path(path).open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    (count,) = _HEAD.unpack_from(mapped)
    at = _HEAD.size * (1 + count)
    parts = []
    for number in range(count):
        (size,) = _HEAD.unpack_from(mapped, _HEAD.size * (1 + number))
        at += -at % _ALIGNED
        parts.append(mapped[at : at + size])
        at += size
    return loads(parts[0], parts[1:])


# --- what is the same object in every process ----------------------------------------


def _known() -> dict[int, tuple[str, str]]:
    """Return the objects that are compared by identity, with the names by which they are found."""
    from jobnb.definitions.ops.output import NO_VALUE
    from jobnb.definitions.types import ANY, BOOL, FLOAT, INT, NOTHING, STRING
    from jobnb.storage.values import fs_io_manager, mem_io_manager

    output, types = "jobnb.definitions.ops.output", "jobnb.definitions.types"
    found: dict[tuple[str, str], Any] = {(output, "NO_VALUE"): NO_VALUE}
    found |= {(types, "ANY"): ANY, (types, "NOTHING"): NOTHING, (types, "STRING"): STRING}
    found |= {(types, "INT"): INT, (types, "FLOAT"): FLOAT, (types, "BOOL"): BOOL}
    values = "jobnb.storage.values"
    found |= {(values, "fs_io_manager"): fs_io_manager, (values, "mem_io_manager"): mem_io_manager}
    return {id(each): place for place, each in found.items()}


@cache
def _pickler() -> Any:
    """Return a pickler of anything; made once."""
    import cloudpickle

    from jobnb.execution.pickle_wrapped import wrapped_reducers
    from jobnb.storage.instance import Instance

    known = _known()
    table = dict(cloudpickle.Pickler.dispatch_table)
    of_code = table[CodeType]

    def code(value: CodeType) -> Any:
        # cloudpickle leaves out the file; who reads of a failure wants to know the line.
        make, parts = of_code(value)
        names = (value.co_filename if part == "<dynamic-code>" else part for part in parts)
        return make, tuple(names)

    def instance(value: Instance) -> Any:
        return (_memory, (value.root_directory,)) if value.is_ephemeral else value.__reduce__()

    def one_of_its_kind(value: Any) -> Any:
        place = known.get(id(value))
        return value.__reduce_ex__(5) if place is None else (_found, place)

    # By type and not for each object: a plan is many of them.
    kinds = {type(getattr(import_module(module), name)) for module, name in known.values()}

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table: ClassVar[Any] = {
            **table,
            **wrapped_reducers(),
            CodeType: code,
            Instance: instance,
            **dict.fromkeys(kinds, one_of_its_kind),
        }

        def _dynamic_function_reduce(self, function: FunctionType) -> Any:
            # cloudpickle brings the globals that the code names. Annotations that are texts name
            # others, as the class of a resource, which belongs to the code that is compared.
            reduced = super()._dynamic_function_reduce(function)
            brought, known = reduced[2][1]["__globals__"], function.__globals__
            for note in function.__annotations__.values():
                for name in _NAME.findall(note) if isinstance(note, str) else ():
                    if name in known:
                        brought.setdefault(name, known[name])
            return reduced

    return Pickler


def dumps(value: Any, buffers: list[pickle.PickleBuffer] | None = None) -> bytes:
    """Pickle anything, functions and classes of a notebook's cells with it.

    Args:
        value: What is pickled.
        buffers: Takes large parts that are beside the pickle; they are within it if None.
    """
    out = BytesIO()
    take = None if buffers is None else buffers.append
    _pickler()(out, protocol=5, buffer_callback=take).dump(value)
    return out.getvalue()


def _found(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _memory(folder: str) -> Any:
    from jobnb.storage.instance import Instance

    return Instance.ephemeral(tempdir=folder)


def loads(data: Any, buffers: Any = ()) -> Any:
    """Unpickle what `dumps` pickled."""
    return pickle.loads(data, buffers=buffers)  # noqa: S301 - from a process of the same run
