"""What the tests look at: the events of a result, as short lines."""

from __future__ import annotations

from jobnb.events import EngineNote

QUIET = ("RESOURCE_INIT_STARTED", "RESOURCE_INIT_SUCCESS")


def told(result, step=None):
    """`KIND step` of each event, without the runner's own notes."""
    return [
        event.event_type_value + (f" {event.step_key}" if event.step_key else "")
        for event in result.all_events
        if not isinstance(event, EngineNote)
        and event.event_type_value not in QUIET
        and (step is None or event.step_key == step)
    ]


def kinds(result, step):
    """The kinds of event of one step."""
    return [e.event_type_value for e in result.all_events if e.step_key == step]


def of_kind(result, kind, step=None):
    """The events of one kind."""
    return [
        e
        for e in result.all_events
        if e.event_type_value == kind and (step is None or e.step_key == step)
    ]
