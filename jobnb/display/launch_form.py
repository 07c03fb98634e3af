"""The state of a launchpad, without any front end.

Every edit is applied here; everything shown is read from here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from jobnb.config import load_yaml, raw_config
from jobnb.definitions.jobs.executor import executor_named
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.display.form_edits import EntryMoves, edited, filled, shift_of, without_extras
from jobnb.display.form_rows import Rows
from jobnb.display.launch_partitions import (
    PartitionChoices,
    all_keys,
    choices_of,
    has_partitions,
    is_key,
    partition_notes,
    partitions_asked,
    tags_of_partition,
)
from jobnb.display.launch_schema import LaunchSchema, selected
from jobnb.display.yaml_completion import completions
from jobnb.display.yaml_text import LaunchText
from jobnb.errors import InvalidConfigError, JobnbError
from jobnb.plan.config_tree import WRAP
from jobnb.plan.run_config import kept_config

MOST_PARTITIONS = 500  # that are offered at once; any can be typed
Note = dict[str, Any]
_LOST = "The text was written again; its comments could not be kept."


class LaunchForm:
    """The state of a launchpad.

    Args:
        job: The job to launch.
        instance: Where its history is, for dynamic partitions.
        selection: The ops or assets to run; all if empty.

    Example:
        >>> from jobnb import Config, job, op
        >>> class Load(Config):
        ...     year: int
        >>> @op
        ... def load(config: Load):
        ...     return config.year
        >>> @job
        ... def daily():
        ...     load()
        >>> form = LaunchForm(daily)
        >>> [note["message"] for note in form.problems]
        ['is required.']
        >>> form.edit("ops/load/config/year", "set", "2013")
        >>> form.config, form.problems
        ({'ops': {'load': {'config': {'year': 2013}}}}, [])
    """

    def __init__(self, job: JobDefinition, instance: Any = None, selection: str = "") -> None:
        self.job, self.instance, self.selection = job, instance, selection
        self.partition: str | None = None
        self.executor = ""
        self.tags: dict[str, str] = {}
        self.text = LaunchText()
        self.problems: list[Note] = []
        self._schema: LaunchSchema | None = None
        self._schema_problem = ""
        self._config: dict[str, Any] = {}
        self._shelf: dict[tuple[str, int], Any] = {}
        self._chosen: dict[str, int] = {}
        self._drafts: dict[str, tuple[str, Any, str]] = {}
        self.shifts = EntryMoves()
        self._own = copy.deepcopy(self.start_config())
        self.set_config(self._own)

    # --- config -----------------------------------------------------------

    def start_config(self) -> dict[str, Any]:
        """Return the config of the job itself, or of the partition."""
        partitioned = self.job.partitioned_config
        key = self.partition
        if partitioned is not None and key and is_key(self.job, key, self.instance):
            return raw_config(partitioned.get_run_config_for_partition_key(key))
        return raw_config(self.job.run_config)

    @property
    def config(self) -> dict[str, Any]:
        """The present raw run config; secrets by name."""
        if self._schema is None:
            return copy.deepcopy(self._config)
        return copy.deepcopy(self._schema.outside(self._config))

    def set_config(self, config: Any, *, yaml: str | None = None) -> None:
        """Replace the config.

        Args:
            config: A mapping or a `RunConfig`.
            yaml: The text it was read from, which then changes only where it says otherwise.

        Raises:
            InvalidConfigError: If it is no config at all; what was there stays.
        """
        self._show(raw_config(config))
        if yaml is not None:
            self.text.take(yaml, self.config)
        else:
            self.text.write(self.config)
        self._check()

    def _change(self, config: Any) -> None:
        """Replace the config and update the user's YAML."""
        self._show(raw_config(config))
        self.text.follow(self.config)
        self._check()

    def _show(self, raw: dict[str, Any]) -> None:
        self._drafts.clear()
        self._chosen.clear()
        self._resolve(raw)
        hidden = self._hidden(raw)
        self._take(self._schema.inside(hidden) if self._schema else hidden)

    def _hidden(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the config without secrets, which stay in this process only."""
        try:
            return dict(kept_config(self.job, raw) or {})
        except JobnbError:  # the job itself is not right, which the form tells
            return raw

    def edit(self, row: str, action: str, control: Any = None) -> None:
        """Apply an edit to a row of the form; see `form_edits.ACTIONS`."""
        try:
            config, chosen = edited(self.rows, self._config, row, action, control, self._shelf)
        except InvalidConfigError as error:
            self._drafts[row] = (action, control, str(error))
            self._check()
            return
        shift = shift_of(self.rows, row, action, control)
        if shift and config != self._config:
            self.shifts.add(*shift)
        if action in ("set", "rename"):
            self._drafts.pop(row, None)
        else:  # rows below may be others now
            self._drafts = {k: v for k, v in self._drafts.items() if not k.startswith(row)}
        self._chosen = chosen
        if self._schema is not None:
            config = self._schema.inside(self._hidden(self._schema.outside(config)))
        self._take(config)
        self.text.follow(self.config)
        self._check()

    def set_yaml(self, text: str) -> None:
        """Read the config from YAML; an invalid text is kept, and so is the form."""
        try:
            # A line break keeps a text from being taken for the name of a file.
            config = load_yaml(text if "\n" in text else text + "\n")
            self.set_config(config, yaml=text)
        except InvalidConfigError as error:
            self.text.refuse(text, str(error))
            self._check()

    def complete_yaml(self, before: str, after: str = "") -> dict[str, Any]:
        """Complete the YAML at the cursor; see `yaml_completion.completions`.

        Args:
            before: The text before the cursor.
            after: The text behind it.
        """
        if self._schema is None:
            return {"word": "", "options": []}
        root = self._schema.root.fields[WRAP] if self._schema.wrapped else self._schema.root
        return completions(root, before, after)

    def discard_yaml(self) -> None:
        """Discard an invalid text and show the form's own."""
        self.text.write(self.config)
        self._check()

    def scaffold(self) -> None:
        """Write all defaults, and a sample of each required value."""
        if self._schema is not None:
            whole = filled(self._schema.root, self._config)
            self._change(self._schema.outside(whole))

    def remove_extra(self) -> None:
        """Remove the config that this job or selection does not use."""
        config = without_extras(self.rows, self._config)
        outside = self._schema.outside(config) if self._schema else config
        self._change(outside)

    def reset(self) -> None:
        """Reset to the job's own config, or that of the partition."""
        self._shelf.clear()
        self.set_config(self.start_config())

    # --- what runs --------------------------------------------------------

    def set_job(self, job: JobDefinition) -> None:
        """Use a new definition of the job; what was typed stays."""
        untouched = self.config == self._own
        self.job = job
        if not has_partitions(job):
            self.partition = None
        self._own = copy.deepcopy(self.start_config())
        self._change(self._own if untouched else self.config)

    def select(self, selection: str) -> None:
        """Select another part of the job; the form then shows the config of that part."""
        self.selection = selection.strip()
        self._change(self.config)

    def set_executor(self, name: str) -> None:
        """Run the steps in another way; the form asks for the config of that one.

        Raises:
            InvalidDefinitionError: If there is none of this name.
        """
        if name:
            executor_named(name)
        self.executor = name
        self._change(self.config)

    @property
    def own_executor(self) -> str:
        """The name of the job's own executor, the default."""
        own = self.job.executor_def
        return "in_process" if own.strategy == "default" else str(own.name)

    @property
    def _executed(self) -> JobDefinition:
        """The job with the chosen executor."""
        if not self.executor:
            return self.job
        return self.job.with_executor_def(executor_named(self.executor))

    def set_partition(self, key: str | None) -> None:
        """Select a partition; the config of a partitioned config follows it."""
        self.partition = key or None
        known = self.partition is None or is_key(self.job, self.partition, self.instance)
        if known and self.job.partitioned_config is not None:
            self._own = copy.deepcopy(self.start_config())
            self._change(self._own)
            return
        self._check()

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set the tags of the run, beside the job's own."""
        self.tags = {str(key): str(value) for key, value in tags.items() if str(key).strip()}
        self._check()

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that the job gives the run."""
        return {**self.job.tags, **tags_of_partition(self.job, self.partition, self.instance)}

    def partition_choices(self) -> PartitionChoices | None:
        """Return the partitions to choose from; None if there are none."""
        keys = self.partition_keys()
        if keys is None:
            return None
        return choices_of(self._part, keys, self.instance)

    def partition_keys(self, text: str = "") -> list[str] | None:
        """Return partitions that hold a text, the last ones first, `MOST_PARTITIONS` at most.

        None where there is nothing to choose from.
        """
        keys = all_keys(self._part, self.instance)
        if keys is None:
            return None
        return [key for key in reversed(keys) if text in key][:MOST_PARTITIONS]

    @property
    def _part(self) -> JobDefinition:
        """The selected part of the job."""
        return self.job if self._schema is None else self._schema.job

    @property
    def steps(self) -> tuple[str, ...]:
        """The keys of the steps that will run."""
        return self._schema.steps if self._schema else ()

    def parameters(self) -> dict[str, Any]:
        """Return the arguments of `launch`.

        Raises:
            InvalidConfigError: If something is invalid; lists every problem.
        """
        if self.problems:
            told = "\n".join(f"  {_line(note)}" for note in self.problems)
            raise InvalidConfigError(f"{self.job.name!r} was not launched:\n{told}")
        asked = partitions_asked(self._part, self.partition, self.instance)
        given = {"partition": asked, "tags": self.tags, "executor": self.executor}
        chosen = selected(self.job, self.selection)
        # A section that was emptied here is empty in the run: left out, it would be the job's own.
        emptied: dict[str, Any] = {
            section: {} for section in self._own if section not in self.config
        }
        return {
            "config": {**emptied, **self.config},
            **chosen,
            **{name: value for name, value in given.items() if value},
        }

    # --- keeping it together ----------------------------------------------

    def _resolve(self, raw: Mapping[str, Any]) -> None:
        """Read what the selection needs; a selection that cannot be read leaves the last form."""
        self._schema_problem = ""
        try:
            self._schema = LaunchSchema.of(self._executed, self.selection, raw)
        except JobnbError as error:
            self._schema_problem = str(error)

    def _take(self, inside: dict[str, Any]) -> None:
        self._config = inside
        if self._schema is not None:
            opened = ("execution",) if self.executor else ()  # it was chosen to be configured
            self.rows = Rows(self._schema.root, inside, self._chosen, opened)
        else:
            self.rows = Rows(_nothing_known(), inside)
        self._check()

    def _check(self) -> None:
        self.problems = [*self._problems_around(), *self._problems_inside()]

    def _problems_around(self) -> list[Note]:
        notes = []
        if self._schema_problem:
            notes.append({"field": "selection", "message": self._schema_problem})
        else:
            notes += partition_notes(self._part, self.partition, self.instance)
        if self.text.problem:
            notes.append({"field": "yaml", "message": self.text.problem})
        for row, (*_, message) in self._drafts.items():
            notes.append({"row": row, "path": _shown_path(row.split("/")), "message": message})
        return notes

    def _problems_inside(self) -> list[Note]:
        if self._schema is None or self._schema_problem:
            return []
        notes = []
        for problem in self._schema.problems(self.config):
            row = self.rows.nearest(problem.path)
            if row in self._drafts:
                continue
            path = problem.path[1:] if self._schema.wrapped else problem.path
            note = {"path": _shown_path(path), "message": problem.message}
            notes.append({**note, "row": row} if row is not None else note)
        return notes

    @property
    def drafts(self) -> dict[str, Any]:
        """The texts in controls that cannot be stored as values, by row."""
        kept = self._drafts.items()
        return {row: control for row, (action, control, _) in kept if action == "set"}

    @property
    def has_extra(self) -> bool:
        """Whether the config has a part that this job or selection does not use."""
        return without_extras(self.rows, self._config) != self._config


def _nothing_known() -> Any:
    from jobnb.config import Section
    from jobnb.config.places import form_of

    return form_of(Section({}))


def _shown_path(path: Any) -> str:
    return " > ".join(str(part).replace("~1", "/").replace("~0", "~") for part in path)


def _line(note: Note) -> str:
    where = note.get("path") or note.get("field") or ""
    return f"{where}: {note['message']}" if where else str(note["message"])
