"""How large a query may be, how deep, and how long it may take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
)


@dataclass(frozen=True)
class Limits:
    """The limits of each query.

    Attributes:
        body: Bytes of a body or a message.
        tokens: Words and signs of a query.
        depth: Fields within fields.
        fields: Fields in all, those of fragments each time that they are used.
        width: Fields side by side, which the validation compares with each other.
        seconds: How long it may take.
        threads: How many are executed side by side.
        subscriptions: How many subscriptions one WebSocket may have.
    """

    body: int = 2_000_000
    tokens: int = 15_000
    depth: int = 30
    fields: int = 10_000
    width: int = 1_000
    seconds: float = 30.0
    threads: int = 8
    subscriptions: int = 100


class Size(NamedTuple):
    """How large a selection is: fields in all, their depth, fields side by side, and the most."""

    fields: int = 0
    depth: int = 0
    width: int = 0
    widest: int = 0


def too_large(document: DocumentNode, limits: Limits) -> str:
    """Return why a query is too large; empty if it is not.

    Args:
        document: The query.
        limits: The limits.

    Example:
        >>> from graphql import parse
        >>> too_large(parse("{ a { b { c } } }"), Limits(depth=2))
        'The query has fields 3 deep; 2 are allowed.'
    """
    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    sizes = _Sizes(fragments)
    for each in document.definitions:
        if not isinstance(each, OperationDefinitionNode):
            continue
        size = sizes.of(each.selection_set)
        if size.depth > limits.depth:
            return f"The query has fields {size.depth} deep; {limits.depth} are allowed."
        if size.fields > limits.fields:
            return f"The query has {size.fields:,} fields; {limits.fields:,} are allowed."
        if size.widest > limits.width:
            return (
                f"The query has {size.widest:,} fields side by side; {limits.width:,} are allowed."
            )
    return ""


class FiniteNumbers(ASTValidationRule):
    """Refuses numbers such as 1e999, which would be read as infinite."""

    def enter_float_value(self, node: FloatValueNode, *_place: Any) -> None:
        """Report a number that is too large."""
        self._check(node)

    def enter_int_value(self, node: IntValueNode, *_place: Any) -> None:
        """Report a number that is too large."""
        self._check(node)

    def _check(self, node: FloatValueNode | IntValueNode) -> None:
        if not math.isfinite(float(node.value)):
            text = f"{node.value[:20]} is too large a number."
            self.report_error(GraphQLError(text, node))


class _Sizes:
    """How many fields there are, and how deep; each fragment is counted once and remembered."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Size] = {}

    def of(self, selection: SelectionSetNode | None) -> Size:
        """Return the size of a selection."""
        fields = depth = width = widest = 0
        for each in selection.selections if selection is not None else ():
            if isinstance(each, FragmentSpreadNode):
                inner = self._of_fragment(each.name.value)
            else:
                inner = self.of(getattr(each, "selection_set", None))
            own = int(isinstance(each, FieldNode))
            fields, depth = fields + own + inner.fields, max(depth, own + inner.depth)
            width, widest = width + (own or inner.width), max(widest, inner.widest)
        return Size(fields, depth, width, max(width, widest))

    def _of_fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size()  # a circle is found by the validation
            found = self._fragments.get(name)
            self._known[name] = self.of(found.selection_set) if found is not None else Size()
        return self._known[name]
