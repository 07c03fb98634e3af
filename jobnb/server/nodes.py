"""The objects that GraphQL answers are made of: a class for each type of the schema.

A class has the name of its type, and its attributes, properties and methods are the fields, in
Python's spelling: `runId` is `run_id`. A method takes the arguments of its field. `schema.py` puts
the two together, and finds what is missing.
"""

from __future__ import annotations

import re
from hashlib import sha1
from operator import attrgetter
from typing import Any, ClassVar

classes: dict[str, type[Node]] = {}
"""The classes by the names of their types."""


class Node:
    """An object of a type that has the name of the class."""

    __slots__ = ()
    graphql_type: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.graphql_type = cls.__name__
        classes[cls.__name__] = cls


class Permitted:
    """A field that says whether something may be changed.

    Args:
        where: Where a node has what the request reads.
    """

    def __init__(self, where: str = "_reading") -> None:
        self._reading_of = attrgetter(where)

    def __get__(self, node: Any, _owner: type[Node] | None = None) -> Any:
        """Whether it may; of the class, the field itself."""
        return self if node is None else not self._reading_of(node).served.refusal


def type_named(name: str) -> Any:
    """Return the class of a type, for files that cannot import it.

    GraphQL's types lead to each other in circles, a run to its assets and an asset to its runs;
    files do not import each other so.
    """
    return classes[name]


def snake(name: str) -> str:
    """Return a name of GraphQL as Python spells it.

    >>> snake("solidHandleID"), snake("runsOrError"), snake("partitionStatus1D")
    ('solid_handle_id', 'runs_or_error', 'partition_status1_d')
    """
    parted = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", parted).lower()


def digest(*parts: str) -> str:
    """Return an id of 40 hexadecimal digits, the same for the same parts.

    >>> digest("shop.ipynb", "daily")[:8]
    '5ce9e02e'
    """
    return sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def millis(seconds: float) -> str:
    """Return a time in milliseconds, as the events of a log tell it.

    >>> millis(1357034400.25)
    '1357034400250'
    """
    return str(int(seconds * 1000))
