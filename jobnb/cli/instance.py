"""`jobnb instance`: info, migrate and prune."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from jobnb.cli.location import takes_home
from jobnb.cli.output import as_json_option, counted, print_json, size
from jobnb.errors import InvalidInvocationError

F = TypeVar("F", bound=Callable[..., Any])


@click.command("info")
@takes_home
@as_json_option
def info(home: Path, as_json: bool) -> None:
    """Show where the history is, what is in it, and how large it is."""
    from jobnb.cli.history import history_in
    from jobnb.storage.home_info import about_history

    with history_in(home) as instance:
        told: dict[str, Any] = about_history(instance)
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        words = name.removesuffix("_bytes").replace("_", " ")
        shown = size(value) if name.endswith("_bytes") and value is not None else value
        click.echo(f"{words:<12} {'unknown' if shown is None else shown}")


@click.command("migrate")
@takes_home
def migrate(home: Path) -> None:
    """Upgrade a history of an earlier version to the present tables.

    Every command does so when it opens one; this one does nothing else, and says what it did.
    """
    from jobnb.cli.history import history_in
    from jobnb.storage.home_info import schema_in, schema_known

    before = schema_in(home)
    with history_in(home) as instance:
        place = instance.home
    after = schema_in(home) or schema_known()
    if before is None or before == after:
        click.echo(f"The history in {place} has the tables of this version ({after})")
    else:
        click.echo(f"The history in {place} was brought from version {before} to {after}")


class _Days(click.ParamType):  # type: ignore[type-arg]  # no generic in click 8.1
    """A number of days, or `never`."""

    name = "days"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Read it."""
        if value is None or str(value).lower() == "never":
            return None
        try:
            days = float(value)
        except ValueError:
            days = -1.0
        if not 0 <= days < 1e6:
            self.fail(f"{value!r} is no number of days; or write 'never'.", param, ctx)
        return days


def _days(name: str, default: str, what: str) -> Callable[[F], F]:
    return click.option(
        name,
        type=_Days(),
        default=default,
        show_default=True,
        metavar="DAYS",
        help=f"Days for which {what}; or 'never', to delete none.",
    )


@click.command("prune")
@takes_home
@_days("--run-days", "90", "runs are kept, after their ends")
@_days("--log-days", "30", "messages of logs are kept; the events of the runs stay")
@_days("--tick-days", "30", "ticks of schedules and sensors are kept")
@click.option(
    "--values/--no-values",
    default=True,
    show_default=True,
    help="Whether stored values go that nothing in the history refers to.",
)
@click.option("--delete", "does_it", is_flag=True, help="Do it. Without this, it is only told.")
@click.option(
    "--compact", is_flag=True, help="Then give the room back to the disk; others wait meanwhile."
)
@as_json_option
def prune(
    home: Path,
    run_days: float | None,
    log_days: float | None,
    tick_days: float | None,
    values: bool,
    does_it: bool,
    compact: bool,
    as_json: bool,
) -> None:
    """Delete old runs, messages and ticks, and values that nothing refers to.

    Without --delete it only says what would go, and how large that is.

    Kernels may go on meanwhile. What says how an asset or a partition stands is kept, however old
    it is, and so are active runs and what they repeat. A value goes only if nothing refers to it
    and it has not been written for a day. Where several databases share one folder of values
    ($JOBNB_DATABASE), say --no-values: each knows only its own.
    """
    from jobnb.cli.history import history_in
    from jobnb.storage import prune as pruning

    if compact and not does_it:
        raise InvalidInvocationError("--compact goes with --delete.")
    retention = pruning.Retention(
        run_days=run_days, log_days=log_days, tick_days=tick_days, values=values
    )
    with history_in(home) as instance:
        found = pruning.find_prunable(instance, retention)
        if does_it:
            pruning.prune(instance, found)
        if compact:
            pruning.compact(instance)
    if as_json:
        print_json(_numbers(found, does_it))
        return
    for name, noun in (("runs", "run"), ("logs", "log"), ("ticks", "tick"), ("values", "value")):
        each = getattr(found, name)
        about = "messages of " if name == "logs" else ""
        click.echo(f"{name:<8} {about}{counted(each.count, noun)}, {size(each.bytes)}")
    if found.kept_runs:
        click.echo(f"{counted(found.kept_runs, 'old run')} kept, since they tell how assets stand")
    word = "Deleted" if does_it else "Nothing was deleted. With --delete it would be"
    click.echo(f"{word}: {size(found.bytes)}")


def _numbers(found: Any, does_it: bool) -> dict[str, Any]:
    counts = {
        name: {"count": getattr(found, name).count, "bytes": getattr(found, name).bytes}
        for name in ("runs", "logs", "ticks", "values")
    }
    return {"deleted": does_it, **counts, "kept_runs": found.kept_runs, "bytes": found.bytes}
