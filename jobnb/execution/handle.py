"""Where an op stands: the names on the way to it, from the outermost graph."""

from __future__ import annotations

__all__ = ["NodeHandle"]


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

    def __str__(self) -> str:
        return ".".join(self)

    def __repr__(self) -> str:
        return f"NodeHandle({str(self)!r})"
