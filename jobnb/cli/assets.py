"""`jobnb asset materialize` and `jobnb asset wipe`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.confirmation import confirm, yes_option
from jobnb.cli.jobs import executor_option, one_or_some, report_run, terminable
from jobnb.cli.location import takes_code, takes_home
from jobnb.cli.name_completion import complete_asset_keys, complete_selection
from jobnb.cli.output import counted
from jobnb.cli.run_options import read_partitions, takes_run_options
from jobnb.errors import InvalidInvocationError, InvalidSubsetError, did_you_mean

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource
    from jobnb.storage.instance import Instance


@click.command("materialize")
@takes_code()
@click.option(
    "-s",
    "--select",
    "selection",
    metavar="SELECTION",
    help="The assets, as 'revenue', '+revenue' or 'group:load'; all if not given.",
    shell_complete=complete_selection,
)
@takes_run_options
@click.option("--stale-only", is_flag=True, help="Of these, only those that are not fresh.")
@executor_option
@click.pass_context
def asset_materialize(
    ctx: click.Context,
    code: CodeSource,
    selection: str | None,
    config: Mapping[str, Any] | None,
    partition: list[str],
    tags: Mapping[str, str],
    stale_only: bool,
    executor: str | None,
) -> None:
    """Materialize assets in one run, in this process, and wait for its end.

    The exit code is 0 if the run succeeded, 1 if it failed, 2 if it cannot be started as it was
    asked for, 130 if it was interrupted.
    """
    session = code.open_session()
    with code.entered(), terminable():
        result = session.materialize(
            selection,
            config=config,
            partition=one_or_some(partition),
            tags=tags,
            stale_only=stale_only,
            executor=executor,
            raise_on_error=False,
        )
    ctx.exit(report_run(session.instance, result.run_id))


@click.command("wipe")
@click.argument("keys", metavar="[KEY]...", nargs=-1, shell_complete=complete_asset_keys)
@takes_home
@click.option("--all", "everything", is_flag=True, help="All assets of the history.")
@click.option("--partition", "partitions", multiple=True, metavar="KEY",
              help="Only this partition; may be repeated.")  # fmt: skip
@click.option("--partition-range", "ranges", multiple=True, metavar="START...END",
              help="Only the partitions from START to END, by their names.")  # fmt: skip
@yes_option
def asset_wipe(
    keys: tuple[str, ...],
    home: Path,
    everything: bool,
    partitions: tuple[str, ...],
    ranges: tuple[str, ...],
    yes: bool,
) -> None:
    """Delete the records of assets. Runs, their logs and stored values stay."""
    from jobnb.cli.history import history_in

    if bool(keys) == everything:
        raise InvalidInvocationError("Name the assets to wipe, or all of them with --all.")
    asked = read_partitions(partitions, ranges)
    if everything and asked:
        raise InvalidInvocationError("Partitions are those of assets that are named, not of --all.")
    with history_in(home) as instance:
        known = {key.to_user_string(): key for key in instance.get_asset_keys()}
        for name in keys:
            if name not in known:
                hint = did_you_mean(name, known, noun="It knows")
                raise InvalidSubsetError(f"The history has no asset {name!r}. {hint}".rstrip())
        chosen = [known[name] for name in (known if everything else dict.fromkeys(keys))]
        if not asked:
            confirm(f"Forget {counted(len(chosen), 'asset')} of {home}?", yes=yes)
            instance.wipe_assets(chosen)
            click.echo(f"Forgot {counted(len(chosen), 'asset')}")
            return
        wiped = {key: _partitions(instance, key, asked) for key in chosen}
        total = sum(map(len, wiped.values()))
        confirm(f"Forget {counted(total, 'partition')} of {home}?", yes=yes)
        for key, each in wiped.items():
            instance.wipe_asset_partitions(key, each)
    click.echo(f"Forgot {counted(total, 'partition')}")


def _partitions(instance: Instance, key: Any, asked: list[str]) -> list[str]:
    """Return the partitions that were materialized of those that are asked for.

    Raises:
        InvalidSubsetError: If one was never made.
    """
    made = sorted(instance.get_materialized_partitions(key))
    found: dict[str, None] = {}
    for text in asked:
        first, dots, last = text.partition("...")
        some = [each for each in made if first <= each <= last] if dots else [text]
        if not some or (not dots and text not in made):
            hint = did_you_mean(text, made, noun="Made are")
            name = key.to_user_string()
            raise InvalidSubsetError(f"{name!r} has no partition {text!r}. {hint}".rstrip())
        found |= dict.fromkeys(some)
    return list(found)
