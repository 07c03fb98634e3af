"""Events of values: inputs, outputs, assets and checks."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import from_json
from jobnb.definitions.partitions.multi_partition_key import SEPARATOR, MultiPartitionKey
from jobnb.definitions.user_events import AssetMaterialization, AssetObservation
from jobnb.events.data import (
    EventData,
    ExpectationData,
    HandledOutputData,
    InputData,
    OutputData,
)
from jobnb.events.event import Event, EventType

_DIMENSION = "dagster/partition/"  # The tag of a part, before the name of its dimension.


class InputLoaded(Event, frozen=True, gc=False, tag="LOADED_INPUT"):
    """An input was loaded by an input manager, from an upstream step's output or an asset."""

    event_type: ClassVar[EventType] = EventType.LOADED_INPUT
    step_key: str
    input_name: str
    manager_key: str
    upstream_step: str | None = None
    upstream_output: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def event_specific_data(self) -> HandledOutputData:
        """The manager that loaded it, with metadata objects."""
        return HandledOutputData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        origin = (
            f', from output "{self.upstream_output}" of step "{self.upstream_step}"'
            if self.upstream_step
            else ""
        )
        return f'Loaded input "{self.input_name}" using input manager "{self.manager_key}"{origin}'


class InputChecked(Event, frozen=True, gc=False, tag="STEP_INPUT"):
    """An input was received and its type checked."""

    event_type: ClassVar[EventType] = EventType.STEP_INPUT
    step_key: str
    input_name: str
    type_name: str
    passed: bool = True
    description: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def event_specific_data(self) -> InputData:
        """The input and the check of its type."""
        return InputData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        verdict = "passed" if self.passed else "failed"
        return f'Got input "{self.input_name}" of type "{self.type_name}". (Type check {verdict}).'


class OutputYielded(Event, frozen=True, gc=False, tag="STEP_OUTPUT"):
    """An output was yielded and its type checked."""

    event_type: ClassVar[EventType] = EventType.STEP_OUTPUT
    step_key: str
    output_name: str
    type_name: str
    mapping_key: str | None = None
    passed: bool = True
    description: str | None = None
    metadata: dict[str, Any] = {}
    data_version: str | None = None

    @property
    def event_specific_data(self) -> OutputData:
        """The output, the check of its type and its metadata objects."""
        return OutputData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        mapped = f' mapping key "{self.mapping_key}"' if self.mapping_key is not None else ""
        verdict = "passed" if self.passed else "failed"
        return (
            f'Yielded output "{self.output_name}"{mapped} of type "{self.type_name}". '
            f"(Type check {verdict})."
        )


class OutputHandled(Event, frozen=True, gc=False, tag="HANDLED_OUTPUT"):
    """An output was stored by its IO manager."""

    event_type: ClassVar[EventType] = EventType.HANDLED_OUTPUT
    step_key: str
    output_name: str
    manager_key: str
    mapping_key: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def event_specific_data(self) -> HandledOutputData:
        """The manager that stored it, with metadata objects."""
        return HandledOutputData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Handled output "{self.output_name}" using IO manager "{self.manager_key}"'


def _split_partition(event: AssetMaterialized | AssetObserved) -> None:
    """Make the partition a `MultiPartitionKey`, where tags name a part for each dimension."""
    partition = event.partition
    if partition is None or SEPARATOR not in partition or type(partition) is not str:
        return
    found = {k.removeprefix(_DIMENSION): v for k, v in event.tags.items() if _DIMENSION in k}
    parts = tuple(sorted(found.items()))
    typed = MultiPartitionKey.of_parts(parts)
    if typed == partition:
        msgspec.structs.force_setattr(event, "partition", typed)


class AssetMaterialized(Event, frozen=True, gc=False, tag="ASSET_MATERIALIZATION"):
    """An asset was materialized; `asset` is the path of its key."""

    event_type: ClassVar[EventType] = EventType.ASSET_MATERIALIZATION
    step_key: str | None
    asset: tuple[str, ...]
    partition: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}
    tags: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Give a partition of several dimensions its parts."""
        _split_partition(self)

    @property
    def event_specific_data(self) -> EventData:
        """The materialization, with metadata objects."""
        return EventData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return self.description or f"Materialized value {'/'.join(self.asset)}."

    @property
    def data_version(self) -> str | None:
        """The data version of the value, if one was given or computed."""
        return self.tags.get("dagster/data_version")

    @property
    def materialization(self) -> AssetMaterialization:
        """The event as the object that user code yields."""
        return AssetMaterialization(
            AssetKey(self.asset),
            self.description,
            from_json(self.metadata),
            self.partition,
            self.tags,
        )


class AssetObserved(Event, frozen=True, gc=False, tag="ASSET_OBSERVATION"):
    """An asset was observed without being materialized.

    Attributes:
        is_loading: Whether an IO manager told it while it loaded the asset for a step: this
            reports no new version of the asset.
    """

    event_type: ClassVar[EventType] = EventType.ASSET_OBSERVATION
    step_key: str | None
    asset: tuple[str, ...]
    partition: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}
    tags: dict[str, str] = {}
    is_loading: bool = False

    def __post_init__(self) -> None:
        """Give a partition of several dimensions its parts."""
        _split_partition(self)

    @property
    def event_specific_data(self) -> EventData:
        """The observation, with metadata objects."""
        return EventData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Observed {'/'.join(self.asset)}."

    @property
    def data_version(self) -> str | None:
        """The data version of the value, if the function returned one."""
        return self.tags.get("dagster/data_version")

    @property
    def asset_observation(self) -> AssetObservation:
        """The event as the object that user code yields."""
        return AssetObservation(
            AssetKey(self.asset),
            self.description,
            from_json(self.metadata),
            self.partition,
            self.tags,
        )


class AssetPlanned(Event, frozen=True, gc=False, tag="ASSET_MATERIALIZATION_PLANNED"):
    """The run plans to materialize an asset."""

    event_type: ClassVar[EventType] = EventType.ASSET_MATERIALIZATION_PLANNED
    step_key: str | None
    asset: tuple[str, ...]
    partition: str | None = None

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Intends to materialize asset {'/'.join(self.asset)}."


class ExpectationChecked(Event, frozen=True, gc=False, tag="STEP_EXPECTATION_RESULT"):
    """An op reported whether an expectation of the data held."""

    event_type: ClassVar[EventType] = EventType.STEP_EXPECTATION_RESULT
    step_key: str
    success: bool
    label: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def event_specific_data(self) -> ExpectationData:
        """The expectation, in Dagster's form."""
        return ExpectationData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        verdict = "passed" if self.success else "failed"
        return f"Expectation {self.label or self.description or ''} {verdict}".replace("  ", " ")


class AssetCheckPlanned(Event, frozen=True, gc=False, tag="ASSET_CHECK_EVALUATION_PLANNED"):
    """The run plans to check an asset; `asset` is the path of its key."""

    event_type: ClassVar[EventType] = EventType.ASSET_CHECK_EVALUATION_PLANNED
    step_key: str | None
    asset: tuple[str, ...]
    check: str

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Intends to check {self.check!r} of asset {'/'.join(self.asset)}."


class AssetCheckEvaluated(Event, frozen=True, gc=False, tag="ASSET_CHECK_EVALUATION"):
    """An asset was checked.

    Attributes:
        severity: `WARN` or `ERROR`: how bad it is if it did not pass.
        blocking: Whether downstream assets wait for it.
        target: The storage id of the materialization that was checked, if it is known.
        target_run: The run of that materialization.
        partition: The partition that was checked.
    """

    event_type: ClassVar[EventType] = EventType.ASSET_CHECK_EVALUATION
    step_key: str | None
    asset: tuple[str, ...]
    check: str
    passed: bool
    severity: str = "ERROR"
    description: str | None = None
    metadata: dict[str, Any] = {}
    blocking: bool = False
    partition: str | None = None
    target: int | None = None
    target_run: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether it did not pass and counts as an error."""
        return not self.passed and self.severity == "ERROR"

    @property
    def event_specific_data(self) -> EventData:
        """The evaluation, with metadata objects."""
        return EventData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        verdict = "passed" if self.passed else f"did not pass ({self.severity})"
        return f"Check {self.check!r} of asset {'/'.join(self.asset)} {verdict}."
