"""Completion of the user's own names for a shell: jobs, assets, schedules, sensors, ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from jobnb.cli.location import Completer, code_so_far

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

_SECONDS = 20.0  # A shell waits: what takes longer completes nothing.

_LATEST = 200  # runs of which ids and jobs are completed


def complete_names(kind: str) -> Completer:
    """Return the completion of names of one kind of definitions.

    Args:
        kind: `jobs`, `assets`, `schedules` or `sensors`.
    """

    def complete(
        ctx: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            outline = _outline(ctx)
            rows = [*outline.get(kind, ()), *outline.get(f"default_{kind}", ())]
            return _items(rows, incomplete)
        except Exception:  # noqa: BLE001 - a shell that completes shows no errors
            return []

    return complete


def complete_selection(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the assets that the last term of a selection may name: of `+a,re`, those in `re`."""
    written, term = _split_selection(incomplete)
    found = complete_names("assets")(ctx, parameter, term)
    return [CompletionItem(written + each.value, help=each.help) for each in found]


def _split_selection(text: str) -> tuple[str, str]:
    """Return a selection up to its last term, and that term.

    >>> _split_selection("orders,+re"), _split_selection("+"), _split_selection("orders")
    (('orders,+', 're'), ('+', ''), ('', 'orders'))
    """
    begin = max(text.rfind(sign) for sign in "+*, (") + 1
    return text[:begin], text[begin:]


def complete_job_names(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the jobs of the latest runs that begin with a text."""
    try:
        with _history(ctx) as instance:
            runs = [] if instance is None else instance.get_runs(limit=_LATEST)
    except Exception:  # noqa: BLE001 - a shell that completes shows no errors
        return []
    names = dict.fromkeys(run.job_name for run in runs)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _outline(ctx: click.Context) -> dict[str, Any]:
    from jobnb.notebook.load_limit import LoadLimit
    from jobnb.notebook.outlines import outline_for

    code = code_so_far(ctx)
    if code is None:
        return {}
    return outline_for(replace(code, limit=LoadLimit(_SECONDS)), silent=True)


def _items(rows: Iterable[Any], incomplete: str) -> list[CompletionItem]:
    found = []
    for row in rows:
        name = row.get("name") or row.get("key")
        if name.startswith(incomplete):
            about = (row.get("description") or "").strip().splitlines()
            found.append(CompletionItem(name, help=about[0] if about else None))
    return found


def complete_files(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Have the shell complete files, for what may also be something else."""
    return [CompletionItem(incomplete, type="file")]


def complete_partitions(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the partitions of the job or the selected assets, the latest ones, of a range its end.

    Of `a,b` or `a...b` the last key is completed.
    """
    written, key = re.match(r"(.*(?:\.\.\.|,)|)(.*)", incomplete, re.DOTALL).groups()  # type: ignore[union-attr]
    try:
        keys = [each for each in _partition_keys(ctx) if each.startswith(key)]
    except Exception:  # noqa: BLE001 - a shell that completes shows no errors
        return []
    return [CompletionItem(written + each) for each in keys[-_LATEST:]]


def _partition_keys(ctx: click.Context) -> list[str]:
    """Return the keys that all of what was named so far has, in order."""
    from jobnb.notebook.load_limit import LoadLimit

    code = code_so_far(ctx)
    if code is None:
        return []
    known = replace(code, limit=LoadLimit(_SECONDS)).load()
    name, selection = ctx.params.get("job"), ctx.params.get("selection")
    if name is None and "job" in {each.name for each in ctx.command.params} and not selection:
        (name,) = known.job_names
    if name is not None:
        partitions = [known.get_job_def(name).partitions_def]
    else:
        chosen = known.select_assets(selection or "*")
        partitions = [known.assets_by_key[key].partitions_def for key in chosen]
    with _history(ctx) as instance:
        found = [
            each.get_partition_keys(dynamic_partitions_store=instance)
            for each in dict.fromkeys(partitions)
            if each is not None
        ]
    return [key for key in found[0] if all(key in each for each in found)] if found else []


def complete_executors(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the executors whose names begin with a text."""
    from jobnb.definitions.jobs.executor import STRATEGIES

    return [CompletionItem(each) for each in STRATEGIES if each.startswith(incomplete)]


def complete_run_ids(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the ids of the latest runs that begin with a text."""
    try:
        return _run_ids(ctx, incomplete)
    except Exception:  # noqa: BLE001 - a shell that completes shows no errors
        return []


def complete_backfill_ids(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the ids of the latest backfills that begin with a text."""
    try:
        with _history(ctx) as instance:
            known = [] if instance is None else instance.get_backfills(limit=_LATEST)
    except Exception:  # noqa: BLE001 - a shell that completes shows no errors
        return []
    return [
        CompletionItem(each.backfill_id, help=f"{each.title} {each.status.value}")
        for each in known
        if each.backfill_id.startswith(incomplete)
    ]


def complete_asset_keys(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the keys of the assets in the history that begin with a text."""
    try:
        with _history(ctx) as instance:
            keys = [] if instance is None else instance.get_asset_keys()
    except Exception:  # noqa: BLE001 - a shell that completes shows no errors
        return []
    names = sorted(key.to_user_string() for key in keys)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _run_ids(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    with _history(ctx) as instance:
        runs = [] if instance is None else instance.get_runs(limit=_LATEST)
    return [
        CompletionItem(run.run_id, help=f"{run.title} {run.status.value}")
        for run in runs
        if run.run_id.startswith(incomplete)
    ]


@contextmanager
def _history(ctx: click.Context) -> Iterator[Instance | None]:
    """Open the history that the words so far mean, for the block; None if there is none."""
    from jobnb.notebook.code_source import home_of
    from jobnb.storage.history import has_history
    from jobnb.storage.instance import Instance

    code, named = code_so_far(ctx), ctx.params.get("home")
    home = Path(named) if named else code.home if code is not None else home_of(None)
    if not has_history(home):
        yield None
        return
    with Instance.from_home(home) as instance:
        yield instance
