"""Execute one step: load its inputs, call its function, store its outputs; retry it."""

from __future__ import annotations

from time import time as now
from types import GeneratorType
from typing import Any

from jobnb.definitions.checks.asset_check import AssetCheckResult
from jobnb.definitions.metadata import to_json
from jobnb.definitions.user_events import Failure
from jobnb.errors import (
    AssetCheckFailedError,
    InvariantViolationError,
    JobnbError,
    RetryRequested,
    StepOutputNotFoundError,
    TypeCheckDidNotPass,
    TypeCheckError,
)
from jobnb.events import (
    StepFailed,
    StepRestarted,
    StepRetried,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from jobnb.execution.checks import CheckRecorder, read_checks
from jobnb.execution.compute import (
    call_function,
    is_of_type_check,
    read_result,
    taken_during,
)
from jobnb.execution.context import context_of
from jobnb.execution.hooks import run_hooks
from jobnb.execution.inputs import load_inputs
from jobnb.execution.io import step_key_of
from jobnb.execution.outputs import handle_output
from jobnb.execution.resource_usage import LEAST
from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.execution.trace import error_info
from jobnb.execution.user_events import tell
from jobnb.plan.step import FromMany, FromOutput, Step


class StepRunner:
    """Runs one step of a plan.

    Args:
        run: The run.
        step: The step.
    """

    __slots__ = ("key", "outputs", "releases", "run", "simple", "step", "wants_context")

    def __init__(self, run: RunScope, step: Step) -> None:
        self.run = run
        self.step = step
        self.key = step.key
        self.outputs = [out.slot for out in step.outputs]
        op = step.op
        self.wants_context = (
            bool(step.hooks) or not op.is_decorated or op.function.context_name is not None
        )
        self._read_waits(step)

    def _read_waits(self, step: Step) -> None:
        """Collect the slots that must be filled; all else is checked with words."""
        waits = step.waits_for
        self.releases = [wait.slot for wait in waits]
        self.simple = True
        if len(waits) > 1 or (waits and (waits[0].maps or waits[0].collects)):
            self.releases = list(dict.fromkeys(self.releases))
            fan_in = any(isinstance(each.source, FromMany) for each in step.inputs)
            self.simple = not fan_in and not any(w.maps or w.collects for w in waits)

    # --- whether it runs -------------------------------------------------

    def is_ready(self, mapping_key: str | None) -> bool:
        """Whether its inputs are there; if not, the step is recorded as skipped."""
        values = self.run.values
        if self.simple:
            for slot in self.releases:
                if values[slot] is MISSING:
                    break
            else:
                return True
        missing = self.missing(mapping_key)
        if missing is None:
            return True
        self._skip(missing, mapping_key)
        return False

    def missing(self, mapping_key: str | None) -> list[FromOutput] | None:
        """Return what is missing for the step to run, or None."""
        run, missing = self.run, []
        for each in self.step.inputs:
            absent = [w for w in each.waits_for if not self._is_there(w, mapping_key)]
            failed = any(w.slot in run.failed_slots for w in absent)
            fan_in = isinstance(each.source, FromMany) or len(each.waits_for) > 1
            if absent and (failed or not fan_in or len(absent) == len(each.waits_for)):
                missing += absent
        missing += [w for w in self.step.guards if not self._is_there(w, mapping_key)]
        return missing or None

    def _is_there(self, wait: FromOutput, mapping_key: str | None) -> bool:
        value = self.run.values[wait.slot]
        if wait.collects:
            return value is not MISSING and wait.slot not in self.run.failed_slots
        if wait.maps:
            return value is not MISSING and mapping_key in value
        return value is not MISSING

    def _skip(self, missing: list[FromOutput], mapping_key: str | None) -> None:
        run, steps = self.run, self.run.plan.steps
        failed = any(wait.slot in run.failed_slots for wait in missing)
        because = tuple(
            dict.fromkeys(
                steps[w.step].key if failed else f"{steps[w.step].key}.{w.output}" for w in missing
            )
        )
        if failed:
            run.failed_slots.update(self.outputs)
        key = step_key_of(self.step, mapping_key)
        run.append(StepSkipped(now(), key, because, failed))

    # --- running it ------------------------------------------------------

    def __call__(self, mapping_key: str | None = None) -> None:
        """Run the step, again where its retry policy says so; a failure ends here, in the log."""
        run, step = self.run, self.step
        if not self.is_ready(mapping_key):
            return
        key = step_key_of(step, mapping_key) if mapping_key is not None else self.key
        run.current_key = key
        retries = 0
        began = now()
        run.append(StepStarted(began, key))
        while (wait := self.try_once(key, mapping_key, retries, began)) is not None:
            retries += 1
            if wait:
                run.run_log.commit()
                run.stop.pause(wait)
            run.append(StepRestarted(now(), key, retries + 1))
        run.current_key = None
        if now() >= run.run_log.due:
            run.run_log.commit()

    def try_once(
        self, key: str, mapping_key: str | None, retries: int, began: float
    ) -> float | None:
        """Make one attempt, and log how it ended.

        Args:
            key: The step's key, with the mapping key if it has one.
            mapping_key: The element of a dynamic output that the step runs for.
            retries: How many attempts there were before.
            began: When the first of them began.

        Returns:
            Seconds to wait before the next attempt; None if there is none.
        """
        run, step = self.run, self.step
        run.attempt = (step, key, mapping_key, retries)
        run.context = context_of(run, *run.attempt) if self.wants_context else None
        run.meter.begin(began if not retries else now())
        try:
            try:
                self.attempt(key, mapping_key)
            finally:
                if run.context is not None and not run.stop.left:
                    run.context.end_progress()
            if run.pack is not None:
                run.pack(step, mapping_key)
        except KeyboardInterrupt:
            raise  # that of a run within this step is an Exception too
        except BaseException as error:  # one that would exit fails as any other
            if run.stop.left or (run.stop.wanted and not isinstance(error, _FAILING)):
                raise
            return self.give_up_or_wait(key, mapping_key, error, retries, began)
        ended = now()
        if (took := ended - began) < LEAST:
            run.meter.ended = ended  # without the call: this is done for every step
            run.append(StepSucceeded(ended, key, took))
        else:
            run.append(StepSucceeded(ended, key, took, *run.meter.end(ended)))
        if step.hooks:
            run_hooks(run, step, key, None)
        return None

    def give_up_or_wait(
        self,
        key: str,
        mapping_key: str | None,
        error: BaseException,
        retries: int,
        began: float,
    ) -> float | None:
        """Log a failed attempt; return the seconds until the retry, None for none."""
        wait = self._wait_before_retry(error, retries)
        if wait is None:
            self._fail(key, mapping_key, error, began)
            return None
        asked = isinstance(error, RetryRequested)
        cause = error.__cause__ if asked else error
        told = error_info(cause) if cause else None
        seconds = getattr(error, "seconds_to_wait", None) if asked else wait
        reason = "RetryRequested" if asked else "RetryRequestedFromPolicy"
        self.run.append(StepRetried(now(), key, retries + 1, seconds, told, reason))
        if self.step.hooks:
            run_hooks(self.run, self.step, key, None, retries=True)
        return wait

    def attempt(self, key: str, mapping_key: str | None) -> None:
        """Load the inputs, call the function, handle the outputs."""
        run, step = self.run, self.step
        inputs = load_inputs(run, step, key, mapping_key)
        stop = run.stop
        stop.open = True  # as `Stopping.call` does, without the call: this is done for every step
        try:
            if stop.wanted:
                stop.check()
            result = call_function(step.op, inputs, step.config, run.resources, run.context)
        finally:
            stop.open = False
        if stop.left:
            stop.stay()
        # A function that was not given a context may have asked for it.
        if type(result) in _PLAIN_RESULTS and _has_one_plain_output(step):
            handle_output(run, step, step.outputs[0], key, mapping_key, result, None, run.context)
            return
        if type(result) is GeneratorType:
            result = stop.each(result)
        if step.checks and step.assets_def is None and not step.observes:
            read_checks(run, step, key, result)
            return
        self._open_dynamic()
        self._read(key, mapping_key, result)
        self._close_dynamic()

    def _read(self, key: str, mapping_key: str | None, result: Any) -> None:
        """Read what the function returned, whatever it is."""
        run, step = self.run, self.step
        outputs = {out.name: out for out in step.outputs}
        checks = CheckRecorder(run, step, key) if _tells_checks(step) else None

        def emit(name: str, value: Any, given: Any) -> None:
            output = outputs[name]
            if checks is not None and output.check is not None:
                checks.take(name, value)
            else:
                handle_output(run, step, output, key, mapping_key, value, given, run.context)

        def told(event: Any) -> None:
            if not isinstance(event, AssetCheckResult):
                tell(run, key, event)
            elif checks is None or not checks.is_left_out(event):
                (checks or CheckRecorder(run, step, key)).tell(event)

        if step.observes:
            from jobnb.execution.observations import tell_observations

            tell_observations(run, step, key, result, emit, told)
        else:
            read_result(step.op, key, result, emit, told, step)
        if checks is not None:
            checks.conclude()

    def _open_dynamic(self) -> None:
        """Create the empty list of a dynamic output: yielding nothing is not missing."""
        for out in self.step.outputs:
            if out.definition.is_dynamic:
                self.run.values[out.slot] = {}

    def _close_dynamic(self) -> None:
        """Mark an empty optional output as missing: steps that collect it are skipped."""
        for out in self.step.outputs:
            if out.definition.is_dynamic and not out.definition.is_required:
                self.run.values[out.slot] = self.run.values[out.slot] or MISSING

    def _fail(
        self,
        key: str,
        mapping_key: str | None,
        error: BaseException,
        began: float,
    ) -> None:
        run = self.run
        run.failed_slots.update(self.outputs)
        for slot in self.outputs:
            if self.step.region is None:
                run.values[slot] = MISSING
            elif run.values[slot] is not MISSING:
                run.values[slot].pop(mapping_key, None)
        run.failed_steps[key] = error
        ended = now()
        of_check = is_of_type_check(error)
        during = taken_during(error)
        if during is None and not isinstance(error, (JobnbError, SystemExit)):
            during = ("ExecutionStepExecution", f'executing op "{self.step.path[-1]}":')
        metadata, declared = ({}, "") if of_check else _declared(error)
        run.append(
            StepFailed(
                *(ended, key, error_info(error), ended - began, metadata, during, declared),
                *run.meter.end(ended),
            )
        )
        if self.step.hooks:
            run_hooks(run, self.step, key, error)
        run.run_log.commit()

    # --- trying again ----------------------------------------------------

    def _wait_before_retry(self, error: BaseException, retries: int) -> float | None:
        """Return seconds to wait before the next attempt, or None to give up."""
        if not self.run.follows_retries or isinstance(error, _FINAL) or is_of_type_check(error):
            return None
        if isinstance(error, RetryRequested):
            return (error.seconds_to_wait or 0.0) if retries < error.max_retries else None
        policy = self.step.retry_policy
        if policy is None or retries >= policy.max_retries:
            return None
        if isinstance(error, Failure) and not error.allow_retries:
            return None
        return float(policy.calculate_delay(retries + 1) or 0.0)

    def release(self) -> None:
        """Release the values that the step was the last to read."""
        run = self.run
        if run.keep_outputs:
            return
        readers = run.readers
        for slot in self.releases:
            readers[slot] -= 1
        for slot in (*self.releases, *self.outputs):
            # What an IO manager holds takes no memory here, and can be looked at later.
            if not readers[slot] and not _is_handled(run.values[slot]):
                run.values[slot] = MISSING


def _declared(error: BaseException) -> tuple[dict[str, Any], str]:
    """Return the metadata of a `Failure`, and whether it says why; nothing of another error."""
    if not isinstance(error, Failure):
        return {}, ""
    return to_json(error.metadata), "bare" if error.description is None else "described"


def _is_handled(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(each is HANDLED for each in value.values())
    return value is HANDLED


# A check that says no has done its work, and a wrong type is wrong again: asking once more is not
# trying again.
_FINAL = (
    SystemExit,
    AssetCheckFailedError,
    InvariantViolationError,
    StepOutputNotFoundError,
    TypeCheckDidNotPass,
    TypeCheckError,
)
# Others that come while the run is being stopped, as `CancelledError`, are how it stops.
_FAILING = (Exception, SystemExit)
_PLAIN_RESULTS = frozenset((int, float, str, bool, dict, type(None), bytes, complex))


def _has_one_plain_output(step: Step) -> bool:
    """Whether what its function gives is its one output, if it is nothing that speaks itself."""
    outputs = step.outputs
    return (
        len(outputs) == 1
        and step.op.is_decorated
        and not step.observes
        and not step.checks  # what it gives is looked at in full
        and outputs[0].check is None
        and not outputs[0].definition.is_dynamic
        and not step.op.wraps.get(outputs[0].name)
    )


def _tells_checks(step: Step) -> bool:
    return bool(step.checks) or any(out.check is not None for out in step.outputs)
