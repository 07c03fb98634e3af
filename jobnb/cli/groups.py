"""Groups whose commands are imported when they are used: `jobnb --help` imports none of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from jobnb.cli.exit_codes import INTERRUPTED, REFUSED, SUCCESS
from jobnb.errors import (
    DifferentPartitionsError,
    JobnbError,
    NotResumableError,
    PartitionNeededError,
    did_you_mean,
)

HELP = {"help_option_names": ["-h", "--help"]}


class LazyGroup(click.Group):
    """A group that knows where its commands are.

    Args:
        commands_at: For each command its place, as `module:name`, and its short help; the latter
            is what the group's own help shows.
    """

    def __init__(
        self, *args: Any, commands_at: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("context_settings", HELP)
        super().__init__(*args, **kwargs)
        self.commands_at = dict(commands_at or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the list."""
        return [*self.commands_at, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in self.commands_at:
            module, _, name = self.commands_at[cmd_name][0].partition(":")
            found = getattr(import_module(module), name)
            self.add_command(found, cmd_name)
            del self.commands_at[cmd_name]
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant, or raise with the nearest name."""
        known = self.list_commands(ctx)
        name = args[0]
        if name not in known and name.replace("_", "-") in known:  # Dagster's: scaffold_config
            name = name.replace("_", "-")
            args = [name, *args[1:]]
        if name not in known and not name.startswith("-"):
            hint = did_you_mean(name, known, noun="There are")
            ctx.fail(f"There is no command {name!r}. {hint}".rstrip())
        found, command, rest = super().resolve_command(ctx, args)
        if ctx.resilient_parsing and rest and rest[-1].startswith("-"):
            # The value of this option is being completed: click would read no argument before it.
            rest = rest[:-1]
        return found, command, rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, without importing them, and the options."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self._short_help(ctx, name)) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        rows = [(name, self._short_help(ctx, name)) for name in sorted(self.list_commands(ctx))]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _short_help(self, ctx: click.Context, name: str) -> str:
        if name in self.commands_at:
            return self.commands_at[name][1]
        command = super().get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(limit=80)


class OneLineGroup(LazyGroup):
    """The outermost group: an error of the user is one line on stderr, without a traceback."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments up to the command."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            _refuse(error)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except JobnbError as error:
            click.echo(f"jobnb: {_told(error)}", err=True)
            ctx.exit(REFUSED)
        except click.UsageError as error:
            _refuse(error)
        except KeyboardInterrupt as error:
            click.echo(f"jobnb: {str(error) or 'interrupted'}", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # The reader of the pipe, as `head`, has closed it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(SUCCESS)


def _refuse(error: click.UsageError) -> NoReturn:
    """Report what is wrong with the words of a command in one line, and end it."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        raise error
    said = error.format_message().rstrip()
    named = "" if error.ctx is None else f" See {error.ctx.command_path} --help."
    click.echo(
        f"jobnb: {_one_line(said)}{'' if said.endswith(('.', '?')) else '.'}{named}", err=True
    )
    raise click.exceptions.Exit(REFUSED)


_SELECT = (
    "Select those that share their partitions with --select, and name some with --partition KEY; "
    "or launch a job of such assets with --job."
)


def _one_line(facts: str) -> str:
    r"""Return facts that may stand in several lines as one.

    >>> _one_line("These differ:\n  a has 3.\n  b has 4.")
    'These differ: a has 3. b has 4.'
    """
    return " ".join(facts.split())


def _told(error: JobnbError) -> str:
    """Return an error as one reads it at a command line, which has options and no parameters."""
    if isinstance(error, DifferentPartitionsError):
        return f"{_one_line(error.facts)} {_SELECT}"
    if isinstance(error, PartitionNeededError):
        facts = _one_line(error.facts)
        if error.reason == "different":
            return f"{facts} No one run can make them all, as their partitions differ. {_SELECT}"
        if error.reason == "none yet":
            return f"{facts} {error.next_step}"
        return (
            f"{facts} Name some: --partition KEY, or --partition-range START...END. To make "
            "each in a run of its own: jobnb job backfill; assets need a job for it "
            "(define_asset_job)."
        )
    if isinstance(error, NotResumableError):
        return f"{error.facts} Repeat all of it with --all-steps, or some of it with --steps."
    said = str(error)
    return _one_line(said) if said.count("\n") == 1 else said
