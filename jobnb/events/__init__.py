"""The events of runs: one small frozen struct per kind, ready to be JSON.

The runner only appends events. `fold` (in `jobnb.state`) is the only code that interprets
them. Field values are JSON-ready: keys of assets are lists of parts, metadata is
the JSON form of `MetadataValue`. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from types import GenericAlias
from typing import Any

import msgspec

from jobnb.events.data import StepFailureData
from jobnb.events.event import (
    ErrorInfo,
    Event,
    EventType,
)
from jobnb.events.of_runs import (
    EngineNote,
    Logged,
    ResourceFailed,
    ResourceStarted,
    ResourceSucceeded,
    RunCanceled,
    RunCanceling,
    RunFailed,
    RunQueued,
    RunStarted,
    RunStarting,
    RunSucceeded,
)
from jobnb.events.of_steps import (
    HookCompleted,
    HookErrored,
    HookSkipped,
    StepFailed,
    StepProgressed,
    StepRestarted,
    StepRetried,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from jobnb.events.of_values import (
    AssetCheckEvaluated,
    AssetCheckPlanned,
    AssetMaterialized,
    AssetObserved,
    AssetPlanned,
    ExpectationChecked,
    InputChecked,
    InputLoaded,
    OutputHandled,
    OutputYielded,
)

__all__ = [
    "AssetCheckEvaluated",
    "AssetCheckPlanned",
    "AssetMaterialized",
    "AssetObserved",
    "AssetPlanned",
    "EngineNote",
    "ErrorInfo",
    "Event",
    "EventType",
    "ExpectationChecked",
    "HookCompleted",
    "HookErrored",
    "HookSkipped",
    "InputChecked",
    "InputLoaded",
    "Logged",
    "OutputHandled",
    "OutputYielded",
    "ResourceFailed",
    "ResourceStarted",
    "ResourceSucceeded",
    "RunCanceled",
    "RunCanceling",
    "RunFailed",
    "RunQueued",
    "RunStarted",
    "RunStarting",
    "RunSucceeded",
    "StepFailed",
    "StepFailureData",
    "StepProgressed",
    "StepRestarted",
    "StepRetried",
    "StepSkipped",
    "StepStarted",
    "StepSucceeded",
    "decode_event",
    "decode_events",
    "encode_event",
    "encode_events",
]

_KINDS = (
    RunQueued,
    RunStarting,
    RunStarted,
    RunSucceeded,
    RunFailed,
    RunCanceling,
    RunCanceled,
    EngineNote,
    ResourceStarted,
    ResourceSucceeded,
    ResourceFailed,
    StepStarted,
    StepRestarted,
    StepProgressed,
    StepSucceeded,
    StepFailed,
    StepRetried,
    StepSkipped,
    InputLoaded,
    InputChecked,
    OutputYielded,
    OutputHandled,
    AssetMaterialized,
    AssetObserved,
    AssetPlanned,
    ExpectationChecked,
    AssetCheckPlanned,
    AssetCheckEvaluated,
    HookCompleted,
    HookSkipped,
    HookErrored,
    Logged,
)


def _as_text(value: Any) -> str:
    """Return a text of a class of its own, such as `MultiPartitionKey`, as it is stored."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"An event holds {value!r}, which is not stored.")


_encoder = msgspec.json.Encoder(enc_hook=_as_text)


@cache
def _decoder() -> msgspec.json.Decoder[list[Event]]:
    """Return what reads events: putting all kinds together takes longer than a short run."""
    return msgspec.json.Decoder(GenericAlias(list, (reduce(or_, _KINDS),)))


@cache
def _decoder_of_one() -> msgspec.json.Decoder[Event]:
    """Return what reads one event, of whichever kind."""
    return msgspec.json.Decoder(reduce(or_, _KINDS))


def encode_events(events: list[Event]) -> bytes:
    """Encode events as one JSON list."""
    return _encoder.encode(events)


def encode_event(event: Event) -> bytes:
    """Encode one event."""
    return _encoder.encode(event)


def decode_events(data: bytes) -> list[Event]:
    """Decode the events that `encode_events` wrote."""
    return _decoder().decode(data)


def decode_event(data: bytes) -> Event:
    """Decode one event."""
    return _decoder_of_one().decode(data)
