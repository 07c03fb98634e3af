"""Resolve the target of a session's method: a job, or a selection of assets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidSubsetError, did_you_mean

if TYPE_CHECKING:
    from jobnb.registry.session import Session


def job_finder(session: Session, target: Any) -> Callable[[], JobDefinition] | None:
    """Return a function that resolves the job when it is called; None if assets are meant.

    Args:
        session: Whose job it is.
        target: A job or its name, or which assets.

    Raises:
        InvalidSubsetError: If it is a name, and the session knows no job or asset of that name.
    """
    jobs = session.catalogue.by_name("job")
    if isinstance(target, (JobDefinition, AssetJobDefinition)):
        if target.name in jobs or not isinstance(target, JobDefinition):
            return lambda: session.job(target.name)
        return lambda: target
    if isinstance(target, str):
        if target in jobs:
            return lambda: session.job(target)
        if target.isidentifier():
            see_known(session, target)
    return None


def partitioned_job(session: Session, target: Any) -> JobDefinition | None:
    """Return the job whose partitions are meant; None if those of assets are.

    Args:
        session: Whose job it is.
        target: A job or its name, or which assets. Of a job without partitions and an asset that
            are called the same, the asset is meant.

    Raises:
        InvalidSubsetError: If it is a name, and the session knows no job or asset of that name.
    """
    find_job = job_finder(session, target)
    if find_job is None:
        return None
    job = find_job()
    if isinstance(target, str) and target in session.catalogue.by_name("asset"):
        return job if job.partitions_def is not None else None
    return job


def see_known(session: Session, name: str) -> None:
    """Check that the session knows a job or asset of that name.

    Raises:
        InvalidSubsetError: If it does not.
    """
    known = [*session.catalogue.by_name("job"), *session.catalogue.by_name("asset")]
    if name not in known:
        hint = did_you_mean(name, known, noun="It knows")
        raise InvalidSubsetError(f"The session knows no job or asset {name!r}. {hint}".rstrip())


def pinned(session: Session, selection: Any) -> Any:
    """Return the selection; if it asks how assets stand, the keys of those that stand so now.

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
    statuses = engine().asset_statuses(session, None)

    def status_of(key: AssetKey) -> str:
        return str(statuses[key].status.value)

    keys, checks = session.snapshot().resolve_selection(chosen, status_of)
    if not keys and not checks:
        raise InvalidSubsetError(f"The selection '{chosen}' names no asset: none stands so now.")
    assets = AssetSelection.keys(*sorted(keys))
    if not chosen.tells_checks:
        return assets
    return assets.without_checks() | AssetSelection.checks(*sorted(checks))
