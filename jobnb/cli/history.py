"""The history that a command is about: which one it is, and what of it is named."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from jobnb.cli.location import Completer, takes_home
from jobnb.errors import InvalidInvocationError, NotebookError, RunNotFoundError

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

F = TypeVar("F", bound=Callable[..., Any])


def takes_id(noun: str, completes: Completer) -> Callable[[F], F]:
    """Add an id behind an optional location, and the options of the history, to a command.

    Its function gets `run_id` and `home`, or `backfill_id` and `home`.

    Args:
        noun: What the id is that of: `run` or `backfill`.
        completes: Completes the ids for a shell.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def command(arguments: tuple[str, ...], home: Path, **rest: Any) -> Any:
            *locations, own = arguments
            if len(locations) > 1:
                raise InvalidInvocationError(
                    f"{own!r} is one argument too many: name the notebook, file or module, then "
                    f"one {noun}."
                )
            place = home_of_location(locations[0]) if locations else home
            return function(**{f"{noun}_id": own}, home=place, **rest)

        made: Any = click.argument(
            "arguments",
            metavar=f"[NOTEBOOK|FILE.py|MODULE] {noun.upper()}_ID",
            nargs=-1,
            required=True,
            shell_complete=_completing(completes),
        )(takes_home(command))
        return made  # type: ignore[no-any-return]

    return decorate


def _completing(completes: Completer) -> Completer:
    """Return the completion of ids; where there are none, files may be meant."""

    def complete(
        ctx: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found = completes(ctx, parameter, incomplete)
        if found or ctx.params.get("arguments") or ctx.params.get("home"):
            return found
        return [CompletionItem(incomplete, type="file")]

    return complete


@contextmanager
def history_in(home: Path) -> Iterator[Instance]:
    """Open the history of a folder for the block.

    Raises:
        RunNotFoundError: If there is none.
    """
    from jobnb.storage.history import has_history
    from jobnb.storage.instance import Instance

    if not has_history(home):
        raise RunNotFoundError(
            f"There is no history in {home}. Name its folder with --home, or the notebook that it "
            "belongs to with -n."
        )
    with Instance.from_home(home) as instance:
        yield instance


def home_of_location(location: str) -> Path:
    """Return the folder of the history of a notebook, file or module.

    Raises:
        InvalidInvocationError: If an option of the command names a history, too.
        NotebookError: If there is no such file.
    """
    from jobnb.notebook.code_source import CodeSource

    given = click.get_current_context().params
    names = ("home", "notebook", "python_file", "module_name")
    if any(given.get(name) is not None for name in names):
        raise InvalidInvocationError(
            f"The history is named twice, by {location} and by an option. Keep one."
        )
    code = CodeSource.named(location)
    if code.path is not None and not code.path.exists():
        raise NotebookError(
            f"There is no file {location}. A history whose notebook is gone is named by its "
            "folder: --home FOLDER."
        )
    return code.home
