"""`jobnb diff`: what has changed between two notebooks, or since a revision."""

from __future__ import annotations

import click

from jobnb.cli.location import limit_of, load_timeout_option
from jobnb.cli.output import as_json_option, print_json


@click.command("diff")
@click.argument("notebook", metavar="NOTEBOOK|FILE.py", type=click.Path())
@click.argument("other", metavar="[FILE|REVISION]", default="HEAD")
@click.argument("until", metavar="[REVISION]", required=False)
@load_timeout_option
@as_json_option
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
def diff_command(
    notebook: str,
    other: str,
    until: str | None,
    load_timeout: float | None,
    as_json: bool,
    markdown: bool,
) -> None:
    """Compare the definitions of a notebook with another's, or with an earlier revision.

    It lists what was added, removed and changed, with reasons; and which materialized assets and
    partitions become stale, with how long they took last time. REVISION is one of git's, as
    'main' or 'HEAD~1'; HEAD if it is not given. Two are compared with each other: 'main topic', or
    'main..topic'; with 'main...topic' the first is where the branches parted. Modules of the same
    repository are those of the revision, too.
    """
    from jobnb.display.diff_views import diff_markdown, diff_text
    from jobnb.notebook.revisions import diff_of_files

    found = diff_of_files(notebook, other, limit_of(load_timeout), until)
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(diff_markdown(found) if markdown else diff_text(found))
