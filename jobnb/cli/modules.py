"""`jobnb export` and `jobnb import`: a notebook as a module, and a module as a notebook."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from jobnb.cli.location import limit_of, load_timeout_option

_force_option = click.option(
    "--force", is_flag=True, help="Write it in place of the file that is there."
)


def _see_free(path: str, *, force: bool) -> None:
    """Refuse to write a file in place of another one, unless that is asked for.

    Raises:
        NotebookError: If there is a file.
    """
    from jobnb.errors import NotebookError

    if not force and Path(path).exists() and not Path(path).is_dir():
        raise NotebookError(
            f"The file {path} exists already. Name another one with --output, or say --force to "
            "replace it."
        )


@click.command("export")
@click.argument("notebook", metavar="NOTEBOOK", type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="FILE.py",
    type=click.Path(),
    help="Where to write it; stdout if not given.",
)
@click.option(
    "--for",
    "target",
    type=click.Choice(["jobnb", "dagster"]),
    default="jobnb",
    show_default=True,
    help="The library that the module imports.",
)
@load_timeout_option
@_force_option
def export_command(
    notebook: str, output: str | None, target: str, load_timeout: float | None, force: bool
) -> None:
    """Export the definitions of a notebook as a Python module.

    What they need comes along; cells that only run or show something are left out and named.
    With `--for dagster`, the module imports Dagster instead of jobnb.
    """
    from jobnb.display.text import counted
    from jobnb.notebook.document import check_writable, write_whole
    from jobnb.notebook.module_export import export_module

    if output is not None:
        _see_free(output, force=force)
        check_writable(output)
    module = export_module(notebook, for_dagster=target == "dagster", limit=limit_of(load_timeout))
    if output is None:
        sys.stdout.write(module.text)
    else:
        write_whole(output, module.text)
        counts = (counted(count, kind) for kind, count in module.counts.items())
        click.echo(f"{output}: {', '.join(counts) or 'nothing is defined'}", err=True)
    for each in module.left_out:
        click.echo(f"left out: {each}", err=True)
    for problem in module.problems:
        click.echo(f"note: {problem}", err=True)


@click.command("import")
@click.argument("module", metavar="FILE.py", type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="NOTEBOOK.ipynb",
    help="Where to write it. Beside the module, if it is not given.",
)
@_force_option
def import_command(module: str, output: str | None, force: bool) -> None:
    """Convert a Python module, as one written for Dagster, to a notebook.

    Each definition has a cell with its comments; comments between them become Markdown. A file
    that is there already is replaced only with --force.
    """
    from jobnb.errors import NotebookError
    from jobnb.notebook.document import check_writable, dump_notebook, write_whole
    from jobnb.notebook.module_import import import_module_file

    target = output or str(Path(module).with_suffix(".ipynb"))
    if Path(module).suffix == ".ipynb":
        raise NotebookError(f"{module} is a notebook; name a Python file.")
    _see_free(target, force=force)
    check_writable(target)
    found = import_module_file(module)
    write_whole(target, dump_notebook(found.node))
    click.echo(f"{target}: {len(found.node.cells)} cells", err=True)
    for problem in found.problems:
        click.echo(f"note: {problem}", err=True)
