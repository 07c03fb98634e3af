"""`jobnb definitions validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobnb.cli.exit_codes import FAILED
from jobnb.cli.location import takes_code
from jobnb.cli.output import as_json_option, counted, print_json
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource

_KINDS = {"assets": "asset", "jobs": "job", "schedules": "schedule", "sensors": "sensor"}


@click.command("validate")
@takes_code()
@as_json_option
@click.pass_context
def validate(ctx: click.Context, code: CodeSource, as_json: bool) -> None:
    """Check that a notebook, file or module loads, and that each of its jobs can be planned.

    All problems are reported at once. The exit code is 1 if there are any.
    """
    from jobnb.notebook.outlines import check_code

    problems: list[str] = []
    counts = dict.fromkeys(_KINDS, 0)
    try:
        outline = check_code(code)
        counts = {kind: len(outline[kind]) for kind in _KINDS}
    except InvalidDefinitionError as error:
        problems = [line.strip() for line in str(error).splitlines() if line.strip()]
    if as_json:
        print_json({"location": code.name, "valid": not problems, "problems": problems, **counts})
    elif problems:
        first, *others = problems
        click.echo("jobnb: " + "\n  ".join([_placed(code.name, first), *others]), err=True)
    else:
        told = [counted(counts[kind], noun) for kind, noun in _KINDS.items()]
        click.echo(f"{code.name} is valid: {', '.join(told)}")
    if problems:
        ctx.exit(FAILED)


def _placed(name: str, problem: str) -> str:
    """Return a problem with the code location in front, which it may name itself.

    >>> _placed("shop/nb.py", "nb.py, line 40 raised NameError"), _placed("nb.py", "No lake.")
    ('shop/nb.py, line 40 raised NameError', 'nb.py: No lake.')
    """
    base = Path(name).name
    for named in (name, base):
        if problem.startswith((f"{named}, ", f"{named}: ")):
            return name + problem.removeprefix(named)
    return problem if problem.startswith(f"The module {name!r} ") else f"{name}: {problem}"
