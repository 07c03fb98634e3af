"""The handle of an op: the names on the way to it, from the outermost graph."""

from __future__ import annotations

import msgspec


class NodeHandle(tuple[str, ...]):
    """The names on the way to an op, from the outermost graph.

    Example:
        >>> handle = NodeHandle(("clean", "parse"))
        >>> str(handle), handle.name, handle.parent
        ('clean.parse', 'parse', NodeHandle('clean'))

    Source: Dagster's `NodeHandle`.
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The op's own name in its graph."""
        return self[-1]

    @property
    def path(self) -> list[str]:
        """The names as a list."""
        return list(self)

    @property
    def parent(self) -> NodeHandle | None:
        """The graph that it is in, or None for one in the job's own graph."""
        return NodeHandle(self[:-1]) if len(self) > 1 else None

    @staticmethod
    def from_string(text: str) -> NodeHandle:
        """Return the handle that is written so, with a dot between the names."""
        return NodeHandle(text.split("."))

    def to_string(self) -> str:
        """Return the names with a dot between them."""
        return str(self)

    def __str__(self) -> str:
        return ".".join(self)

    def __repr__(self) -> str:
        return f"NodeHandle({str(self)!r})"


class StepHandle(msgspec.Struct, frozen=True):
    """A step by its key.

    Example:
        >>> handle = StepHandle("clean.parse[a]")
        >>> handle.to_key(), str(handle.node_handle), handle.mapping_key
        ('clean.parse[a]', 'clean.parse', 'a')

    Source: Dagster's `StepHandle` and `ResolvedFromDynamicStepHandle`.
    """

    key: str

    @property
    def node_handle(self) -> NodeHandle:
        """The handle of its op."""
        return NodeHandle.from_string(self.key.partition("[")[0])

    @property
    def mapping_key(self) -> str | None:
        """The key of the dynamic output that it is for, or None."""
        return self.key.partition("[")[2].removesuffix("]") or None

    def to_key(self) -> str:
        """Return the step's key."""
        return self.key
