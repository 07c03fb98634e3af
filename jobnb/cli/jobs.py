"""`jobnb job execute` and `launch`, and how the end of a run is told."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.exit_codes import FAILED, SUCCESS
from jobnb.cli.location import takes_code
from jobnb.cli.name_completion import complete_executors, complete_names
from jobnb.cli.output import counted, duration, first_line
from jobnb.cli.run_options import takes_run_options
from jobnb.errors import InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource
    from jobnb.storage.instance import Instance

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
