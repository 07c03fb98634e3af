"""Executor definitions and their config schemas.

Nothing runs here. `jobnb.execution` chooses an implementation by `strategy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from functools import cached_property
from typing import Any, overload

from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.jobs.executor_object import NamedExecutor
from jobnb.definitions.keys import check_name
from jobnb.definitions.plain import checked_schema, docstring
from jobnb.errors import InvalidConfigError, InvalidDefinitionError, Problem, did_you_mean

STRATEGIES = ("in_process", "threads", "async", "multiprocess", "dask")
"""The ways in which jobnb itself runs steps; `executor=` takes these names."""

ExecutorFunction = Callable[["InitExecutorContext"], Any]


class ExecutorRequirement(Enum):
    """What an executor needs of the job and the instance.

    Source: Dagster's `ExecutorRequirement`.
    """

    RECONSTRUCTABLE_PIPELINE = "RECONSTRUCTABLE_PIPELINE"
    RECONSTRUCTABLE_JOB = "RECONSTRUCTABLE_PIPELINE"
    NON_EPHEMERAL_INSTANCE = "NON_EPHEMERAL_INSTANCE"
    PERSISTENT_OUTPUTS = "PERSISTENT_OUTPUTS"


def multiple_process_executor_requirements() -> list[ExecutorRequirement]:
    """Return the requirements of every executor that runs steps in other processes.

    Source: Dagster's `multiple_process_executor_requirements`.
    """
    return [
        ExecutorRequirement.RECONSTRUCTABLE_JOB,
        ExecutorRequirement.NON_EPHEMERAL_INSTANCE,
        ExecutorRequirement.PERSISTENT_OUTPUTS,
    ]


class InitExecutorContext:
    """The context of a function that creates an executor.

    Args:
        job: The job that runs.
        executor_def: The executor's definition.
        executor_config: Its config.
        instance: The instance that stores the run.

    Source: Dagster's `InitExecutorContext`.
    """

    __slots__ = ("executor_config", "executor_def", "instance", "job")

    def __init__(
        self, job: Any, executor_def: ExecutorDefinition, executor_config: Any, instance: Any
    ) -> None:
        self.job = job
        self.executor_def = executor_def
        self.executor_config = executor_config
        self.instance = instance


class ExecutorDefinition:
    """An executor: how the steps of a job are run.

    Args:
        name: Its name.
        config_schema: The config schema.
        requirements: Its requirements: a list, or a function from config to a list.
        executor_creation_fn: Creates the executor from an `InitExecutorContext`.
        description: A description.

    Attributes:
        strategy: For jobnb's own, however they are configured and renamed: one of `STRATEGIES`,
            "multi_or_in_process" or "default"; None for others.
        own_config: What one of jobnb's own is configured with, where this is written down as such;
            None where a function makes it.

    Source: Dagster's `ExecutorDefinition`.
    """

    strategy: str | None = None
    own_config: Mapping[str, Any] | None = None

    def __init__(
        self,
        name: str,
        config_schema: Any = None,
        requirements: Sequence[ExecutorRequirement]
        | Callable[[Any], Sequence[ExecutorRequirement]]
        | None = None,
        executor_creation_fn: ExecutorFunction | None = None,
        description: str | None = None,
    ) -> None:
        self.name = check_name(name, "an executor")
        self.requirements = requirements
        self.executor_creation_fn = executor_creation_fn
        self.description = description
        self._schema = checked_schema(config_schema, f"the executor {name!r}")

    @cached_property
    def config_schema(self) -> Any:
        """Its config schema."""
        return self._schema

    def schema_for(self, raw: Any) -> Any:
        """Return its config schema, given the raw config."""
        return self.config_schema

    def check_config(self, config: Any, what: str) -> None:
        """Validate what no schema tells of the config of one of jobnb's own.

        Args:
            config: Its config, as it was read.
            what: What it is the config of, in words.

        Raises:
            InvalidConfigError: If a value is not possible; lists every problem.
        """
        if self.strategy is None or not isinstance(config, Mapping):
            return
        found: list[Problem] = []
        for path, fields in (((), config), *(((name,), config.get(name)) for name in STRATEGIES)):
            found += _unfit(fields or {}, ("execution", "config", *path))
        if found:
            count = "a problem" if len(found) == 1 else f"{len(found)} problems"
            raise InvalidConfigError(f"The config of {what} has {count}:", found)

    def get_requirements(self, executor_config: Any = None) -> list[ExecutorRequirement]:
        """Return its requirements with this config."""
        needs = self.requirements
        return list(needs(executor_config) if callable(needs) else needs or ())

    def configured(
        self,
        config_or_config_fn: Any,
        name: str | None = None,
        config_schema: Any = None,
        description: str | None = None,
    ) -> ExecutorDefinition:
        """Return an executor with some or all of its config set.

        Args:
            config_or_config_fn: The config, or a function from an outer config to it.
            name: Its name; this one's if not given.
            config_schema: The schema of that function's argument.
            description: A description.
        """
        from jobnb.config import configured_schema

        label = name or self.name
        schema = configured_schema(
            self.config_schema, config_or_config_fn, config_schema, f"the executor {label!r}"
        )
        made = ExecutorDefinition(
            label,
            schema,
            self.requirements,
            self.executor_creation_fn,
            description or self.description,
        )
        made.strategy = self.strategy
        if isinstance(self, _OwnExecutor) and not callable(config_or_config_fn):
            made.own_config = config_or_config_fn
        return made

    def __repr__(self) -> str:
        return f"ExecutorDefinition({self.name!r})"


@overload
def executor(name: ExecutorFunction) -> ExecutorDefinition: ...
@overload
def executor(
    name: str | None = None,
    config_schema: Any = None,
    requirements: Sequence[ExecutorRequirement]
    | Callable[[Any], Sequence[ExecutorRequirement]]
    | None = None,
) -> Callable[[ExecutorFunction], ExecutorDefinition]: ...
@telling_nearest
def executor(name: Any = None, config_schema: Any = None, requirements: Any = None) -> Any:
    """Define an executor with a function of an `InitExecutorContext`.

    The function returns an `Executor`, or an object with `submit(function, *arguments)`, which
    returns a future, as those of `concurrent.futures` do. A pool of threads runs the steps in this
    process, any other pool in processes that can import jobnb and see the same files. jobnb decides
    which steps are ready, retries and skips; at the end of the run it calls `shutdown()`, if there
    is one. The attribute `max_workers` limits how many steps are submitted at once.

    Args:
        name: Its name; the function's if not given.
        config_schema: The config schema.
        requirements: Its requirements: a list, or a function from config to a list.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> @executor(config_schema={"workers": int})
        ... def pool(init_context):
        ...     return ThreadPoolExecutor(init_context.executor_config["workers"])
        >>> pool
        ExecutorDefinition('pool')

    Source: Dagster's `executor`.
    """

    def make(fn: ExecutorFunction, label: str | None = None) -> ExecutorDefinition:
        if not callable(fn):
            raise InvalidDefinitionError(f"Put @executor on a function, not on {fn!r}.")
        return ExecutorDefinition(
            label or fn.__name__, config_schema, requirements, fn, docstring(fn)
        )

    return make(name) if callable(name) else lambda fn: make(fn, name)


class _OwnExecutor(ExecutorDefinition):
    """One of jobnb's own executors; its schema is built at its first use."""

    def __init__(
        self,
        strategy: str,
        schema: Callable[[], Any],
        requirements: Callable[[Any], list[ExecutorRequirement]],
        description: str,
        name: str | None = None,
    ) -> None:
        def make(init_context: InitExecutorContext) -> NamedExecutor:
            return NamedExecutor(strategy, init_context.executor_config)

        super().__init__(name or strategy, None, requirements, make, description)
        self.strategy, self.own_config = strategy, {}
        self._make_schema = schema

    @cached_property
    def config_schema(self) -> Any:
        """Its config schema."""
        return self._make_schema()


def _retries() -> Any:
    from jobnb.config import Field, Selector

    choice = Selector({"enabled": {}, "disabled": {}})
    return Field(
        choice,
        default_value={"enabled": {}},
        description="Whether retry policies and retry requests are followed.",
    )


def _timeout() -> Any:
    from jobnb.config import Field

    return Field(
        float,
        is_required=False,
        description="Seconds that an attempt at a step may take; its tag dagster/step_timeout "
        "says otherwise.",
    )


def _in_process_schema() -> Any:
    from jobnb.config import Field

    marker = Field(str, is_required=False, description="A file to be removed at the end.")
    return {"retries": _retries(), "marker_to_close": marker, "step_timeout": _timeout()}


def _limits() -> Any:
    from jobnb.config import Array, Field, Noneable, ScalarUnion

    value = ScalarUnion(str, {"applyLimitPerUniqueValue": bool})
    limit = {"key": str, "value": Field(value, is_required=False), "limit": int}
    return Field(
        Noneable(Array(limit)),
        default_value=None,
        description="How many steps with a tag run at once.",
    )


def _multiprocess_schema() -> Any:
    from jobnb.config import Field, Noneable, Selector

    forkserver = {"preload_modules": Field([str], is_required=False)}
    return {
        "max_concurrent": Field(
            Noneable(int),
            default_value=None,
            description="How many steps run at once; as many as there are processors if null.",
        ),
        "tag_concurrency_limits": _limits(),
        "start_method": Field(
            Noneable(Selector({"spawn": {}, "forkserver": Field(forkserver, is_required=False)})),
            default_value=None,
            description="How processes are started.",
        ),
        "retries": _retries(),
        "step_timeout": _timeout(),
    }


def _threads_schema() -> Any:
    from jobnb.config import Field, Noneable

    most = Field(Noneable(int), default_value=None, description="How many steps run at once.")
    return {
        "max_concurrent": most,
        "tag_concurrency_limits": _limits(),
        "retries": _retries(),
        "step_timeout": _timeout(),
    }


def _dask_schema() -> Any:
    from jobnb.config import Field, Noneable, Permissive, Selector

    local = Field(Permissive(), is_required=False, description="Parameters of a LocalCluster.")
    text, number = Field(Noneable(str), is_required=False), Field(Noneable(int), is_required=False)
    existing = {"address": text, "timeout": number, "scheduler_file": text}
    return {
        "address": Field(
            Noneable(str),
            default_value=None,
            description="Of a scheduler that is there; a LocalCluster is made if null.",
        ),
        "cluster": Field(
            Noneable(Selector({"local": local, "existing": existing})),
            default_value=None,
            description="The cluster in Dagster's spelling: one to connect to, or a local one.",
        ),
        "max_concurrent": Field(
            Noneable(int), default_value=None, description="How many steps run at once."
        ),
        "tag_concurrency_limits": _limits(),
        "retries": _retries(),
        "step_timeout": _timeout(),
    }


def _either_schema() -> Any:
    from jobnb.config import Field, Selector

    choice = Selector(
        {
            "multiprocess": _multiprocess_schema(),
            "in_process": _in_process_schema(),
        }
    )
    return Field(choice, default_value={"multiprocess": {}})


def _needs_of_either(config: Any) -> list[ExecutorRequirement]:
    chosen_here = isinstance(config, Mapping) and "in_process" in config
    return [] if chosen_here else multiple_process_executor_requirements()


in_process_executor = _OwnExecutor(
    "in_process", _in_process_schema, lambda _config: [], "Steps run one by one, in this process."
)
multiprocess_executor = _OwnExecutor(
    "multiprocess",
    _multiprocess_schema,
    lambda _config: multiple_process_executor_requirements(),
    "Steps run side by side in processes that stay for the next run.",
)
multi_or_in_process_executor = _OwnExecutor(
    "multi_or_in_process",
    _either_schema,
    _needs_of_either,
    "Steps run in this process or each in its own, as the config says.",
    "multi_or_in_process_executor",
)
thread_executor = _OwnExecutor(
    "threads",
    _threads_schema,
    lambda _config: [],
    "Steps run side by side in threads of this process: for those that wait for others. One that "
    "is stuck in C code when it is canceled is left behind, as a thread cannot be ended.",
)
async_executor = _OwnExecutor(
    "async",
    _threads_schema,
    lambda _config: [],
    "Asynchronous functions run side by side on one event loop, others in threads.",
)
dask_executor = _OwnExecutor(
    "dask",
    _dask_schema,
    lambda _config: [],
    "Steps run on the workers of a Dask cluster; needs the extra jobnb[dask].",
)


class _DefaultExecutor(_OwnExecutor):
    """The executor of a job that names none: in this process, unless the config names another."""

    def schema_for(self, raw: Any) -> Any:
        """Return its config schema, given the raw config."""
        given = raw.get("config") if isinstance(raw, Mapping) else None
        if not given or not isinstance(given, Mapping):
            return self.config_schema
        names = [name for name in given if name in STRATEGIES]
        if not names and _means_fields(given, self.config_schema):
            return self.config_schema
        from jobnb.config import Selector

        choices = names if len(names) == len(given) else STRATEGIES
        return Selector({name: executor_named(name).config_schema for name in choices})


def _means_fields(given: Mapping[Any, Any], fields: Mapping[str, Any]) -> bool:
    """Whether a config has fields of this schema, if perhaps misspelt, rather than an executor."""
    return any(get_close_matches(str(name), fields) for name in given)


def _unfit(config: Mapping[str, Any], path: tuple[str, ...]) -> list[Problem]:
    """Return the problems that no schema tells of one executor's config."""
    found = []
    if (config.get("max_concurrent") or 0) < 0:
        words = f"must be 1 or more, or left out (got {config['max_concurrent']!r})"
        found.append(Problem((*path, "max_concurrent"), words))
    if (limit := config.get("step_timeout")) is not None and not limit > 0:
        words = f"must be more than 0 seconds, or left out (got {limit!r})"
        found.append(Problem((*path, "step_timeout"), words))
    for number, each in enumerate(config.get("tag_concurrency_limits") or ()):
        place = (*path, "tag_concurrency_limits", str(number))
        if each["limit"] < 1:
            words = f"must be 1 or more (got {each['limit']!r})"
            found.append(Problem((*place, "limit"), words))
        value = each.get("value")
        if isinstance(value, Mapping) and not value.get("applyLimitPerUniqueValue"):
            words = f'must be a text, or {{"applyLimitPerUniqueValue": true}} (got {value!r})'
            found.append(Problem((*place, "value"), words))
    return found


default_executor = _DefaultExecutor(
    "default",
    _in_process_schema,
    lambda _config: [],
    "Steps run one by one in this process, unless the config names another way.",
    "in_process",
)


def executor_of(given: Any, what: str = "executor") -> ExecutorDefinition:
    """Return the executor that is meant: a definition, or one of jobnb's own by name.

    Args:
        given: What the user gave.
        what: The parameter, in words.

    Raises:
        InvalidDefinitionError: If it is neither, or there is none of this name.

    Example:
        >>> executor_of("dask")
        ExecutorDefinition('dask')
    """
    if isinstance(given, str):
        return executor_named(given)
    if isinstance(given, ExecutorDefinition):
        return given
    names = ", ".join(map(repr, STRATEGIES))
    raise InvalidDefinitionError(
        f"The {what} is {given!r}. Give one of {names}, or an ExecutorDefinition."
    )


def executor_named(name: str) -> ExecutorDefinition:
    """Return the executor of a name, as in `executor="threads"`.

    Raises:
        InvalidDefinitionError: If there is none.

    Example:
        >>> executor_named("threads")
        ExecutorDefinition('threads')
    """
    own = (in_process_executor, thread_executor, async_executor, multiprocess_executor,
           dask_executor)  # fmt: skip
    for each in own:
        if each.strategy == name:
            return each
    hint = did_you_mean(name, STRATEGIES, noun="There are")
    raise InvalidDefinitionError(f"There is no executor {name!r}. {hint}")
