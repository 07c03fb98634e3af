"""Selections that ask how assets stand, answered by the session that knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobnb.definitions import doors
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidSubsetError

if TYPE_CHECKING:
    from jobnb.registry.session import Session

__all__ = ["pinned"]


def pinned(session: Session, selection: Any) -> Any:
    """The selection; if it asks how assets stand, the keys of those that stand so now.

    Args:
        session: Whose assets are meant.
        selection: Whatever can stand for a selection, or None.

    Raises:
        InvalidSubsetError: If no asset stands as it is asked for.

    Example:
        >>> from jobnb import asset
        >>> from jobnb.registry.session import Session
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> pinned(Session().add(orders), "status:missing")
        AssetSelection('key:orders')
    """
    if selection is None:
        return None
    chosen = AssetSelection.from_coercible(selection)
    if not chosen.asks_status:
        return selection
    statuses = doors.asset_statuses(session, None)

    def status_of(key: AssetKey) -> str:
        return str(statuses[key].status.value)

    keys = session.snapshot().named_by(chosen, status_of)
    if not keys:
        raise InvalidSubsetError(f"The selection '{chosen}' names no asset: none stands so now.")
    return AssetSelection.keys(*sorted(keys))
