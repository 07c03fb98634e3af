"""`jobnb serve`: GraphQL for Dagster's clients and for queries written by hand."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from jobnb.cli.location import takes_codes
from jobnb.errors import InvalidInvocationError
from jobnb.server import needed

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource


@click.command("serve")
@takes_codes
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    help="The port; 0 for any free one. [default: the first free one from 3000]",
)
@click.option(
    "--token",
    envvar="JOBNB_TOKEN",
    help="The token that each request must have. [default: $JOBNB_TOKEN, else a random one]",
)
@click.option(
    "--in-process",
    is_flag=True,
    help="Do runs in the server's process; each has one of its own otherwise, which outlives it.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name that the server is reached by.",
)
def serve(
    codes: list[CodeSource],
    host: str,
    port: int | None,
    token: str | None,
    in_process: bool,
    hosts: tuple[str, ...],
) -> None:
    """Serve notebooks, files and modules over GraphQL, as Dagster's webserver does.

    Dagster's own client and `dagster-graphql --remote` work with it. A notebook or file that
    changes on disk is loaded again. Each request needs the token that is printed.
    """
    from jobnb.notebook.code_locations import open_locations

    if token is not None and not token.strip():
        raise InvalidInvocationError("The token is empty: leave --token out for a random one.")
    with needed():
        from jobnb.server.running import serve_until_stopped
        from jobnb.server.workspace import ServedWorkspace, launch_detached, launch_here
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    instance, locations = open_locations(codes)
    launch = launch_here if in_process else launch_detached
    served = ServedWorkspace(instance, locations, launch=launch)
    for each in served.locations:
        each.definitions()  # what cannot be loaded is told at once
    try:
        serve_until_stopped(served, host=host, port=port, token=token, hosts=hosts, ready=_ready)
    except KeyboardInterrupt:
        click.echo("The server has stopped.")


def _ready(address: str, token: str) -> None:
    click.echo(f"GraphQL: {address}/graphql?token={token}")
    click.echo("Ctrl-C stops the server.")
    sys.stdout.flush()
