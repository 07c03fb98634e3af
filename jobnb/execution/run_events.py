"""What happened in a run, asked for by kind and by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from jobnb.definitions.checks.asset_check import AssetCheckEvaluation
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
)
from jobnb.errors import InvariantViolationError, did_you_mean
from jobnb.events import Event, EventType, StepFailed, StepFailureData
from jobnb.execution.run import RunScope
from jobnb.execution.told import as_evaluation, as_expectation, as_materialization, as_observation
from jobnb.state import RunState, fold

if TYPE_CHECKING:
    from jobnb.plan.step import Step


class RunEvents:
    """The events of a run in this process.

    Args:
        run: The run.
    """

    def __init__(self, run: RunScope) -> None:
        self._run = run

    @cached_property
    def state(self) -> RunState:
        """What the events come to: the status of the run and of each step."""
        return fold(self._run.events)

    @property
    def all_events(self) -> Sequence[Event]:
        """All that happened, in order, log lines apart."""
        return [e for e in self._run.events if e.event_type is not EventType.LOG_MESSAGE]

    @property
    def log_lines(self) -> Sequence[Event]:
        """What the run's code logged."""
        return [e for e in self._run.events if e.event_type is EventType.LOG_MESSAGE]

    @property
    def all_node_events(self) -> Sequence[Event]:
        """What happened in steps."""
        return [event for event in self.all_events if event.is_step_event]

    @property
    def all_node_steps(self) -> Sequence[str]:
        """The keys of the steps."""
        return list(self._run.plan.step_keys)

    def events_for_node(self, node_name: str) -> Sequence[Event]:
        """What happened in the steps of a node, or of the graph that it is."""
        self._steps_of(node_name)
        return [e for e in self.all_node_events if _belongs(str(e.step_key), node_name)]

    def filter_events(self, event_filter: Callable[[Event], bool]) -> Sequence[Event]:
        """The events for which a function is true."""
        return [event for event in self.all_events if event_filter(event)]

    def _of_type(self, kind: EventType, node: str | None = None) -> Sequence[Event]:
        events = self.all_events if node is None else self.events_for_node(node)
        return [event for event in events if event.event_type is kind]

    def asset_materializations_for_node(self, node_name: str) -> Sequence[AssetMaterialization]:
        """The materializations of a node."""
        return [
            as_materialization(event)
            for event in self._of_type(EventType.ASSET_MATERIALIZATION, node_name)
        ]

    def asset_observations_for_node(self, node_name: str) -> Sequence[AssetObservation]:
        """The observations of a node."""
        return [
            as_observation(event) for event in self._of_type(EventType.ASSET_OBSERVATION, node_name)
        ]

    def expectation_results_for_node(self, node_str: str) -> Sequence[ExpectationResult]:
        """The expectation results of a node."""
        return [
            as_expectation(event)
            for event in self._of_type(EventType.STEP_EXPECTATION_RESULT, node_str)
        ]

    def get_asset_materialization_events(self) -> Sequence[Event]:
        """The events of assets made."""
        return self._of_type(EventType.ASSET_MATERIALIZATION)

    def get_asset_check_evaluations(self) -> Sequence[AssetCheckEvaluation]:
        """What the checks of the run said, in the order in which they were made."""
        return [as_evaluation(e) for e in self._of_type(EventType.ASSET_CHECK_EVALUATION)]

    def get_asset_observation_events(self) -> Sequence[Event]:
        """The events of assets looked at."""
        return self._of_type(EventType.ASSET_OBSERVATION)

    def get_asset_materialization_planned_events(self) -> Sequence[Event]:
        """The events of assets that the run meant to make."""
        return self._of_type(EventType.ASSET_MATERIALIZATION_PLANNED)

    def get_step_success_events(self) -> Sequence[Event]:
        """The events of steps that succeeded."""
        return self._of_type(EventType.STEP_SUCCESS)

    def get_step_failure_events(self) -> Sequence[Event]:
        """The events of steps that failed."""
        return self._of_type(EventType.STEP_FAILURE)

    def get_step_skipped_events(self) -> Sequence[Event]:
        """The events of steps that were skipped."""
        return self._of_type(EventType.STEP_SKIPPED)

    def get_failed_step_keys(self) -> frozenset[str]:
        """The keys of the steps that failed."""
        return frozenset(self._run.failed_steps)

    def get_job_failure_event(self) -> Event:
        """The event of the run's failure."""
        return self._only(EventType.RUN_FAILURE)

    def get_job_success_event(self) -> Event:
        """The event of the run's success."""
        return self._only(EventType.RUN_SUCCESS)

    def get_run_failure_event(self) -> Event:
        """The event of the run's failure."""
        return self._only(EventType.RUN_FAILURE)

    def get_run_success_event(self) -> Event:
        """The event of the run's success."""
        return self._only(EventType.RUN_SUCCESS)

    def _only(self, kind: EventType) -> Event:
        found = self._of_type(kind)
        if found:
            return found[0]
        words = self._run.plan.words
        raise InvariantViolationError(
            f"{words[0].upper()}{words[1:]} has no {kind.value} event: "
            f"it ended as {self.state.status.value}."
        )

    def failure_data_for_node(self, node_str: str) -> StepFailureData | None:
        """How a node failed, as code for Dagster reads it; None if it did not."""
        found = self._of_type(EventType.STEP_FAILURE, node_str)
        return StepFailureData(found[0]) if found and isinstance(found[0], StepFailed) else None

    def retry_attempts_for_node(self, node_str: str) -> int:
        """How often a node was tried again."""
        return len(self._of_type(EventType.STEP_RESTARTED, node_str))

    def is_node_success(self, node_str: str) -> bool:
        """Whether a node succeeded."""
        return bool(self._of_type(EventType.STEP_SUCCESS, node_str))

    def is_node_failed(self, node_str: str) -> bool:
        """Whether a node failed."""
        return bool(self._of_type(EventType.STEP_FAILURE, node_str))

    def is_node_skipped(self, node_str: str) -> bool:
        """Whether a node was skipped."""
        return bool(self._of_type(EventType.STEP_SKIPPED, node_str))

    def is_node_untouched(self, node_str: str) -> bool:
        """Whether nothing happened in a node."""
        return not self.events_for_node(node_str)

    def _steps_of(self, node_name: str) -> list[Step]:
        found = [s for s in self._run.plan.steps if _belongs(s.key, node_name)]
        if found:
            return found
        bare = node_name.split("[", maxsplit=1)[0]
        hint = did_you_mean(bare, [s.key for s in self._run.plan.steps], noun="Its nodes are")
        raise InvariantViolationError(
            f"{job_words(self._run.plan.job.name, begins=True)} has no node {node_name!r}. {hint}"
        )


def _belongs(step_key: str, node_name: str) -> bool:
    return step_key == node_name or step_key.startswith((f"{node_name}.", f"{node_name}["))
