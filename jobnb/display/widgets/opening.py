"""Opening a launchpad: the same one each time, so that what was typed is never lost."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.display.widgets.launch_face import Launch
from jobnb.display.widgets.launchpad import Launchpad
from jobnb.execution.spec import ASSET_JOB
from jobnb.registry.selecting import job_finder, pinned
from jobnb.registry.session import Session, current_session

__all__ = ["open_job", "open_session"]

_opened: dict[tuple[int, str, bool], Launchpad] = {}


def open_job(job: JobDefinition | AssetJobDefinition) -> Launchpad:
    """The launchpad of a job; it is the one that was opened before, if there was one.

    Args:
        job: The job; one that makes assets is resolved over what the session knows.
    """
    session = current_session()
    found = session.job(job.name) if isinstance(job, AssetJobDefinition) else job
    return _open(session, found, found.name, job.launch)


def open_session(session: Session, target: Any = None) -> Launchpad:
    """The launchpad of a job of a session, or of the assets that a selection names.

    Args:
        session: The session.
        target: A job or its name, else which assets to make; all if absent.

    Raises:
        InvalidSubsetError: If the session knows no such job or asset.
    """
    job, title = _found(session, target)

    def launch(**parameters: Any) -> Any:
        return session.launch(target, **parameters)

    return _open(session, job, title, launch)


def _found(session: Session, target: Any) -> tuple[JobDefinition, str]:
    find_job = job_finder(session, target)
    if find_job is not None:
        job = find_job()
        return job, job.name
    job = session.snapshot().job_of_assets(ASSET_JOB, pinned(session, target))
    job.graph.assets_by_node  # noqa: B018 - a selection that names nothing is told now
    return job, "all assets" if target is None else _title(target)


def _title(target: Any) -> str:
    if isinstance(target, str):
        return target
    if isinstance(target, (list, tuple)):
        return ", ".join(map(_title, target))
    if isinstance(target, AssetsDefinition):
        return _title(sorted(target.keys))
    key: Any = target if isinstance(target, AssetKey) else getattr(target, "key", None)
    return key.to_user_string() if isinstance(key, AssetKey) else str(target)


def _open(session: Session, job: JobDefinition, title: str, launch: Launch) -> Launchpad:
    instance = session.instance
    key = (id(instance), title, job.name == ASSET_JOB)
    kept = _opened.get(key)
    if kept is None:
        made = Launchpad(job, instance, launch=launch, title=title)
    elif kept.comm is None:  # it was closed; what it held is kept
        kept.state.set_job(job)
        made = Launchpad(job, instance, launch=launch, title=title, state=kept.state)
    else:
        kept.follow(job, launch)
        return kept
    _opened[key] = made
    return made
