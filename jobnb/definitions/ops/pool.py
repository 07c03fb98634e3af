"""The pool that an op or asset belongs to: how many of its steps run at once is set in the home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.errors import InvalidDefinitionError

POOL_TAG = "dagster/concurrency_key"
"""The tag of ops that names their pool."""

PRIORITY_TAG = "dagster/priority"
"""The tag of runs and ops that says which goes first: a higher number."""


def pool_of(tags: Mapping[str, str] | None) -> str | None:
    """Return the pool that tags name; None if they name none."""
    return tags.get(POOL_TAG) if tags else None


def with_pool(tags: Mapping[str, Any] | None, pool: Any, owner: str) -> Mapping[str, Any] | None:
    """Tags that name a pool.

    Args:
        tags: The tags.
        pool: The pool; the tags stay as they are if None.
        owner: Whose they are, for the words of an error.

    Raises:
        InvalidDefinitionError: If they name another one, or it is no text.

    Example:
        >>> with_pool({"team": "data"}, "database", "the op 'load'")
        {'team': 'data', 'dagster/concurrency_key': 'database'}
    """
    if pool is None:
        return tags
    if not isinstance(pool, str) or not pool.strip():
        raise InvalidDefinitionError(f"The pool of {owner} is {pool!r}. Give it a name.")
    named = (tags or {}).get(POOL_TAG, pool)
    if named != pool:
        raise InvalidDefinitionError(
            f"{owner[:1].upper()}{owner[1:]} has the pool {pool!r} and the tag {POOL_TAG} "
            f"{named!r}. Keep one."
        )
    return {**(tags or {}), POOL_TAG: pool}
