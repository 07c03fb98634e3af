"""Evaluate checks: read their results, log them, and skip what a blocking one stops."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterable
from time import time as now
from typing import Any

from msgspec.structs import replace

from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckResult, AssetCheckSpec
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import to_json
from jobnb.definitions.plain import plain_verdict
from jobnb.errors import AssetCheckFailedError, InvariantViolationError, did_you_mean
from jobnb.events import AssetCheckEvaluated, EventType
from jobnb.execution.run import RunScope
from jobnb.plan.step import Step
from jobnb.storage.records import EventRecordsFilter


def with_asset(said: Any, asset_key: Any) -> Any:
    """Return the result of a check, of the asset that it came with where it names none."""
    if not isinstance(said, AssetCheckResult) or said.asset_key is not None:
        return said
    return replace(said, asset_key=asset_key)


class CheckRecorder:
    """Logs the checks that one attempt of a step evaluates.

    Args:
        run: The run.
        step: The step.
        key: The key that it runs under.
    """

    def __init__(self, run: RunScope, step: Step, key: str) -> None:
        self._run = run
        self._step = step
        self._key = key
        self._specs = {spec.key: spec for spec in step.checks}
        self._outputs = {out.check.key: out for out in step.outputs if out.check is not None}
        self._failed: list[AssetCheckEvaluated] = []
        self.seen: dict[AssetCheckKey, AssetCheckEvaluated] = {}

    def tell(self, result: AssetCheckResult) -> None:
        """Log a result.

        Args:
            result: What the check said.

        Raises:
            InvariantViolationError: If it is no check of the step, or came before.
        """
        spec = self._spec_of(result)
        if spec.key in self.seen:
            raise InvariantViolationError(
                f"{self._key!r} gave the check {spec.key.to_user_string()!r} twice."
            )
        event = self._event(spec, result)
        self._run.append(event)
        self.seen[spec.key] = event
        if spec.key in self._outputs:  # who waits for the check may go on; there is no value
            self._run.values[self._outputs[spec.key].slot] = None
        if spec.blocking and event.is_error:
            self._failed.append(event)

    def take(self, output_name: str, given: Any) -> None:
        """Record the result of a check from the output declared for it, which may be optional.

        Raises:
            InvariantViolationError: If it is no verdict, or one of another check.
        """
        result = _result(self._key, given)
        found = (each for each in self._outputs.items() if each[1].name == output_name)
        key, output = next(found)
        asset = key.asset if result.asset_key is None else result.asset_key
        name = result.check_name or key.name
        if output.is_asked or (asset, name) != (key.asset, key.name):
            self.tell(replace(result, asset_key=asset, check_name=name))

    def is_left_out(self, result: AssetCheckResult) -> bool:
        """Whether a check is meant that a graph makes, but not in this run."""
        return any(
            result.asset_key in (None, key.asset) and result.check_name in (None, key.name)
            for key, output in self._outputs.items()
            if not output.is_asked
        )

    def _spec_of(self, result: AssetCheckResult) -> AssetCheckSpec:
        given = result.asset_key
        wanted = None if given is None else AssetKey.from_coercible(given)
        fitting = [
            spec
            for spec in self._specs.values()
            if wanted in (None, spec.asset_key) and result.check_name in (None, spec.name)
        ]
        if len(fitting) == 1:
            return fitting[0]
        names = [key.to_user_string() for key in self._specs]
        if not names:
            raise InvariantViolationError(
                f"{self._key!r} gave an AssetCheckResult, but declares no checks. Declare them "
                "with check_specs=[AssetCheckSpec(...)], or use @asset_check."
            )
        if fitting:
            raise InvariantViolationError(
                f"{self._key!r} makes several checks: {', '.join(names)}. Say which in "
                "AssetCheckResult(check_name=..., asset_key=...)."
            )
        named = self._named(wanted, result.check_name)
        hint = did_you_mean(named, names, noun="Its checks are")
        raise InvariantViolationError(f"{self._key!r} has no check {named!r}. {hint}")

    def _named(self, asset: AssetKey | None, check: str | None) -> str:
        """Return the check that a result names; what it leaves out is that of the first one."""
        first = next(iter(self._specs))
        return f"{(asset or first.asset).to_user_string()}:{check or first.name}"

    def _event(self, spec: AssetCheckSpec, result: AssetCheckResult) -> AssetCheckEvaluated:
        partition = self._partition(spec.asset_key)
        target, target_run = self._target(spec.asset_key, partition)
        return AssetCheckEvaluated(
            now(),
            self._key,
            tuple(spec.asset_key.path),
            spec.name,
            result.passed,
            result.severity.value,
            result.description,
            to_json(result.metadata or {}),
            spec.blocking,
            partition,
            target,
            target_run,
        )

    def _partition(self, asset: AssetKey) -> str | None:
        """Return the one partition of the asset that was looked at, if it is one."""
        reader = self._run.partition_reader
        if reader.definition_of(asset) is None:
            return None
        if self._makes(asset):
            return self._run.plan.partition_key
        keys = reader.keys_for(self._step, asset, self._run.plan.partitions) or ()
        return str(keys[0]) if len(keys) == 1 else None

    def _makes(self, asset: AssetKey) -> bool:
        """Whether the assets of the step are made in this run, and this is one of them."""
        return self._step.assets_def is not None and asset in self._step.assets_def.keys

    def _target(self, asset: AssetKey, partition: str | None) -> tuple[int | None, str | None]:
        """Return the checked materialization: this run's, or the last one of the history."""
        step = self._step
        if self._makes(asset) or any(
            each.waits_for for each in step.inputs if each.asset_key == asset
        ):
            return None, self._run.run_id
        partitions = None if partition is None else [partition]
        wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, asset, partitions)
        for last in self._run.instance.get_event_records(wanted, limit=1):
            return last.storage_id, last.run_id
        return None, None

    def conclude(self) -> None:
        """Raise an error for a check that was not evaluated; stop what a blocking one blocks.

        Raises:
            InvariantViolationError: If one was not made.
            AssetCheckFailedError: If a blocking one did not pass.
        """
        left = [key.to_user_string() for key in self._specs if key not in self.seen]
        if left:
            raise InvariantViolationError(
                f"{self._key!r} did not give the check{'s' if len(left) > 1 else ''} "
                f"{', '.join(map(repr, left))}. Yield or return an AssetCheckResult for each."
            )
        if self._failed:
            names = [f"{'/'.join(each.asset)}:{each.check}" for each in self._failed]
            from jobnb.markdown import plain

            said = (plain(each.description) for each in self._failed if each.description)
            why = next((f": {each}" for each in said), "")
            raise AssetCheckFailedError(
                f"The blocking check{'s' if len(names) > 1 else ''} {', '.join(names)} did not "
                f"pass{why}. What is made from the asset is skipped."
            )


def read_checks(run: RunScope, step: Step, key: str, result: Any) -> None:
    """Log all results of a function that only evaluates checks.

    Args:
        run: The run.
        step: The step.
        key: The key that it runs under.
        result: What the function returned, or the generator that it is.

    Raises:
        InvariantViolationError: If something came that is no result of its checks.
        AssetCheckFailedError: If a blocking check did not pass.
    """
    teller = CheckRecorder(run, step, key)
    with contextlib.ExitStack() as stack:
        if inspect.isgenerator(result):
            stack.enter_context(contextlib.closing(result))
        for each in _results(key, result):
            teller.tell(each)
    teller.conclude()


def _results(key: str, result: Any) -> Iterable[AssetCheckResult]:
    if inspect.isgenerator(result) or isinstance(result, (list, tuple)):
        return (_result(key, each) for each in result)
    return [_result(key, result)]


def _result(key: str, given: Any) -> AssetCheckResult:
    """Return a result, also where the function said no more than True or False."""
    if isinstance(given, AssetCheckResult):
        return given
    plain = plain_verdict(given)
    if isinstance(plain, bool):
        return AssetCheckResult(passed=plain)
    raise InvariantViolationError(
        f"{key!r} gave {_shown(given)}. A check returns an AssetCheckResult, or True or False."
    )


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
