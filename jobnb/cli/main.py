"""The `jobnb` command: its groups, and one line for each error."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from jobnb.cli.automation import commands_of
from jobnb.cli.daemon import daemon
from jobnb.cli.execute import execute
from jobnb.cli.listing import asset_list, job_list, run_list
from jobnb.errors import JobnbError
from jobnb.execution.watch import waiting

HELP = {"help_option_names": ["-h", "--help"]}


def _version() -> str:
    try:
        return version("jobnb")
    except PackageNotFoundError:
        return "not installed"


class OneLine(click.Group):
    """A group in which a `JobnbError` is one line on stderr and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except JobnbError as error:
            click.echo(f"jobnb: {error}", err=True)
            ctx.exit(2)
        except BrokenPipeError:  # The reader of the pipe, as `head`, has closed it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@click.group(cls=OneLine, context_settings=HELP)
@click.version_option(_version(), "-v", "--version", prog_name="jobnb")
def cli() -> None:
    """Jobs and assets of Jupyter notebooks, from the command line."""


@cli.group("job", context_settings=HELP)
def job_group() -> None:
    """Jobs of a notebook or a Python file."""


@cli.group("asset", context_settings=HELP)
def asset_group() -> None:
    """Assets of a notebook or a Python file."""


@cli.group("run", context_settings=HELP)
def run_group() -> None:
    """The history of runs."""


@cli.group("schedule", context_settings=HELP)
def schedule_group() -> None:
    """Schedules of a notebook, a Python file or a module."""


@cli.group("sensor", context_settings=HELP)
def sensor_group() -> None:
    """Sensors of a notebook, a Python file or a module."""


for _command in commands_of("SCHEDULE"):
    schedule_group.add_command(_command)
for _command in commands_of("SENSOR"):
    sensor_group.add_command(_command)
cli.add_command(daemon)
cli.add_command(execute)
job_group.add_command(job_list)
asset_group.add_command(asset_list)
run_group.add_command(run_list)


def main() -> None:
    """Run the console script `jobnb`."""
    waiting.clear()  # The commands report runs themselves.
    cli(prog_name="jobnb")


if __name__ == "__main__":
    main()
