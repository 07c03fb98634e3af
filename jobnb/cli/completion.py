"""`jobnb completion`: the lines that set up a shell's completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the set-up of a shell's completion, to be put into its start-up file.

    \b
    bash: jobnb completion bash >> ~/.bashrc
    zsh:  jobnb completion zsh >> ~/.zshrc
    fish: jobnb completion fish > ~/.config/fish/completions/jobnb.fish

    It completes commands and options, and the notebook's own names: jobs, assets, schedules,
    sensors, ids of runs and backfills.
    """  # noqa: D301 - click reads the character itself: the lines stay as they are
    found = get_completion_class(shell)
    assert found is not None, shell
    click.echo(found(ctx.find_root().command, {}, "jobnb", "_JOBNB_COMPLETE").source())
