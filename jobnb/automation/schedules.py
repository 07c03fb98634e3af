"""Evaluate schedules: convert what their functions return to run requests."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from jobnb.automation.evaluation_context import EvaluationContext
from jobnb.automation.schedule_context import ScheduleEvaluationContext
from jobnb.definitions.automation.execution_data import ScheduleExecutionData
from jobnb.definitions.automation.results import SkipReason
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.targets import DirectTarget, Target
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.errors import InvalidInvocationError, JobnbError, UserCodeExecutionError
from jobnb.storage.run import SCHEDULE_TAG


def evaluate_schedule(
    schedule: ScheduleDefinition, context: ScheduleEvaluationContext
) -> ScheduleExecutionData:
    """Find out what a schedule would launch; see `ScheduleDefinition.evaluate_tick`."""
    what = f"schedule {schedule.name!r}"
    try:
        asked = schedule.asked(context)
        returned = _listed(asked)
        bare_tags = schedule.tags_of(context) if _is_bare_config(asked) else {}
    except JobnbError:
        raise
    except Exception as error:
        raise UserCodeExecutionError(
            f"The {what} could not be evaluated: {type(error).__name__}: {error}.", error
        ) from error
    if _is_bare_config(asked):
        returned = [RunRequest(run_config=asked, tags=bare_tags)]
    requests = flat_requests(what, returned)
    if isinstance(requests, SkipReason):
        return ScheduleExecutionData([], requests.skip_message)
    if len(requests) > 1 and not all(each.run_key for each in requests):
        raise InvalidInvocationError(
            f"The {what} returned {len(requests)} run requests, not all with a run_key. Give each "
            "a run_key of its own, so that none is launched twice."
        )
    named = {SCHEDULE_TAG: schedule.name}
    resolved = [resolved_request(each, schedule.targets, context, named) for each in requests]
    return ScheduleExecutionData(resolved, None)


def _is_bare_config(returned: Any) -> bool:
    return isinstance(returned, Mapping) or hasattr(returned, "to_config_dict")


def _listed(returned: Any) -> list[Any]:
    """Return all that a function returned or yielded, in a list."""
    if returned is None:
        return []
    if isinstance(returned, (RunRequest, SkipReason)) or _is_bare_config(returned):
        return [returned]
    if isinstance(returned, Iterable) and not isinstance(returned, str):
        return list(with_return_value(returned))
    return [returned]


def with_return_value(returned: Iterable[Any]) -> Iterator[Any]:
    """Iterate over what a function yielded, then what its `return` said, if it said something.

    A function that yields run requests can so return a `SkipReason` where there are none.
    """
    said = yield from iter(cast("Generator[Any, None, Any]", returned))
    if said is not None:
        yield said


def flat_requests(what: str, returned: Iterable[Any]) -> list[RunRequest] | SkipReason:
    """Return the run requests that a function returned, or why there are none.

    Raises:
        InvalidInvocationError: If it returned something else, or both.
    """
    requests = [each for each in returned if isinstance(each, RunRequest)]
    skips = [each for each in returned if isinstance(each, SkipReason)]
    for each in returned:
        if not isinstance(each, (RunRequest, SkipReason)):
            raise InvalidInvocationError(
                f"The {what} returned {each!r}. Return RunRequest objects, a SkipReason or None."
            )
    if skips and (requests or len(skips) > 1):
        raise InvalidInvocationError(
            f"The {what} returned {len(requests)} run requests and {len(skips)} skip reasons. "
            "Return either run requests or one SkipReason."
        )
    if skips:
        return skips[0]
    if not requests:
        return SkipReason("Its function returned nothing.")
    return requests


def resolved_request(
    request: RunRequest,
    targets: Iterable[Target],
    context: EvaluationContext,
    tags: Mapping[str, str],
    partitions_requests: Iterable[Any] = (),
) -> RunRequest:
    """Return a request with all its tags, and the config and the tags of its partition.

    Args:
        request: What was returned.
        targets: The jobs that may be meant.
        context: Knows the code location and the keys of dynamic partitions.
        tags: More tags.
        partitions_requests: Keys of dynamic partitions that come or go along with the run.
    """
    made = request
    if request.partition_key is not None and not request.has_resolved_partition():
        store = context.instance if context.has_instance else None
        now = getattr(context, "_time", None)
        made = request.with_resolved_tags_and_config(
            _job(request, targets, context),
            list(partitions_requests),
            current_time=now if isinstance(now, datetime) else None,
            dynamic_partitions_store=store,
        )
    return made.with_replaced_attrs(tags={**made.tags, **tags})


def _job(request: RunRequest, targets: Iterable[Target], context: EvaluationContext) -> Any:
    """Return the job that a request is for, as it is known here.

    Raises:
        InvalidInvocationError: If only its name is.
    """
    several = list(targets)
    name = request.job_name or (several[0].job_name if several else None)
    definitions = context.definitions
    if definitions is not None and name is not None:
        return definitions.get_job_def(name)
    for each in several:
        if each.job_name == name and isinstance(each, DirectTarget):
            return each.target
    raise InvalidInvocationError(
        f"The run request for the partition {request.partition_key!r} is for the job {name!r}, "
        "which is known by name only. Pass the code location to the function that builds the "
        "context: repository_def=Definitions(...)."
    )
