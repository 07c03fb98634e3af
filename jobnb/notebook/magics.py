"""The `%jobnb` magic: the session's methods as short commands."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from jobnb.errors import (
    InvalidInvocationError,
    InvalidSubsetError,
    JobnbError,
    RunNotFoundError,
    did_you_mean,
)
from jobnb.registry.session import Session, current_session
from jobnb.registry.target_resolution import pinned

OPTIONS = ("config", "partition", "partition-range", "tag")
_OPTION = re.compile(r"(?:^|\s)--(\w[\w-]*)(?=$|[=\s])")
_FIRST = 12  # How many characters of a run's id are shown.


@dataclass
class Line:
    """A parsed `%jobnb` line.

    Attributes:
        command: Its first word.
        rest: The command's argument, as it was typed.
        options: The values of each option, as they were typed.
        names: The notebook's variables, which `--config` may name.
    """

    command: str
    rest: str = ""
    options: dict[str, list[str]] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Any:
        """The run config: a file, YAML, or a variable of the notebook; None if there is none."""
        texts = self.options.get("config", [])
        if not texts:
            return None
        text = texts[-1]
        if text.isidentifier() and text in self.names:
            return self.names[text]
        from jobnb.config import load_yaml

        return load_yaml(text)

    @property
    def parameters(self) -> dict[str, Any]:
        """The options as arguments of a run."""
        tags = dict(_tag(text) for text in self.options.get("tag", []))
        return {
            "config": self.config,
            "partition": self.partitions,
            "tags": tags or None,
        }

    @property
    def partitions(self) -> str | list[str] | None:
        """The partition of the run; or several: keys, and ranges `first...last`.

        Raises:
            InvalidInvocationError: If a range is malformed.
        """
        ranges = self.options.get("partition-range", [])
        for text in ranges:
            if "..." not in text:
                raise InvalidInvocationError(
                    f"The range of partitions {text!r} is not of the form START...END."
                )
        found = [*self.options.get("partition", []), *ranges]
        return found[0] if len(found) == 1 else found or None

    def one(self, what: str) -> str:
        """Return the command's argument, which is required.

        Raises:
            InvalidInvocationError: If it is missing.
        """
        if not self.rest:
            raise InvalidInvocationError(f"%jobnb {self.command} needs {what}.")
        return _bare(self.rest)


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidInvocationError(f"The tag {text!r} is not of the form KEY=VALUE.")
    return key.strip(), value.strip()


def _bare(text: str) -> str:
    text = text.strip()
    quoted = (
        len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]
    )
    return text[1:-1] if quoted else text


def read_line(text: str, names: Mapping[str, Any] | None = None) -> Line:
    """Parse a line; a selection or config may hold spaces, and ends at the next option.

    Example:
        >>> line = read_line(
        ...     "launch daily --config {ops: {load: {config: {year: 2013}}}} --tag a=b"
        ... )
        >>> line.command, line.rest, line.options["tag"]
        ('launch', 'daily', ['a=b'])
    """
    found = list(_OPTION.finditer(text))
    head = text[: found[0].start()] if found else text
    command, _, rest = head.strip().partition(" ")
    options: dict[str, list[str]] = {}
    for match, following in zip_longest(found, found[1:]):
        if match[1] not in OPTIONS:
            hint = did_you_mean(match[1], OPTIONS, noun="The options are")
            raise InvalidInvocationError(f"%jobnb has no option --{match[1]}. {hint}")
        value = text[match.end() : following.start() if following else None].strip()
        options.setdefault(match[1], []).append(_bare(value.removeprefix("=")))
    return Line(command, rest.strip(), options, names or {})


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


# --- the commands ---------------------------------------------------------


def _ls(session: Session, _line: Line) -> None:
    from jobnb.display.summaries import summaries
    from jobnb.display.text import table_text

    definitions = session.snapshot()
    keys = [key for each in definitions.assets for key in each.keys]
    how = summaries(session, keys, [each.key for each in definitions.source_assets])
    assets = [
        (
            key.to_user_string(),
            each.group_names_by_key.get(key, ""),
            _status(how[key]),
            _doc(each, key),
        )
        for each in definitions.assets
        for key in sorted(each.keys)
    ]
    jobs = [(job.name, _first_line(job.description)) for job in definitions.jobs]
    if assets:
        _say(table_text(["asset", "group", "status", ""], sorted(assets)))
    checks = [
        (f"{key.to_user_string()}:{each.name}", each.words, each.description.partition("\n")[0])
        for key, summary in how.items()
        for each in summary.checks
    ]
    if checks:
        _say(table_text(["check", "last said", ""], sorted(checks)))
    if jobs:
        _say(table_text(["job", ""], jobs))
    if not assets and not jobs and not checks:
        _say("Nothing is defined yet.")


def _status(summary: Any) -> str:
    from jobnb.display.widgets.catalogue_data import summary_json

    return str(summary_json(summary)["word"])


def _doc(assets: Any, key: Any) -> str:
    return _first_line(assets.descriptions_by_key.get(key))


def _first_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return textwrap.shorten(lines[0], 70, placeholder=" …") if lines else ""


def _materialize(session: Session, line: Line) -> Any:
    __tracebackhide__ = True
    return session.materialize(_bare(line.rest) or None, **line.parameters)


def _launch(session: Session, line: Line) -> Any:
    return session.launch(line.one("a job or a selection of assets"), **line.parameters)


def _runs(session: Session, line: Line) -> Any:
    if not line.rest:
        return session.runs
    from jobnb.storage.run import RunsFilter

    runs = session.runs
    return type(runs)(runs.instance, RunsFilter(job_name=_bare(line.rest)), runs.look_up)


def _run(session: Session, line: Line) -> Any:
    from jobnb.display.widgets.run import RunView
    from jobnb.execution.background import Run
    from jobnb.execution.run_lookup import full_id
    from jobnb.execution.task import find

    run_id = full_id(session.instance, line.one("the id of a run, or how it begins"))
    return find(Run, run_id) or RunView.of(session.instance, run_id)


def _graph(session: Session, line: Line) -> Any:
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.plan.selection_resolution import with_known_keys

    wanted = _bare(line.rest)
    if wanted in session.catalogue.by_name("job"):
        return session.job(wanted)
    known = session.snapshot()
    if not wanted:
        return known
    keys = known.named_by(pinned(session, wanted))
    assets = [
        each for each in with_known_keys(known.assets, known.source_assets) if each.keys & keys
    ]
    sources = [each for each in known.source_assets if each.key in keys]
    if not assets and not sources:
        raise InvalidSubsetError(f"{wanted!r} selects nothing.")
    return Definitions.of(assets=[*assets, *sources])


def _cancel(_session: Session, line: Line) -> None:
    from jobnb.execution.background import Run
    from jobnb.execution.task import running

    live = running(Run)
    if not live:
        raise RunNotFoundError("No run is in progress in the background of this kernel.")
    begins = _bare(line.rest)
    found = [run for run in live if run.run_id.startswith(begins)]
    if len(found) != 1:
        some = ", ".join(f"{run.run_id[:_FIRST]} ({run.record.title})" for run in live)
        raise RunNotFoundError(f"Say which one: {some}.")
    found[0].cancel()
    _say(f"Canceling the run {found[0].run_id} of {found[0].record.title!r}.")


def _debug(session: Session, line: Line) -> Any:
    run, _, step = _bare(line.rest).partition(" ")
    opened = session.debug(run or None, step.strip() or None)
    from jobnb.display.environment import takes_cells
    from jobnb.display.step_cells import step_cells

    if takes_cells():
        from jobnb.display.widgets.step import StepView

        return StepView(opened, wanted=True)
    # A kernel itself can put one cell below, no more: what runs at once stands in it.
    shell: Any = sys.modules["IPython"].get_ipython()
    shell.set_next_input("\n\n".join(step_cells(opened)[:2]))
    return opened


def _value(session: Session, line: Line) -> Any:
    return session.value(line.one("the key of an asset"), partition=line.partitions)


@dataclass(frozen=True)
class Command:
    """A command of `%jobnb`: its function, its argument, and its description."""

    do: Callable[[Session, Line], Any]
    takes: str
    help: str


COMMANDS = {
    "ls": Command(_ls, "", "list the assets and jobs of this kernel"),
    "materialize": Command(_materialize, "[SELECTION]", "make assets, all if none are named"),
    "launch": Command(_launch, "JOB|SELECTION", "begin a run in the background"),
    "runs": Command(_runs, "[JOB]", "the history"),
    "run": Command(_run, "ID", "one run; the beginning of its id is enough"),
    "debug": Command(_debug, "[ID [STEP]]", "a failed step in cells, to mend and resume it"),
    "graph": Command(_graph, "[SELECTION|JOB]", "how assets hang together"),
    "cancel": Command(_cancel, "[ID]", "stop a background run"),
    "value": Command(_value, "KEY", "the last value of an asset"),
}


def _help() -> str:
    width = max(len(f"{name} {each.takes}") for name, each in COMMANDS.items())
    lines = [f"  {f'{name} {each.takes}':<{width}}  {each.help}" for name, each in COMMANDS.items()]
    return "\n".join(
        [
            "%jobnb COMMAND [--config FILE|YAML|NAME] [--partition KEY]",
            "               [--partition-range START...END] [--tag KEY=VALUE]",
            *lines,
            "%%jobnb launch JOB takes the cell as config, in YAML.",
        ]
    )


def _do(text: str, names: Mapping[str, Any], config: str | None) -> Any:
    __tracebackhide__ = True
    line = read_line(text, names)
    if config is not None and config.strip():
        line.options.setdefault("config", []).append(config)
    if not line.command or line.command in ("help", "?"):
        _say(_help())
        return None
    command = COMMANDS.get(line.command)
    if command is None:
        hint = did_you_mean(line.command, COMMANDS, noun="It has")
        raise InvalidInvocationError(f"%jobnb has no command {line.command!r}. {hint}")
    return command.do(current_session(), line)


def register(shell: Any) -> None:
    """Register `%jobnb` with a shell."""
    from IPython.core.error import UsageError
    from IPython.core.magic import no_var_expand

    @no_var_expand
    def jobnb(line: str, cell: str | None = None) -> Any:
        try:
            return _do(line, shell.user_ns, cell)
        except JobnbError as error:
            raise UsageError(str(error)) from None

    jobnb.__doc__ = _help()
    shell.register_magic_function(jobnb, "line_cell", "jobnb")


def unregister(shell: Any) -> None:
    """Remove `%jobnb` from a shell."""
    for magics in shell.magics_manager.magics.values():
        magics.pop("jobnb", None)
