"""The outline of a code location: its names and their relations, as plain data.

A process of its own loads the definitions, so that nothing of the user's code stays in the caller
and a time limit holds. `python -m jobnb.notebook.outline` is that process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from jobnb.errors import JobnbError
from jobnb.notebook.code_source import CodeSource
from jobnb.notebook.load_limit import LoadLimit


def outline_of(definitions: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the outline of definitions.

    Args:
        definitions: A `Definitions`.

    Example:
        >>> from jobnb import Definitions, asset
        >>> outline = outline_of(Definitions(assets=[asset(name="orders")(lambda: 3)]))
        >>> [(each["key"], each["group"]) for each in outline["assets"]]
        [('orders', 'default')]
    """
    from jobnb.definitions.locations.launching import resolved_schedules

    schedules = resolved_schedules(definitions.schedules, definitions.get_job_def)
    return {
        "jobs": [_job(definitions, job) for job in definitions._jobs_by_name.values()],
        "assets": sorted(_assets(definitions), key=lambda each: str(each["key"])),
        "schedules": [_schedule(each) for each in schedules],
        "sensors": [_sensor(each) for each in definitions.sensors],
        "default_sensors": [_sensor(each) for each in _default_sensors(definitions)],
    }


def _default_sensors(definitions: Any) -> list[Any]:
    """Return the sensor that evaluates the conditions of assets, where some have one."""
    if not any(
        assets.automation_conditions_by_key or assets.auto_materialize_policies_by_key
        for assets in definitions.assets
    ):
        return []  # without its module, which takes as long to import as all definitions
    from jobnb.automation.default_sensor import default_condition_sensor

    found = default_condition_sensor(definitions)
    return [] if found is None else [found]


def _job(definitions: Any, job: Any) -> dict[str, Any]:
    from jobnb.definitions.assets.asset_job import AssetJobDefinition

    of_assets = isinstance(job, AssetJobDefinition) or job.asset_layer is not None
    return {
        "name": job.name,
        "kind": "assets" if of_assets else "ops",
        "description": getattr(job, "description", None) or None,
        "partitioned": _partitions_of(definitions, job) is not None,
    }


def _partitions_of(definitions: Any, job: Any) -> Any:
    """Return the partitions of a job; one of assets has those of its assets."""
    own = getattr(job, "partitions_def", None)
    if own is not None:
        return own
    try:
        return definitions.get_job_def(job.name).partitions_def
    except JobnbError:  # `jobnb definitions validate` says what is wrong with a job
        return None


def _assets(definitions: Any) -> Iterator[dict[str, Any]]:
    for assets in definitions.assets:
        for key in sorted(assets.keys):
            yield {
                "key": key.to_user_string(),
                "group": assets.group_names_by_key[key],
                "deps": sorted(each.to_user_string() for each in assets.asset_deps[key]),
                "description": assets.descriptions_by_key.get(key) or None,
                "partitioned": assets.partitions_def is not None,
            }


def _schedule(schedule: Any) -> dict[str, Any]:
    try:
        cron, zone = schedule.cron_schedule, schedule.execution_timezone
    except JobnbError:  # its job has no partitions: `jobnb definitions validate` says so
        cron, zone = [], None
    return {
        "name": schedule.name,
        "jobs": [each.job_name for each in schedule.targets],
        "cron": [cron] if isinstance(cron, str) else list(cron),
        "timezone": zone or "UTC",
        "description": schedule.description or None,
    }


def _sensor(sensor: Any) -> dict[str, Any]:
    return {
        "name": sensor.name,
        "jobs": [each.job_name for each in sensor.targets],
        "minimum_interval_seconds": sensor.minimum_interval_seconds,
        "description": sensor.description or None,
    }


# --- between the processes ------------------------------------------------------------


def to_json(code: CodeSource) -> str:
    """Return a code location as the text that the process of its own reads."""
    told = {each.name: getattr(code, each.name) for each in fields(code) if each.compare}
    return json.dumps({**told, "seconds": code.limit.seconds}, default=str)


def from_json(text: str) -> CodeSource:
    """Return the code location that a text reports.

    Example:
        >>> from_json(to_json(CodeSource(module="shop"))).module
        'shop'
    """
    told: Mapping[str, Any] = json.loads(text)
    paths = {name: Path(told[name]) if told[name] else None for name in ("path", "folder")}
    return CodeSource(
        **paths,
        module=told["module"],
        attribute=told["attribute"],
        limit=LoadLimit(told["seconds"]),
    )


class _FileUses:
    """Notes the user's files that are read while definitions are loaded.

    Attributes:
        files: The files that were opened to be read.
        folders: The folders that were listed.
    """

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.folders: set[str] = set()
        own = {sys.prefix, sys.base_prefix, str(Path(os.__file__).parent), "/proc", "/dev", "/sys"}
        self._others = tuple(f"{Path(each).absolute()}{os.sep}" for each in own)
        self._goes_on = True
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._goes_on or event not in {"open", "os.listdir", "os.scandir"}:
            return
        place = arguments[0] if arguments[0] is not None else "."
        if not isinstance(place, (str, bytes)):
            return
        path = os.fsdecode(place)
        if path.startswith(self._others):  # as most: no path is made of it
            return
        path = str(Path(path).absolute())
        if path.startswith(self._others) or "__pycache__" in path or "/.jobnb" in path:
            return
        if event != "open":
            self.folders.add(path)
        elif isinstance(arguments[1], str) and "r" in arguments[1]:
            self.files.add(path)

    def end(self) -> None:
        """Note no more; add the modules that were imported from the user's own folders."""
        self._goes_on = False
        package = f"{Path(__file__).absolute().parents[1]}{os.sep}"
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file.endswith(".py"):
                self.files.add(str(Path(file).absolute()))
        self.files = {
            path
            for path in self.files
            if not path.startswith((*self._others, package)) and Path(path).is_file()
        }


def _load(code: CodeSource, wants_check: bool) -> dict[str, Any]:
    from jobnb.definitions.locations.definitions import Definitions

    uses = _FileUses()
    try:
        definitions = code.load()
        if wants_check:
            Definitions.validate_loadable(definitions)
        outline = outline_of(definitions)
    except JobnbError as error:
        return {"problem": str(error)}
    finally:
        uses.end()
    return {"outline": outline, "files": sorted(uses.files), "folders": sorted(uses.folders)}


def _answering() -> Callable[[Any], None]:
    """Keep the way to the caller for the answer: what the user's code prints goes nowhere."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)

    def send(value: Any) -> None:
        with answer:
            json.dump(value, answer)

    return send


def _main(text: str, wants_check: bool) -> None:
    import jobnb  # noqa: F401 - what definitions need is plugged in

    send = _answering()

    def leave(problem: str) -> None:
        send({"problem": problem})
        os._exit(0)

    code = from_json(text)
    code = replace(code, limit=replace(code.limit, leave=leave))
    send(_load(code, wants_check))
    sys.stderr.flush()
    os._exit(0)  # threads that the user's code has started are not waited for


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:] == ["--check"])
