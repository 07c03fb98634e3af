"""`jobnb docs`: the reference of all names, from their docstrings."""

from __future__ import annotations

import warnings
from pathlib import Path

import click

from jobnb.errors import InvalidInvocationError


@click.command("docs")
@click.argument("modules", metavar="[MODULE]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder.",
)
def docs(modules: tuple[str, ...], output: Path) -> None:
    """Write the reference of jobnb's names as HTML, from their docstrings.

    It needs pdoc: pip install 'jobnb[docs]'. MODULE is jobnb if none is given; others are
    documented likewise, as those of a project of one's own.
    """
    try:
        import pdoc
        import pdoc.render
    except ImportError as error:
        raise InvalidInvocationError(
            "jobnb docs needs pdoc. Install it with: pip install 'jobnb[docs]'"
        ) from error
    pdoc.render.configure(docformat="google", show_source=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # annotations that only type checkers resolve
        pdoc.pdoc(*(modules or ("jobnb", "!jobnb\\.")), output_directory=output)
    click.echo(f"The reference is in {output / 'index.html'}.")
