"""`jobnb job backfill`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.backfill_report import (
    awaited,
    detach_option,
    parallel_option,
    report_backfill,
    see_awaited,
    wait_option,
)
from jobnb.cli.confirmation import confirm, yes_option
from jobnb.cli.jobs import chosen_job, job_option, terminable
from jobnb.cli.location import takes_code
from jobnb.cli.name_completion import complete_partitions
from jobnb.cli.output import as_json_option, counted
from jobnb.cli.run_options import takes_config_and_tags
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource


@click.command("backfill")
@takes_code()
@job_option
@click.option("--partitions", "keys", metavar="KEYS", shell_complete=complete_partitions,
              help="These, as '2024-01-01,2024-01-05'.")  # fmt: skip
@click.option("--from", "first", metavar="KEY", shell_complete=complete_partitions,
              help="From this one on.")  # fmt: skip
@click.option("--to", "last", metavar="KEY", shell_complete=complete_partitions,
              help="To this one, which is included.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--only-missing", is_flag=True, help="Of these, only those that never succeeded.")
@click.option("--only-failed", is_flag=True, help="Of these, only those whose last run failed.")
@parallel_option
@takes_config_and_tags
@detach_option
@wait_option
@yes_option
@as_json_option
@click.pass_context
def job_backfill(
    ctx: click.Context,
    /,
    code: CodeSource,
    job: str | None,
    keys: str | None,
    first: str | None,
    last: str | None,
    everything: bool,
    detach: bool,
    wait: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a job once for each of many partitions, in this process, and wait for the end.

    The exit code is 0 if all of them succeeded, 1 if some failed. With --detach a process of its
    own does it, which goes on when this command has ended: `jobnb backfill show` says how far it
    is, `jobnb backfill cancel` stops it. Ctrl-C then ends the waiting, not the backfill.
    """
    see_awaited(detach=detach, wait=wait)
    session = code.open_session()
    name = chosen_job(list(session.snapshot().job_names), job, code.name)
    definition = session.job(name).partitions_def
    if definition is None:
        raise InvalidDefinitionError(f"The job {name!r} has no partitions.")
    known = definition.get_partition_keys(dynamic_partitions_store=session.instance)
    wanted = _wanted(known, keys, first, last, everything=everything)
    confirm(f"Run {name} for {counted(len(wanted), 'partition')}?", yes=yes)
    options["config"] = options["config"] or None
    with code.entered(), terminable():
        backfill = session.backfill(name, wanted, **options, detach=detach)
        awaited(backfill, detach=detach, wait=wait, as_json=as_json)
    if detach and not wait:
        return
    ctx.exit(report_backfill(backfill, code, options["max_parallel"], as_json=as_json))


def _wanted(
    known: Sequence[str],
    keys: str | None,
    first: str | None,
    last: str | None,
    *,
    everything: bool,
) -> list[str]:
    """Return the partitions that the options of a backfill name.

    Raises:
        InvalidInvocationError: If they name none, or name them in two ways.
    """
    ways = [keys is not None, first is not None or last is not None, everything]
    if sum(ways) != 1:
        raise InvalidInvocationError(
            "Name the partitions in one way: --partitions KEYS, --from KEY --to KEY, or --all."
        )
    if keys is not None:
        return [key for key in (each.strip() for each in keys.split(",")) if key]
    begin = _place(known, first) if first is not None else 0
    end = _place(known, last) if last is not None else len(known) - 1
    found = list(known[begin : end + 1])
    if not known:
        raise InvalidInvocationError("The job has no partition keys yet. Add some first.")
    if not found:
        raise InvalidInvocationError(
            f"The range of partitions from {first!r} to {last!r} runs backwards: put the earlier "
            "one first."
        )
    return found


def _place(known: Sequence[str], key: str) -> int:
    if key not in known:
        from jobnb.errors import UnknownPartitionError, did_you_mean

        hint = did_you_mean(key, known, noun="There are")
        raise UnknownPartitionError(f"There is no partition {key!r}. {hint}".rstrip())
    return list(known).index(key)
