"""`jobnb export` and `jobnb import`: a notebook as a module, and a module as a notebook."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("export")
@click.argument("notebook", metavar="NOTEBOOK", type=click.Path())
@click.option("-o", "--output", metavar="FILE.py", help="Where to write it; stdout if not given.")
@click.option(
    "--for",
    "target",
    type=click.Choice(["jobnb", "dagster"]),
    default="jobnb",
    show_default=True,
    help="The library that the module imports.",
)
def export_command(notebook: str, output: str | None, target: str) -> None:
    """Export the definitions of a notebook as a Python module.

    What they need comes along; cells that only run or show something are left out and named.
    With `--for dagster`, the module imports Dagster instead of jobnb.
    """
    from jobnb.display.text import counted
    from jobnb.notebook.document import check_writable, write_whole
    from jobnb.notebook.module_export import export_module

    if output is not None:
        check_writable(output)
    module = export_module(notebook, for_dagster=target == "dagster")
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
    metavar="NOTEBOOK.ipynb",
    help="Where to write it, in place of what is there. Beside the module, if it is not given.",
)
def import_command(module: str, output: str | None) -> None:
    """Convert a Python module, as one written for Dagster, to a notebook.

    Each definition has a cell with its comments; comments between them become Markdown. A notebook
    beside the module is replaced only if --output names it.
    """
    from jobnb.errors import NotebookError
    from jobnb.notebook.document import check_writable, dump_notebook, write_whole
    from jobnb.notebook.module_import import import_module_file

    target = output or str(Path(module).with_suffix(".ipynb"))
    if Path(module).suffix == ".ipynb":
        raise NotebookError(f"{module} is a notebook; name a Python file.")
    if output is None and Path(target).exists():
        raise NotebookError(
            f"The notebook {target} exists already. Name another one with --output, or this one, "
            "to replace it."
        )
    check_writable(target)
    found = import_module_file(module)
    write_whole(target, dump_notebook(found.node))
    click.echo(f"{target}: {len(found.node.cells)} cells", err=True)
    for problem in found.problems:
        click.echo(f"note: {problem}", err=True)
