"""Functions of Dagster's inner modules that programs and their tests import."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# --- dagster._utils ------------------------------------------------------------------


def mkdir_p(path: str) -> str:
    """Make a folder, with those above it, unless it exists, and return its path."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return path


def touch_file(path: str) -> None:
    """Make an empty file, or note that it was used now."""
    mkdir_p(str(Path(path).parent))
    Path(path).touch()


def ensure_file(path: str) -> str:
    """Make an empty file unless it exists, and return its path."""
    if not Path(path).exists():
        touch_file(path)
    return path


def script_relative_path(file_path: str) -> str:
    """Return the path of a file beside the one that calls."""
    caller = sys._getframe(1).f_globals["__file__"]
    return str(Path(caller).parent / file_path)


@contextmanager
def safe_tempfile_path() -> Iterator[str]:
    """Give a path where no file is; what is written there is deleted at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield str(Path(folder, "file"))


@contextmanager
def pushd(path: str) -> Iterator[str]:
    """Work in another folder."""
    before = Path.cwd()
    os.chdir(path)
    try:
        yield path
    finally:
        os.chdir(before)


@contextmanager
def alter_sys_path(to_add: Sequence[str], to_remove: Sequence[str]) -> Iterator[None]:
    """Import from other folders, for a while."""
    before = list(sys.path)
    sys.path[:] = [*to_add, *(each for each in sys.path if each not in to_remove)]
    try:
        yield
    finally:
        sys.path[:] = before


def find_free_port() -> int:
    """Return a port of this machine that nothing uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def merge_dicts(*dicts: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return one dict of several; the last one wins."""
    return {key: value for each in dicts for key, value in each.items()}


def deep_merge_dicts(onto: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return one dict of two, whose inner dicts are merged too; the second one wins."""
    made = dict(onto)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(made.get(key), Mapping)
        made[key] = deep_merge_dicts(made[key], value) if both else value
    return made


def backoff(
    fn: Callable[..., Any],
    retry_on: tuple[type[BaseException], ...],
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    max_retries: int = 4,
    delay_generator: Iterator[float] | None = None,
) -> Any:
    """Call a function again where it raises one of these errors, after longer and longer pauses."""
    delays = delay_generator or (0.1 * 2**turn for turn in range(max_retries))
    for _ in range(max_retries):
        try:
            return fn(*(args or ()), **(kwargs or {}))
        except retry_on:
            time.sleep(next(delays))
    return fn(*(args or ()), **(kwargs or {}))


# --- dagster._utils.yaml_utils -------------------------------------------------------


def load_yaml_from_path(
    path: str,
    loader: Any = None,  # noqa: ARG001 - only safe YAML is loaded
) -> Any:
    """Return what a file of YAML holds."""
    return load_run_config_yaml(Path(path).read_text(encoding="utf-8"))


def merge_yamls(
    file_list: Sequence[str],
    loader: Any = None,  # noqa: ARG001 - only safe YAML is loaded
) -> dict[Any, Any]:
    """Return one dict of several files of YAML, whose inner dicts are merged too."""
    made: dict[Any, Any] = {}
    for each in file_list:
        made = deep_merge_dicts(made, load_yaml_from_path(each) or {})
    return made


def _paths(pattern: str) -> Iterator[Path]:
    root = Path(pattern).anchor
    return Path(root or ".").glob(pattern.removeprefix(root))


def load_yaml_from_globs(
    *globs: str,
    loader: Any = None,  # noqa: ARG001 - only safe YAML is loaded
) -> dict[Any, Any]:
    """Return one dict of the files of YAML that fit patterns."""
    return merge_yamls(sorted(str(path) for each in globs for path in _paths(each)))


def load_run_config_yaml(yaml_str: str) -> Any:
    """Return what a text of YAML says."""
    import yaml

    return yaml.safe_load(yaml_str)


def dump_run_config_yaml(run_config: Mapping[str, Any], sort_keys: bool = True) -> str:
    """Return a run config as a text of YAML."""
    import yaml

    return str(yaml.safe_dump(dict(run_config), sort_keys=sort_keys, allow_unicode=True))


# --- dagster._core.utils, dagster._core.test_utils -----------------------------------


def make_new_run_id() -> str:
    """Return an id that no run has."""
    return str(uuid.uuid4())


@contextmanager
def environ(env: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables for a while; None unsets one."""
    before = dict(os.environ)
    for name, value in env.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def new_cwd(path: str) -> Iterator[None]:
    """Work in another folder."""
    with pushd(path):
        yield


def create_run_for_test(instance: Any, job_name: str = "_test_job_", **parameters: Any) -> Any:
    """Record a run that nothing executes, and return its record."""
    from jobnb import JobRun

    given = {name: value for name, value in parameters.items() if value is not None}
    return instance.create_run(JobRun(job_name, **given))


def poll_for_finished_run(
    instance: Any, run_id: str | None = None, timeout: float = 20, run_tags: Any = None
) -> Any:
    """Wait until a run has ended, and return its record.

    Raises:
        TimeoutError: If it has not ended in time.
    """
    from jobnb import RunsFilter

    wanted = RunsFilter(run_ids=[run_id] if run_id else None, tags=run_tags)
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        ended = [run for run in instance.get_runs(wanted, limit=1) if run.is_finished]
        if ended:
            return ended[0]
        time.sleep(0.05)
    raise TimeoutError(f"No such run has ended in {timeout} seconds.")


def _steps(instance: Any, run: Any, name: str, kind: str) -> bool:
    told = (each.dagster_event for each in instance.all_logs(run.run_id))
    return any(e and e.step_key == name and kind in ("", e.event_type_value) for e in told)


def step_did_not_run(instance: Any, run: Any, step_name: str) -> bool:
    """Whether a run has no event of a step."""
    return not _steps(instance, run, step_name, "")


def step_succeeded(instance: Any, run: Any, step_name: str) -> bool:
    """Whether a step of a run succeeded."""
    return _steps(instance, run, step_name, "STEP_SUCCESS")


def step_failed(instance: Any, run: Any, step_name: str) -> bool:
    """Whether a step of a run failed."""
    return _steps(instance, run, step_name, "STEP_FAILURE")


# --- dagster._utils.test -------------------------------------------------------------


def wrap_op_in_graph(
    op_def: Any,
    tags: Mapping[str, Any] | None = None,
    do_input_mapping: bool = True,
    do_output_mapping: bool = True,
) -> Any:
    """Return a graph of one op, with the op's inputs and outputs."""
    from jobnb import GraphDefinition, InputMapping, OutputMapping

    name, ins, outs = op_def.name, op_def.ins, op_def.outs
    return GraphDefinition(
        f"wrap_{name}",
        node_defs=[op_def],
        input_mappings=[InputMapping(each, name, each) for each in ins if do_input_mapping],
        output_mappings=[OutputMapping(each, name, each) for each in outs if do_output_mapping],
        tags=dict(tags or {}),
    )


def wrap_op_in_graph_and_execute(
    op_def: Any,
    resources: Mapping[str, Any] | None = None,
    input_values: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    run_config: Any = None,
    raise_on_error: bool = True,
    do_input_mapping: bool = True,
    do_output_mapping: bool = True,
    logger_defs: Mapping[str, Any] | None = None,
) -> Any:
    """Execute an op in a graph of its own, in this process, and return the result."""
    graph = wrap_op_in_graph(op_def, tags, do_input_mapping, do_output_mapping)
    job = graph.to_job(resource_defs=resources or {}, logger_defs=logger_defs)
    return job.execute_in_process(
        input_values=input_values or {}, run_config=run_config, raise_on_error=raise_on_error
    )
