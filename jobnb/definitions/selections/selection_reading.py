"""From the text of a selection to its rules; what a name means, assets and ops say themselves."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from jobnb.definitions.selections.numbered_graph import NumberedGraph
from jobnb.definitions.selections.selection_grammar import Spot, cannot_read, syntax_tree
from jobnb.definitions.selections.selection_rules import (
    AllOf,
    AnyOf,
    Everything,
    Roots,
    Rule,
    Sinks,
    with_steps,
)
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from lark import Token, Tree

__all__ = ["Reading"]

G = TypeVar("G", bound=NumberedGraph[Any])
_NOWHERE = -1
_MANY_DIGITS = 9  # a depth with more digits is all the way, as Dagster prints it


class Reading(Generic[G]):
    """Reads one text.

    Args:
        text: The selection.
    """

    attributes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    noun = "a selection"

    def __init__(self, text: str) -> None:
        self.text = text

    def rule(self) -> Rule[G]:
        """What the text says.

        Raises:
            InvalidSubsetError: If it cannot be read; it points at the column.
        """
        try:
            return self._read(syntax_tree(self.text))
        except InvalidDefinitionError as error:
            cannot_read(self.text, 0, str(error).removesuffix("."))

    # What assets and ops say themselves

    @abstractmethod
    def named(self, token: Token) -> Rule[G]:
        """What a bare name stands for."""

    @abstractmethod
    def attribute(self, label: str, value: Token, extra: Token | None) -> Rule[G]:
        """What holds of something, as `group:clean` or `tag:daily=yes`."""

    def applied(self, name: str, rule: Rule[G]) -> Rule[G]:
        """What a function makes of a rule."""
        return Roots(rule) if name == "roots" else Sinks(rule)

    def alone(self, name: str) -> Rule[G]:
        """What a function gives that has nothing between its parentheses: it is given all."""
        return AnyOf(()) if name == "nothing" else self.applied(name, Everything())

    def stepped(self, rule: Rule[G], up: int | None, down: int | None) -> Rule[G]:
        """The rule with what lies above and below; None is all the way, -1 not to go at all."""
        return with_steps(rule, up, down)

    # Saying what is wrong

    def spot(self, token: Token) -> Spot:
        """Where a token stands."""
        return Spot(self.text, token.start_pos or 0)

    def refuse(self, token: Token, why: str, hint: str = "") -> NoReturn:
        """Refuse the text because of a token."""
        cannot_read(self.text, token.start_pos or 0, why, hint)

    # The tree

    def _read(self, tree: Tree[Token]) -> Rule[G]:
        found: Rule[G] = getattr(self, f"_{tree.data}")(*tree.children)
        return found

    def _any(self, *trees: Tree[Token]) -> Rule[G]:
        return AnyOf.of(self._read(tree) for tree in trees)

    def _all(self, *trees: Tree[Token]) -> Rule[G]:
        wanted = [self._read(tree) for tree in trees if tree.data != "negation"]
        unwanted = [self._unwanted(tree) for tree in trees if tree.data == "negation"]
        return AllOf.of(wanted, unwanted)

    def _negation(self, *trees: Tree[Token]) -> Rule[G]:
        return AllOf((), (self._read(trees[0]),))

    def _unwanted(self, negation: Any) -> Rule[G]:
        return self._read(negation.children[0])

    def _everything(self, _star: Token) -> Rule[G]:
        return Everything()

    def _stepped(self, *trees: Tree[Token]) -> Rule[G]:
        by_name = {str(tree.data): tree for tree in trees}
        up, down = by_name.pop("up", None), by_name.pop("down", None)
        (term,) = by_name.values()
        counts = term.data == "name"
        return self.stepped(self._read(term), _depth(up, counts), _depth(down, counts))

    def _name(self, token: Token) -> Rule[G]:
        return self.named(token)

    def _attribute(self, label: Token, value: Token, extra: Token | None = None) -> Rule[G]:
        if label not in self.attributes:
            hint = did_you_mean(label, self.attributes, noun="There are")
            self.refuse(label, f"{self.noun} has no {str(label)!r} to select by", hint)
        if extra is not None and label != "tag":
            self.refuse(extra, "only a tag has a value after '='", "Put quotes around it.")
        if value in ('""', "''"):
            self.refuse(value, f"expected what the {label} should be, found nothing")
        return self.attribute(str(label), value, extra)

    def _call(self, name: Token, *trees: Tree[Token]) -> Rule[G]:
        if name not in self.functions:
            hint = did_you_mean(name, self.functions, noun="There are")
            self.refuse(name, f"there is no function {str(name)!r}", hint)
        if trees and name != "nothing":
            return self.applied(str(name), self._read(trees[0]))
        if trees:
            self.refuse(name, f"{str(name)!r} takes nothing between its parentheses")
        return self.alone(str(name))


def _depth(marks: Tree[Token] | None, counts: bool) -> int | None:
    """How many steps marks stand for; None is all the way."""
    if marks is None:
        return _NOWHERE
    text = "".join(map(str, marks.children))
    digits = text.strip("+")
    if "*" in text or len(digits) > _MANY_DIGITS:
        return None
    if digits:
        return int(digits)
    return len(text) if counts or len(text) > 1 else None
