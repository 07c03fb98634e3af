"""`jobnb instance`: info, migrate and prune."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from jobnb.cli.location import takes_home
from jobnb.cli.output import as_json_option, print_json, size


@click.command("info")
@takes_home
@as_json_option
def info(home: Path, as_json: bool) -> None:
    """Show where the history is, what is in it, and how large it is."""
    from jobnb.cli.runs import history_in
    from jobnb.storage.care import about_history

    with history_in(home) as instance:
        told: dict[str, Any] = about_history(instance)
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        words = name.removesuffix("_bytes").replace("_", " ")
        shown = size(value) if name.endswith("_bytes") and value is not None else value
        click.echo(f"{words:<12} {'unknown' if shown is None else shown}")


@click.command("migrate")
@takes_home
def migrate(home: Path) -> None:
    """Bring a history of an earlier version up to the tables of this one.

    Every command does so when it opens one; this one does nothing else, and tells what it did.
    """
    from jobnb.cli.runs import history_in
    from jobnb.storage.care import schema_in, schema_known

    before = schema_in(home)
    with history_in(home) as instance:
        place = instance.home
    after = schema_known()
    if before is None or before == after:
        click.echo(f"The history in {place} has the tables of this version ({after})")
    else:
        click.echo(f"The history in {place} was brought from version {before} to {after}")
