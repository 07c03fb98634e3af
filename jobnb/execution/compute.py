"""Call the user's function, and read what it returns or yields."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jobnb.definitions.checks.asset_check import AssetCheckResult
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.ops.output import DynamicOutput, MaterializeResult, Output
from jobnb.definitions.types import NOTHING
from jobnb.definitions.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
    Failure,
)
from jobnb.errors import (
    InvariantViolationError,
    JobnbError,
    RetryRequested,
    StepOutputNotFoundError,
    did_you_mean,
)
from jobnb.execution.checks import with_asset

if TYPE_CHECKING:
    from jobnb.plan.step import Step

_TOLD = (AssetCheckResult, AssetMaterialization, AssetObservation, ExpectationResult)


def call_function(
    op: OpDefinition[..., Any],
    inputs: dict[str, Any],
    config: Any,
    resources: Mapping[str, Any],
    context: Any,
) -> Any:
    """Call the op's function with all that it asks for; gives what it returns.

    Args:
        op: The op.
        inputs: The values of its inputs, by name; what else it asks for is added to them.
        config: Its config.
        resources: The resources of the run.
        context: What it is given as its context, if it takes one.
    """
    function = op.function
    if not op.is_decorated:
        return _awaited(function.fn(context, inputs))
    for name in function.resource_names:
        inputs[name] = resources[name]
    config_name = function.config_name
    if config_name is not None and config_name not in op.given_ins:
        inputs[config_name] = config
    context_name = function.context_name
    if context_name is not None:
        inputs[context_name] = context
    if function.is_async:
        return _awaited(function.fn(**inputs))
    return function.fn(**inputs)


def _awaited(result: Any) -> Any:
    from jobnb.execution.asynchronous import run_async  # brings asyncio along: 25 ms

    return run_async(result)


def read_result(
    op: OpDefinition[..., Any],
    key: str,
    result: Any,
    emit: Callable[[str, Any, Any], None],
    tell: Callable[[Any], None],
    step: Step | None = None,
) -> None:
    """Process each output and event that a function returned or yielded.

    Args:
        op: The op.
        key: The step, for the words of an error.
        result: What the function returned, or the generator that it is.
        emit: Takes the output's name, the value, and the `Output` it came in or None.
        tell: Takes materializations, observations and expectations.
        step: The step, which knows the assets and checks that the outputs are, and which of them
            are asked for.

    Raises:
        StepOutputNotFoundError: If a required output did not come.
        InvariantViolationError: If something came that is no output of the op.
    """
    outs = op.outs
    if inspect.isgenerator(result):
        with contextlib.closing(result):  # its own clean-up runs now, also where we give up
            seen = _read_stream(op, key, result, emit, tell, step)
    elif not op.is_decorated and _is_stream(result):
        seen = _read_stream(op, key, result, emit, tell, step)
    elif isinstance(result, MaterializeResult) or _many_results(result):
        results = result if isinstance(result, (tuple, list)) else [result]
        seen = _read_stream(op, key, results, emit, tell, step)
    elif len(outs) == 1:
        seen = _read_one(op, key, result, emit, tell, step)
    elif not outs:
        if result is not None:
            raise InvariantViolationError(f"{key!r} has no outputs but returned {result!r}.")
        return
    else:
        seen = _read_several(op, key, result, emit, tell, step)
    _see_required(op, key, seen, emit, step)


def _is_stream(result: Any) -> bool:
    return isinstance(result, Iterator) or (
        isinstance(result, (list, tuple))
        and bool(result)
        and all(isinstance(each, (Output, DynamicOutput, *_TOLD)) for each in result)
    )


def _many_results(result: Any) -> bool:
    return (
        isinstance(result, (tuple, list))
        and bool(result)
        and all(isinstance(each, MaterializeResult) for each in result)
    )


def _read_stream(
    op: OpDefinition[..., Any],
    key: str,
    stream: Any,
    emit: Any,
    tell: Any,
    step: Step | None = None,
) -> set[str]:
    seen: set[str] = set()
    mapped: set[tuple[str, str]] = set()
    for item in stream:
        if isinstance(item, (Output, DynamicOutput)):
            name = output_called(op, key, item.output_name)
            dynamic = op.outs[name].is_dynamic
            if dynamic != isinstance(item, DynamicOutput):
                wanted = "DynamicOutput" if dynamic else "Output"
                raise InvariantViolationError(
                    f"{key!r} yielded {type(item).__name__} for the output {name!r}. "
                    f"Yield {wanted}."
                )
            if name in seen and not dynamic:
                raise InvariantViolationError(f"{key!r} yielded the output {name!r} twice.")
            if isinstance(item, DynamicOutput):
                _see_new(key, name, item.mapping_key, mapped)
            emit(name, item.value, item)
            seen.add(name)
        elif isinstance(item, MaterializeResult):
            name = asset_output(op, key, item, step)
            if name in seen:
                raise InvariantViolationError(
                    f"{key!r} gave two results for {name!r}. Give one for each asset."
                )
            emit(name, item.value, item)
            seen.add(name)
            for said in item.check_results:
                tell(with_asset(said, item.asset_key))
        else:
            tell(item)
    return seen


def _see_new(key: str, name: str, mapping_key: str, mapped: set[tuple[str, str]]) -> None:
    """Raise an error for two elements with one key: one value would be lost."""
    if (name, mapping_key) in mapped:
        raise InvariantViolationError(
            f"{key!r} yielded two elements of its dynamic output {name!r} with the mapping_key "
            f"{mapping_key!r}. Give each element a key of its own."
        )
    mapped.add((name, mapping_key))


def asset_output(
    op: OpDefinition[..., Any],
    key: str,
    item: MaterializeResult[Any],
    step: Step | None,
) -> str:
    """Return the output that stands for the asset of a result.

    Raises:
        InvariantViolationError: If the asset is not made here, or none of several is named.
    """
    names = [name for name in op.output_names if name not in _checks(step)]
    outputs = step.outputs if step is not None else ()
    by_name = {out.name: out.asset_key for out in outputs if out.asset_key is not None}
    wanted = None if item.asset_key is None else AssetKey.from_coercible(item.asset_key)
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None:
        raise InvariantViolationError(
            f"{key!r} makes several assets: say which in MaterializeResult(asset_key=...)."
        )
    for name in names:
        known = by_name.get(name)
        # A call outside of any run knows the names of the outputs only.
        if wanted == known or (known is None and name in (wanted.path[-1], _plain(wanted))):
            return name
    made = [each.to_user_string() for each in by_name.values()] or list(names)
    hint = did_you_mean(wanted.to_user_string(), made, noun="It makes")
    raise InvariantViolationError(
        f"{key!r} gave a result for {wanted.to_user_string()!r}, which it does not make. {hint}"
    )


def _checks(step: Step | None) -> set[str]:
    """Return the outputs that stand for the verdict of a check."""
    outputs = step.outputs if step is not None else ()
    return {out.name for out in outputs if out.check is not None}


def _plain(key: AssetKey) -> str:
    return key.to_python_identifier().replace(".", "_")


def _read_one(
    op: OpDefinition[..., Any],
    key: str,
    result: Any,
    emit: Any,
    tell: Any,
    step: Step | None,
) -> set[str]:
    name = op.output_names[0]
    if op.outs[name].is_dynamic:
        return _read_dynamic(op, key, result, emit, tell)
    if isinstance(result, DynamicOutput):
        raise InvariantViolationError(
            f"{key!r} returned a DynamicOutput. Declare out=DynamicOut() and return a list of them."
        )
    if isinstance(result, AssetCheckResult) and name not in _checks(step):
        tell(result)  # who declares no checks is told how
        return set()
    if isinstance(result, _TOLD) and not isinstance(result, AssetCheckResult):
        raise InvariantViolationError(
            f"{key!r} returned {type(result).__name__}. Yield it, or use context.log_event()."
        )
    if op.wraps:
        _see_wrapped(op, key, name, result)
    if isinstance(result, Output):
        emit(output_called(op, key, result.output_name), result.value, result)
    elif result is None and not op.is_decorated:
        return set()
    else:
        emit(name, result, None)
    return {name}


def _read_dynamic(
    op: OpDefinition[..., Any], key: str, result: Any, emit: Any, tell: Any
) -> set[str]:
    if result is None:
        return set()
    if not isinstance(result, (list, tuple)) or not all(
        isinstance(each, DynamicOutput) for each in result
    ):
        raise InvariantViolationError(
            f"{key!r} has a dynamic output but returned {type(result).__name__}. "
            "Return a list of DynamicOutput, or yield them."
        )
    return _read_stream(op, key, result, emit, tell) | {op.output_names[0]}


def _read_several(
    op: OpDefinition[..., Any],
    key: str,
    result: Any,
    emit: Any,
    tell: Any,
    step: Step | None,
) -> set[str]:
    names = op.output_names
    if result is None:
        return set()
    if not isinstance(result, tuple) or len(result) != len(names):
        got = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
        raise InvariantViolationError(
            f"{key!r} has {len(names)} outputs ({', '.join(names)}) but returned {got}. "
            "Return a tuple with one value for each, or yield Output objects."
        )
    for name, value in zip(names, result, strict=True):
        if isinstance(value, MaterializeResult):
            if asset_output(op, key, value, step) != name:
                raise InvariantViolationError(
                    f"{key!r} returned the result of {value.asset_key!r} in the place of {name!r}."
                )
            emit(name, value.value, value)
            for said in value.check_results:
                tell(with_asset(said, value.asset_key))
            continue
        if op.wraps:
            _see_wrapped(op, key, name, value)
        if isinstance(value, Output):
            if value.output_name not in (name, "result"):
                raise InvariantViolationError(
                    f"{key!r} returned the output {value.output_name!r} in the place of {name!r}."
                )
            emit(name, value.value, value)
        elif op.outs[name].is_dynamic:
            mapped: set[tuple[str, str]] = set()
            for each in value:
                _see_new(key, name, each.mapping_key, mapped)
                emit(name, each.value, each)
        else:
            emit(name, value, None)
    return set(names)


def _see_wrapped(op: OpDefinition[..., Any], key: str, name: str, value: Any) -> None:
    """Raise an error unless an output is an `Output` exactly where the annotation says so."""
    wrapped = op.wraps.get(name)
    if wrapped is None or wrapped == isinstance(value, Output) or isinstance(value, _TOLD):
        return
    if wrapped:
        raise InvariantViolationError(
            f"{key!r} is said to return its output {name!r} as an Output, but returned "
            f"{type(value).__name__}. Return Output(...), or annotate the type of the value."
        )
    raise InvariantViolationError(
        f"{key!r} returned an Output for {name!r}, which its annotation does not say. "
        "Annotate Output[...], or return the value itself."
    )


def output_called(op: OpDefinition[..., Any], key: str, name: str) -> str:
    """Return the name, if the op has an output called so.

    Raises:
        InvariantViolationError: If it has not.
    """
    if name in op.outs:
        return name
    hint = did_you_mean(name, op.output_names, noun="Its outputs are")
    raise InvariantViolationError(f"{key!r} has no output {name!r}. {hint}")


def _see_required(
    op: OpDefinition[..., Any],
    key: str,
    seen: set[str],
    emit: Any,
    step: Step | None = None,
) -> None:
    outputs = step.outputs if step is not None else ()
    left = {out.name for out in outputs if not out.is_asked or out.check is not None}
    partly = step is not None and step.leaves_out
    for name, out in op.outs.items():
        if name in seen or name in left or not out.is_required or out.is_dynamic:
            continue
        if out.dagster_type is NOTHING:
            # Who reports some assets it could make has told of all that it made.
            if not (partly and seen):
                emit(name, None, None)
            continue
        raise StepOutputNotFoundError(
            f"{key!r} did not give its output {name!r}. Return or yield it, or declare it with "
            "Out(is_required=False)."
        )


_TYPE_CHECK = "TypeCheck"


class UserCodeBoundary:
    """Mark errors raised inside as those of user code that is no op.

    Args:
        kind: The kind of Dagster's error for it, as "LoadInput".
        doing: The activity, in words, as "loading input".
    """

    __slots__ = ("activity",)

    def __init__(self, kind: str, doing: str) -> None:
        self.activity = (kind, doing)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # What a type check raises is an error of the check, also what asks for something of a step.
        asks = self.activity[0] == _TYPE_CHECK and isinstance(error, (Failure, RetryRequested))
        if isinstance(error, Exception) and (asks or not isinstance(error, JobnbError)):
            with contextlib.suppress(Exception):  # The class is the user's.
                vars(error)["_jobnb_during"] = self.activity


def is_of_type_check(error: BaseException) -> bool:
    """Return whether an error is marked as raised by the function of a type check."""
    mark: tuple[str, str] = getattr(error, "__dict__", {}).get("_jobnb_during", ("", ""))
    return mark[0] == _TYPE_CHECK


def taken_during(error: BaseException) -> tuple[str, str] | None:
    """Return the mark of an error, and remove it: the error may be raised again elsewhere."""
    found: tuple[str, str] | None = getattr(error, "__dict__", {}).pop("_jobnb_during", None)
    return found
