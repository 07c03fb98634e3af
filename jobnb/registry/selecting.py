"""Selections that ask how assets stand, answered by the session that knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobnb.definitions import doors
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidSubsetError

if TYPE_CHECKING:
    from jobnb.registry.knowledge import Knowledge

__all__ = ["pinned"]


def pinned(session: Knowledge, selection: Any) -> Any:
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
    statuses = doors.asset_survey(session, None)

    def status_of(key: AssetKey) -> str:
        return str(statuses[key].status.value)

    keys, checks = session.snapshot().resolve_selection(chosen, status_of)
    if not keys and not checks:
        raise InvalidSubsetError(f"The selection '{chosen}' names no asset: none stands so now.")
    assets = AssetSelection.keys(*sorted(keys))
    if not chosen.tells_checks:
        return assets
    return assets.without_checks() | AssetSelection.checks(*sorted(checks))
