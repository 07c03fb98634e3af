"""`jobnb instance concurrency` and `jobnb instance queue`: what may run at once in a home."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from jobnb.cli.groups import HELP
from jobnb.cli.location import takes_home
from jobnb.cli.output import as_json_option, print_json, show_rows
from jobnb.errors import InvalidInvocationError


@click.group("concurrency", context_settings=HELP)
def concurrency() -> None:
    """Limits of pools: how many steps of each run at once, in all runs."""


@concurrency.command("get", short_help="Show the limits of pools.")
@click.argument("pool", metavar="[POOL]", required=False)
@click.option("--all", "_every", is_flag=True, help="All pools that have a limit; the default.")
@takes_home
@as_json_option
def concurrency_get(pool: str | None, _every: bool, home: Path, as_json: bool) -> None:
    """Show the limit of a pool, the places that are taken, and who waits."""
    from jobnb.cli.history import history_in

    with history_in(home) as instance:
        names = sorted(instance.get_concurrency_keys()) if pool is None else [pool]
        found = [instance.get_concurrency_info(name) for name in names]
    rows = [
        {
            "pool": each.concurrency_key,
            "limit": each.slot_count,
            "taken": each.active_slot_count,
            "waiting": each.pending_step_count,
            "runs": list(dict.fromkeys([*each.active_run_ids, *each.pending_step_run_ids])),
        }
        for each in found
    ]
    if as_json:
        print_json(rows)
        return
    shown = [{**row, "limit": "none" if row["limit"] is None else row["limit"]} for row in rows]
    show_rows(("pool", "limit", "taken", "waiting"), shown, "No pool has a limit.")


@concurrency.command("set")
@click.argument("pool")
@click.argument("limit", type=int)
@takes_home
def concurrency_set(pool: str, limit: int, home: Path) -> None:
    """Set how many steps of a pool run at once: from 0 to 1000."""
    from jobnb.storage.instance import Instance

    with Instance.from_home(home) as instance:
        instance.set_concurrency_limit(pool, limit)
    click.echo(f"{limit} step{'s'[: limit != 1]} of the pool {pool!r} may run at once")


@concurrency.command("delete")
@click.argument("pool")
@takes_home
def concurrency_delete(pool: str, home: Path) -> None:
    """Remove the limit of a pool."""
    from jobnb.cli.history import history_in

    with history_in(home) as instance:
        instance.delete_concurrency_limit(pool)
    click.echo(f"Any number of steps of the pool {pool!r} may run at once")


@click.group("queue", context_settings=HELP)
def queue() -> None:
    """Show or set how many runs are in progress at once."""


@queue.command("get", short_help="Show the limit, and how many runs wait.")
@takes_home
@as_json_option
def queue_get(home: Path, as_json: bool) -> None:
    """Show how many runs are in progress at once, and how many wait."""
    from jobnb.cli.history import history_in
    from jobnb.state import RunStatus
    from jobnb.storage.run import RunsFilter
    from jobnb.storage.run_coordinator import QueuedRunCoordinator

    with history_in(home) as instance:
        found = instance.run_coordinator
        waiting = instance.get_runs_count(RunsFilter(statuses=[RunStatus.QUEUED]))
    queued = found if isinstance(found, QueuedRunCoordinator) else None
    most = None if queued is None or queued.most == float("inf") else int(queued.most)
    limits = [dict(each) for each in (queued.tag_concurrency_limits or ())] if queued else []
    if as_json:
        document = {"is_on": queued is not None, "limit": most, "tags": limits, "waiting": waiting}
        print_json(document)
        return
    if queued is None:
        click.echo("Each run begins at once")
        return
    click.echo(f"{'Any number of' if most is None else most} runs at once, {waiting} waiting")
    for each in limits:
        value = each.get("value")
        words = (
            f"{each['key']}={value}" if isinstance(value, str) else f"each value of {each['key']}"
        )
        click.echo(f"  {each['limit']} with {words if value is not None else each['key']}")


@queue.command("set", short_help="Set the limit.")
@click.option(
    "--max", "most", type=int, metavar="N", help="How many runs may run at once; -1: any."
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="KEY[=VALUE]:N",
    help="How many with a tag; with '=*', for each of its values.",
)
@click.option("--off", is_flag=True, help="Have each run begin at once.")
@takes_home
def queue_set(most: int | None, tags: tuple[str, ...], off: bool, home: Path) -> None:
    """Set how many runs are in progress at once, in all kernels and processes of this home."""
    from jobnb.storage.instance import Instance
    from jobnb.storage.run_coordinator import QueuedRunCoordinator

    if off == (most is not None or bool(tags)):
        raise InvalidInvocationError("Say --max or --tag, or --off.")
    limits = [read_limit(text) for text in tags]
    wanted = None if off else QueuedRunCoordinator(-1 if most is None else most, limits or None)
    with Instance.from_home(home) as instance:
        instance.set_run_coordinator(wanted)
    click.echo("Each run begins at once" if off else "Runs wait for their turn")


def read_limit(text: str) -> Mapping[str, Any]:
    """Parse a limit by tag.

    Raises:
        InvalidInvocationError: If it is not of the form `KEY[=VALUE]:N`.

    Example:
        >>> read_limit("team=data:2")
        {'key': 'team', 'limit': 2, 'value': 'data'}
        >>> read_limit("team=*:1")["value"]
        {'applyLimitPerUniqueValue': True}
    """
    tag, colon, number = text.rpartition(":")
    key, equals, value = tag.partition("=")
    if not colon or not key or not number.isdecimal() or (equals and not value):
        raise InvalidInvocationError(f"The limit {text!r} is not of the form KEY[=VALUE]:N.")
    limit: dict[str, Any] = {"key": key, "limit": int(number)}
    if value == "*":
        limit["value"] = {"applyLimitPerUniqueValue": True}
    elif equals:
        limit["value"] = value
    return limit
