"""The options that name a code location: `-n`, `-f` or `-m`, or a plain argument."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.shell_completion import CompletionItem

from jobnb.cli.exit_codes import REFUSED
from jobnb.errors import InvalidInvocationError, NotebookError

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource
    from jobnb.notebook.load_limit import LoadLimit

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
F = TypeVar("F", bound=Callable[..., Any])

_KEYS = {
    "notebook": "notebook",
    "python_file": "python_file",
    "module_name": "module_name",
    "attribute": "attribute",
    "working_directory": "folder",
}
_WAYS = {"notebook": "-n", "python_file": "-f", "module_name": "-m"}
_FILE, _FOLDER = click.Path(), click.Path(file_okay=False)  # a shell completes them as such
_MODULE = ("-m", "--module-name", "--package-name")


class _ModuleOption(click.Option):
    """An option whose other spelling, which is Dagster's, the help leaves out."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        found = super().get_help_record(ctx)
        return found and (found[0].replace(f", {_MODULE[-1]}", ""), found[1])


_OPTIONS = (
    click.option("-n", "--notebook", metavar="NOTEBOOK", type=_FILE,
                 help="The notebook with the definitions."),
    click.option("-f", "--python-file", metavar="FILE.py", type=_FILE,
                 help="The Python file with them."),
    click.option(*_MODULE, metavar="MODULE", cls=_ModuleOption, help="The module with them."),
    click.option(
        "-a",
        "--attribute",
        metavar="NAME",
        help="The variable or function that gives them; else all that the code defines.",
    ),
    click.option(
        "-d",
        "--working-directory",
        "folder",
        metavar="FOLDER",
        type=_FOLDER,
        help="The folder to work in and to import from.",
    ),
)  # fmt: skip
load_timeout_option = click.option(
    "--load-timeout",
    type=click.FloatRange(0, min_open=True),
    envvar="JOBNB_LOAD_TIMEOUT",
    metavar="S",
    help="Seconds that loading the definitions may take.  [default: $JOBNB_LOAD_TIMEOUT, else 120]",
)


def takes_code(*, names: str = "", completes: Completer | None = None) -> Callable[[F], F]:
    """Add the options of a code location to a command; its function gets it as `code`.

    Args:
        names: How the command's own arguments are shown, which follow the location; the function
            gets them as `names`.
        completes: Completes these names for a shell.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def command(
            arguments: tuple[str, ...],
            notebook: str | None,
            python_file: str | None,
            module_name: str | None,
            attribute: str | None,
            folder: str | None,
            load_timeout: float | None,
            **rest: Any,
        ) -> Any:
            given = {
                "notebook": notebook,
                "python_file": python_file,
                "module_name": module_name,
                "attribute": attribute,
                "folder": folder,
            }
            code, own = _read(given, arguments)
            if own and not names:
                raise InvalidInvocationError(f"{own[0]!r} is one argument too many.")
            more = {"names": own} if names else {}
            code = replace(code, limit=limit_of(load_timeout))
            return function(code=code, **more, **rest)

        shown = "[NOTEBOOK|FILE.py|MODULE]" + (f" {names}" if names else "")
        made = click.argument(
            "arguments", metavar=shown, nargs=-1, shell_complete=_arguments_completed(completes)
        )(command)
        for option in reversed((*_OPTIONS, load_timeout_option)):
            made = option(made)
        return made  # type: ignore[return-value]

    return decorate


def limit_of(seconds: float | None) -> LoadLimit:
    """Return how long loading may take in the process of a command."""
    from jobnb.notebook.load_limit import LoadLimit

    return LoadLimit(seconds, _leave)


def _leave(problem: str) -> NoReturn:
    """End the process where the code that is loaded cannot be interrupted."""
    click.echo(f"jobnb: {problem}", err=True)
    os._exit(REFUSED)


def _read(
    given: Mapping[str, str | None], arguments: Sequence[str]
) -> tuple[CodeSource, tuple[str, ...]]:
    """Return the code location and the arguments that are left."""
    code = code_of(given)
    if code is not None:
        return code, tuple(arguments)
    from jobnb.notebook.code_source import CodeSource

    told = {**_of_project(), **{name: text for name, text in given.items() if text is not None}}
    of_project = code_of(told)
    if of_project is not None and not (arguments and _names_file(arguments[0])):
        return of_project, tuple(arguments)
    if not arguments:
        raise InvalidInvocationError(
            "Name the notebook, Python file or module with the definitions: as an argument, with "
            "-n, -f or -m, or under [tool.jobnb] in pyproject.toml."
        )
    named = CodeSource.named(arguments[0])
    attribute, folder = given.get("attribute"), given.get("folder")
    found = CodeSource(named.path, named.module, attribute, Path(folder) if folder else None)
    return _checked(found), tuple(arguments[1:])


def code_of(given: Mapping[str, str | None]) -> CodeSource | None:
    """Return the code location that options name; None where they name none.

    Args:
        given: The options by name: `notebook`, `python_file`, `module_name`, `attribute`, `folder`.

    Raises:
        InvalidInvocationError: If they name more than one.
    """
    from jobnb.notebook.code_source import CodeSource

    named = [name for name in _WAYS if given.get(name)]
    if len(named) > 1:
        several = " and ".join(_WAYS[name] for name in named)
        raise InvalidInvocationError(f"{several} do not go together: name one code location.")
    if not named:
        return None
    path = given.get("notebook") or given.get("python_file")
    folder = given.get("folder")
    return _checked(
        CodeSource(
            path=Path(path) if path else None,
            module=given.get("module_name"),
            attribute=given.get("attribute"),
            folder=Path(folder) if folder else None,
        )
    )


def _checked(code: CodeSource) -> CodeSource:
    if code.folder is not None and not code.folder.is_dir():
        raise NotebookError(f"There is no folder {code.folder} to work in.")
    if code.path is not None and code.path.is_dir():
        raise NotebookError(f"{code.path} is a folder; name the notebook or Python file in it.")
    return code


def _names_file(text: str) -> bool:
    return text.endswith((".ipynb", ".py", ".md")) or Path(text).is_file()


def _of_project() -> dict[str, str]:
    """Return what pyproject.toml in this folder names under `[tool.jobnb]`."""
    file = Path("pyproject.toml")
    if not file.is_file():
        return {}
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("jobnb", {})
    except (OSError, ValueError) as error:
        raise NotebookError(f"pyproject.toml cannot be read: {error}.") from error
    if not isinstance(table, dict):
        raise NotebookError("pyproject.toml: [tool.jobnb] is no table.")
    told = {_KEYS[key]: value for key, value in table.items() if key in _KEYS}
    wrong = [key for key, value in told.items() if not isinstance(value, str)]
    if wrong:
        raise NotebookError(f"pyproject.toml: {wrong[0]} under [tool.jobnb] is no text.")
    return told


def takes_codes(function: F) -> F:
    """Add the options of several code locations to a command, which gets them as `codes`."""

    @functools.wraps(function)
    def command(
        arguments: tuple[str, ...],
        notebooks: tuple[str, ...],
        python_files: tuple[str, ...],
        module_names: tuple[str, ...],
        attribute: str | None,
        folder: str | None,
        load_timeout: float | None,
        **rest: Any,
    ) -> Any:
        from jobnb.notebook.code_source import CodeSource

        place = Path(folder) if folder else None
        sources = [CodeSource.named(each) for each in arguments]
        sources += [CodeSource(path=Path(each)) for each in (*notebooks, *python_files)]
        sources += [CodeSource(module=each) for each in module_names]
        if not sources:
            sources = [_read({}, ())[0]]  # what pyproject.toml names
        if attribute is not None and len(sources) > 1:
            raise InvalidInvocationError("-a goes with one code location.")
        codes = [
            _checked(CodeSource(each.path, each.module, attribute or each.attribute,
                                place or each.folder, limit_of(load_timeout)))
            for each in sources
        ]  # fmt: skip
        return function(codes=codes, **rest)

    made: Any = click.argument("arguments", metavar="[NOTEBOOK|FILE.py|MODULE]...", nargs=-1,
                              type=_FILE)(command)  # fmt: skip
    many = (
        click.option("-n", "--notebook", "notebooks", metavar="NOTEBOOK", multiple=True,
                     type=_FILE, help="A notebook; may be repeated."),
        click.option("-f", "--python-file", "python_files", metavar="FILE.py", multiple=True,
                     type=_FILE, help="A Python file; may be repeated."),
        click.option(*_MODULE, "module_names", metavar="MODULE", multiple=True,
                     cls=_ModuleOption, help="A module; may be repeated."),
    )  # fmt: skip
    for option in reversed((*many, *_OPTIONS[3:], load_timeout_option)):
        made = option(made)
    return made  # type: ignore[no-any-return]


# --- completion -----------------------------------------------------------------------


def _arguments_completed(names: Completer | None) -> Completer:
    """Return the completion of a location and of the names behind it."""

    def complete(
        ctx: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found = [] if names is None else names(ctx, parameter, incomplete)
        is_named = any(map(ctx.params.get, ("arguments", *_WAYS)))
        return found if found or is_named else [CompletionItem(incomplete, type="file")]

    return complete


def code_so_far(ctx: click.Context) -> CodeSource | None:
    """Return the code location that the words typed so far name, or pyproject.toml; or None."""
    given = {name: ctx.params.get(name) for name in _KEYS.values()}
    given["notebook"] = given["notebook"] or ctx.params.get("named")  # -n of `jobnb execute`
    try:
        return _read(given, ctx.params.get("arguments") or ())[0]
    except InvalidInvocationError:  # none is named yet, or two are
        return None


# --- the history ----------------------------------------------------------------------


def takes_home(function: F) -> F:
    """Add the options of the history to a command; its function gets `home`.

    It is the folder of the history: that of `--home`, else that of the code location that is
    named, here or in pyproject.toml, else that of `$JOBNB_HOME`, else `.jobnb` in this folder.
    """

    @functools.wraps(function)
    def command(
        home: str | None,
        notebook: str | None,
        python_file: str | None,
        module_name: str | None,
        **rest: Any,
    ) -> Any:
        given = {"notebook": notebook, "python_file": python_file, "module_name": module_name}
        code = code_of(given) or code_of(_of_project())
        from jobnb.notebook.code_source import home_of

        place = Path(home) if home else code.home if code is not None else home_of(None)
        return function(home=place, **rest)

    made: Any = click.option(
        "--home",
        metavar="FOLDER",
        type=_FOLDER,
        help="The folder of the history.  [default: $JOBNB_HOME, else .jobnb beside the "
        "notebook or file, else .jobnb here]",
    )(command)
    of_history = (
        click.option("-n", "--notebook", metavar="NOTEBOOK", type=_FILE,
                     help="The history of this notebook."),
        click.option("-f", "--python-file", metavar="FILE.py", type=_FILE,
                     help="That of this Python file."),
        click.option(*_MODULE, metavar="MODULE", cls=_ModuleOption, help="That of this module."),
    )  # fmt: skip
    for option in reversed(of_history):
        made = option(made)
    return made  # type: ignore[no-any-return]
