"""`jobnb execute`: run a notebook, and a job of it, without a front end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from jobnb.errors import NotebookError


@click.command("execute")
@click.argument("notebook", type=click.Path())
@click.option("-o", "--output", metavar="OUT.ipynb", help="Where the executed notebook goes.")
@click.option("--html", metavar="OUT.html", help="Where it goes as a page.")
@click.option("--junit", metavar="OUT.xml", help="Where cells and steps go as JUnit XML.")
@click.option("-j", "--job", metavar="NAME", help="A job to run after the last cell.")
@click.option(
    "-s",
    "--select",
    "selection",
    metavar="SELECTION",
    help="Assets to make after the last cell, as '+revenue'; with --job, only these of the job's.",
)
@click.option(
    "-c",
    "--config",
    "configs",
    multiple=True,
    metavar="FILE|JSON",
    help="Run config of that run: a YAML or JSON file, or JSON. Later ones win.",
)
@click.option(
    "--partition",
    "partitions",
    multiple=True,
    metavar="KEY",
    help="The partition of that run; several are made in one run.",
)
@click.option(
    "--partition-range",
    "ranges",
    multiple=True,
    metavar="START...END",
    help="A range of partitions of that run, both ends included.",
)
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of that run.")
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
@click.option("--allow-errors", is_flag=True, help="Go on where a cell fails.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but what went wrong.")
@click.pass_context
def execute(
    ctx: click.Context,
    /,
    notebook: str,
    configs: tuple[str, ...],
    partitions: tuple[str, ...],
    ranges: tuple[str, ...],
    tags: tuple[str, ...],
    parameters: tuple[tuple[str, str], ...],
    kernel: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Execute NOTEBOOK in a kernel of its own, in the notebook's folder.

    It is an .ipynb file, or a .py file whose cells begin with a line "# %%".

    The exit code is 0 if all went well, 1 if a cell or the run failed or took too long, 2 if what
    was asked for cannot be, 130 if it was interrupted (Ctrl-C, SIGTERM). What --output, --html and
    --junit name is written in all cases but the third.

    A notebook may end itself: sys.exit(), exit() and quit() end it there with success, and no
    --job or --select is run then; sys.exit(3) ends it as a failure.
    """
    from jobnb.cli.faces import face_for
    from jobnb.notebook.headless import execute_notebook
    from jobnb.notebook.parameters import parse_parameter

    face = face_for(quiet=quiet)
    with face:
        outcome = execute_notebook(
            notebook,
            config=read_config(configs),
            partition=read_partitions(partitions, ranges),
            tags=read_tags(tags),
            parameters={name: parse_parameter(name, text) for name, text in parameters},
            kernel_name=kernel,
            progress=face,
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


# --- parsing of options -------------------------------------------------------------


def read_config(texts: Iterable[str]) -> dict[str, Any] | None:
    """Merge the run config of all `--config` options; later ones override earlier ones.

    Args:
        texts: Paths of YAML or JSON files, or the JSON itself.

    Returns:
        The merged config, or None if there is none.

    Raises:
        InvalidConfigError: If a file is missing, or a text is no YAML or no mapping.

    Example:
        >>> read_config(['{"ops": {"load": {"config": {"year": 2013}}}}'])
        {'ops': {'load': {'config': {'year': 2013}}}}
    """
    from jobnb.config.yaml import config_from_yaml_strings, load_yaml, merged

    found: dict[str, Any] | None = None
    for text in texts:
        inline = text.lstrip().startswith("{")
        part = config_from_yaml_strings([text]) if inline else load_yaml(Path(text))
        found = merged(found or {}, part)
    return found


def read_tags(texts: Iterable[str]) -> dict[str, str]:
    """Parse tags given as `KEY=VALUE`.

    Raises:
        NotebookError: If one has no key or no `=`.

    Example:
        >>> read_tags(["team=data", "url=http://x/?a=b"])
        {'team': 'data', 'url': 'http://x/?a=b'}
    """
    tags = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise NotebookError(f"The tag {text!r} is not of the form KEY=VALUE.")
        tags[key] = value
    return tags


def read_partitions(keys: Iterable[str], ranges: Iterable[str]) -> list[str]:
    """Parse all `--partition` and `--partition-range` options.

    Args:
        keys: Keys.
        ranges: Ranges as `START...END`.

    Raises:
        NotebookError: If a range is malformed, or a key is a range.

    Example:
        >>> read_partitions(["2013-03-01"], ["2013-01-01...2013-01-31"])
        ['2013-03-01', '2013-01-01...2013-01-31']
    """
    found = [*keys]
    for text in found:
        if "..." in text:
            raise NotebookError(
                f"The partition {text!r} is a range of partitions: use --partition-range."
            )
    for text in ranges:
        first, dots, last = text.partition("...")
        if not (first.strip() and dots and last.strip()):
            raise NotebookError(f"The range of partitions {text!r} is not of the form START...END.")
        found.append(text)
    return found
