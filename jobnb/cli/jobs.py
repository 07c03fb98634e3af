"""`jobnb job execute`, `launch` and `backfill`, and how the end of a run is told."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.confirmation import confirm, yes_option
from jobnb.cli.exit_codes import FAILED, SUCCESS
from jobnb.cli.location import takes_code
from jobnb.cli.name_completion import complete_executors, complete_names, complete_partitions
from jobnb.cli.output import counted, duration, first_line
from jobnb.cli.run_options import takes_config_and_tags, takes_run_options
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource
    from jobnb.storage.instance import Instance
    from jobnb.storage.run import JobRun

_MOST_KEYS = 20

job_option = click.option(
    "-j",
    "--job",
    "job",
    metavar="NAME",
    help="The job; may be left out where there is only one.",
    shell_complete=complete_names("jobs"),
)
executor_option = click.option(
    "-e",
    "--executor",
    metavar="NAME",
    shell_complete=complete_executors,
    help="in_process, threads, async, multiprocess or dask; else as the job says.",
)


def chosen_job(names: Sequence[str], wanted: str | None, where: str) -> str:
    """Return the job that is meant: the one that is named, else the only one.

    Raises:
        InvalidInvocationError: If none is named, and there is not exactly one.
    """
    if wanted is not None:
        return wanted
    if len(names) == 1:
        return names[0]
    if not names:
        raise InvalidInvocationError(f"{where} defines no jobs.")
    raise InvalidInvocationError(
        f"{where} defines several jobs. Name one with --job: {', '.join(names)}."
    )


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM interrupt as Ctrl-C does, for the block: runs end as canceled."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command("execute")
@takes_code()
@job_option
@takes_run_options
@click.option("-o", "--op-selection", metavar="OPS", help="Only these ops, as '*clean,load'.")
@executor_option
@click.pass_context
def job_execute(
    ctx: click.Context,
    code: CodeSource,
    job: str | None,
    config: Mapping[str, Any] | None,
    partition: list[str],
    tags: Mapping[str, str],
    op_selection: str | None,
    executor: str | None,
) -> None:
    """Run a job in this process, and wait for its end.

    The run is stored in the history beside the notebook or file. The exit code is 0 if it
    succeeded, 1 if it failed, 2 if it cannot be started as it was asked for, 130 if it was
    interrupted.
    """
    session = code.open_session()
    name = chosen_job(list(session.snapshot().job_names), job, code.name)
    with code.entered(), terminable():
        result = session.execute_job(
            name,
            config=config,
            partition=one_or_some(partition),
            tags=tags,
            op_selection=op_selection.split(",") if op_selection else None,
            executor=executor,
            raise_on_error=False,
            keep_outputs=False,
        )
    ctx.exit(report_run(session.instance, result.run_id))


@click.command("launch")
@takes_code()
@job_option
@takes_run_options
@click.option("-o", "--op-selection", metavar="OPS", help="Only these ops, as '*clean,load'.")
@executor_option
@click.option("--run-id", metavar="ID", help="The id of the run; a new one if not given.")
@click.option("--wait", is_flag=True, help="Wait for its end, and tell how it ended.")
@click.pass_context
def job_launch(
    ctx: click.Context,
    code: CodeSource,
    job: str | None,
    config: Mapping[str, Any] | None,
    partition: list[str],
    tags: Mapping[str, str],
    op_selection: str | None,
    executor: str | None,
    run_id: str | None,
    wait: bool,
) -> None:
    """Launch a run of a job in a process of its own, and print its id.

    It goes on when this command has ended: `jobnb run show` says how it stands, `jobnb run cancel`
    stops it. With --wait the exit code is that of `jobnb job execute`; Ctrl-C ends the waiting
    then, not the run.
    """
    session = code.open_session()
    name = chosen_job(list(session.snapshot().job_names), job, code.name)
    session.job(name)  # `launch` takes the name of an asset, too: an unknown job is told of here
    with code.entered():
        run = session.launch(
            name,
            config=config,
            partition=one_or_some(partition),
            tags=tags,
            op_selection=op_selection.split(",") if op_selection else None,
            executor=executor,
            run_id=run_id,
            detach=True,
        )
    click.echo(run.run_id)
    if wait:
        run.wait()
        ctx.exit(report_run(session.instance, run.run_id))


def one_or_some(partitions: list[str]) -> Any:
    """Return a partition alone, several, or None."""
    return (partitions[0] if len(partitions) == 1 else partitions) or None


def report_run(instance: Instance, run_id: str) -> int:
    """Print how a run ended, and on stderr why its steps failed.

    Returns:
        The exit code.
    """
    from jobnb.display.run_marks import run_word
    from jobnb.state import RunStatus, StepStatus

    run, state = instance.get_run_by_id(run_id), instance.run_state(run_id)
    title = run.title if run is not None else state.job_name
    steps = list(state.steps.values())
    good = sum(step.status is StepStatus.SUCCEEDED for step in steps)
    click.echo(
        f"run {run_id} of {title}: {run_word(state.status)}, "
        f"{good} of {counted(len(steps), 'step')}, {duration(state.seconds)}"
    )
    failed = [step for step in steps if step.status is StepStatus.FAILED]
    for step in failed:
        click.echo(f"  {step.key} failed: {first_line(str(step.error or ''))}", err=True)
    for event in state.checked.values():
        if not event.passed:
            word = "failed" if event.is_error else "warned"
            click.echo(f"  check {'/'.join(event.asset)}:{event.check} {word}", err=True)
    if state.error is not None and not failed and state.status is not RunStatus.SUCCESS:
        why = first_line(str(state.error))
        click.echo(f"jobnb: the run {run_id} {run_word(state.status)}: {why}", err=True)
    return SUCCESS if state.status is RunStatus.SUCCESS else FAILED


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
@click.option("--max-parallel", type=click.IntRange(1, 256), default=1, show_default=True,
              metavar="N", help="How many runs may be in progress at once.")  # fmt: skip
@takes_config_and_tags
@yes_option
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
    yes: bool,
    **options: Any,
) -> None:
    """Run a job once for each of many partitions, in this process, and wait for the end.

    The exit code is 0 if all of them succeeded, 1 if some failed.
    """
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
        backfill = session.backfill(name, wanted, **options)
        _wait(backfill)
    click.echo(f"backfill {backfill.backfill_id} of {name}: {backfill.counts}")
    if backfill.status == "COMPLETED":
        return
    selectors = {"--partitions": keys, "--from": first, "--to": last}
    asked = [text for pair in selectors.items() if pair[1] is not None for text in pair]
    asked += ["--all"] if everything else []
    again = ["jobnb", "job", "backfill", *code.as_arguments(), "-j", name, *asked, "--only-failed"]
    more = ", with the same config and tags" if options["config"] or options["tags"] else ""
    _report_failures(session.instance, backfill.runs, f"{shlex.join(map(str, again))}{more}")
    ctx.exit(FAILED)


def _report_failures(instance: Instance, runs: Sequence[JobRun], again: str) -> None:
    """Print on stderr which partitions failed, the first error, and how to try them again.

    Args:
        instance: Where the history is.
        runs: Those of the backfill, the latest first.
        again: The command that tries them again.
    """
    latest: dict[str, JobRun] = {}
    for run in runs:
        latest.setdefault(run.partition_words, run)
    failed = {key: run for key, run in reversed(latest.items()) if run.is_failure}
    if not failed:
        return
    left = len(failed) - _MOST_KEYS
    more = f" and {left:,} more" if left > 0 else ""
    click.echo(f"  failed: {', '.join(list(failed)[:_MOST_KEYS])}{more}", err=True)
    key, run = next(iter(failed.items()))
    state = instance.run_state(run.run_id)
    errors = (step.error for step in state.steps.values() if step.error is not None)
    why = first_line(str(next(errors, state.error) or ""))
    click.echo(f"  the first, {key}, in the run {run.run_id}: {why}", err=True)
    click.echo(f"  try those that failed again: {again}", err=True)


def _wait(task: Any) -> None:
    """Wait for a task; Ctrl-C cancels it."""
    try:
        task.wait()
    except KeyboardInterrupt:
        task.cancel("Interrupted")
        task.wait()
        raise


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
