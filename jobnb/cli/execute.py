"""`jobnb execute`: run a notebook, and a job of it, without a front end."""

from __future__ import annotations

from typing import Any

import click

from jobnb.cli.name_completion import complete_names, complete_selection
from jobnb.cli.run_options import takes_run_options
from jobnb.errors import InvalidInvocationError


@click.command("execute")
@click.argument("notebook", type=click.Path(), required=False)
@click.option(
    "-n",
    "--notebook",
    "named",
    metavar="NOTEBOOK",
    type=click.Path(),
    help="The same as the argument.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT.ipynb",
    type=click.Path(),
    help="Where the executed notebook goes.",
)
@click.option("--html", metavar="OUT.html", type=click.Path(), help="Where it goes as a page.")
@click.option(
    "--junit", metavar="OUT.xml", type=click.Path(), help="Where cells and steps go as JUnit XML."
)
@click.option(
    "-j",
    "--job",
    metavar="NAME",
    shell_complete=complete_names("jobs"),
    help="A job to run after the last cell.",
)
@click.option(
    "-s",
    "--select",
    "selection",
    metavar="SELECTION",
    shell_complete=complete_selection,
    help="Assets to materialize after the last cell, as '+revenue'; with --job, only "
    "these of the job's.",
)
@takes_run_options
@click.option(
    "-p",
    "--parameter",
    "parameters",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="A value put after the cell tagged 'parameters', read as YAML.",
)
@click.option(
    "--allow-extra-parameters",
    is_flag=True,
    help="Put in parameters that the cell tagged 'parameters' does not assign, too.",
)
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="Seconds for all of it."
)
@click.option(
    "--cell-timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Seconds for each cell.",
)
@click.option(
    "--output-limit",
    type=click.IntRange(min=1000),
    default=2_000_000,
    show_default=True,
    metavar="N",
    help="Characters kept of what a cell prints, half from its beginning, half from its end.",
)
@click.option("--kernel", metavar="NAME", help="The kernel, if not the notebook's own.")
@click.option("--allow-errors", is_flag=True, help="Continue where a cell fails.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but what went wrong.")
@click.pass_context
def execute(
    ctx: click.Context,
    /,
    notebook: str | None,
    named: str | None,
    config: Any,
    partition: list[str],
    tags: dict[str, str],
    parameters: tuple[tuple[str, str], ...],
    kernel: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Execute NOTEBOOK in a kernel of its own, in the notebook's folder.

    It is an .ipynb file, a .py file whose cells begin with a line "# %%", or a .md file with its
    code in fences (jupytext's forms).

    The exit code is 0 if all went well, 1 if a cell or the run failed or took too long, 2 if what
    was asked for cannot be, 130 if it was interrupted (Ctrl-C, SIGTERM). What --output, --html and
    --junit name is written in all cases but the third.

    A notebook may end itself: sys.exit(), exit() and quit() end it there with success, and no
    --job or --select is run then; sys.exit(3) ends it as a failure.
    """
    if (notebook is None) == (named is None):
        raise InvalidInvocationError("Name one notebook: jobnb execute NOTEBOOK.")
    from jobnb.cli.progress_display import progress_display
    from jobnb.notebook.headless import execute_notebook
    from jobnb.notebook.parameters import parse_parameter

    progress = progress_display(quiet=quiet)
    with progress:
        outcome = execute_notebook(
            notebook or str(named),
            config=config,
            partition=partition,
            tags=tags,
            parameters={name: parse_parameter(name, text) for name, text in parameters},
            kernel_name=kernel,
            progress=progress,
            **options,
        )
    _report(outcome)
    ctx.exit(outcome.exit_code)


def _report(outcome: Any) -> None:
    """Print why the execution failed to stderr: the sentence first, then the user's own lines."""
    if outcome.success:
        return
    click.echo(f"jobnb: {outcome.problem}", err=True)
    cell = outcome.failed_cell
    if outcome.verdict.value == "refused":
        return  # The requesting cell is jobnb's, and the sentence is enough.
    if cell is not None and cell.error is not None and cell.error.traceback:
        click.echo(cell.error.traceback, err=True)
