"""The static view of a run: its state on the graph, outputs, failures, log."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from jobnb.definitions.jobs.job_config import run_title
from jobnb.display.failures import error_html, error_text
from jobnb.display.html import (
    EMPTY,
    Html,
    badge,
    code,
    folded,
    header,
    join,
    pairs,
    table,
    tabs,
    tag,
)
from jobnb.display.markdown_html import inline
from jobnb.display.metadata import metadata_html
from jobnb.display.palette import COLOURS, SIGNS, WORDS
from jobnb.display.picture import Picture, duration_text, marked
from jobnb.display.run_marks import (
    Cards,
    because_words,
    cards_of_step,
    check_status,
    check_word,
    real_steps,
    run_marks,
    run_status,
    step_status,
)
from jobnb.display.text import counted, moment, shorten, table_text
from jobnb.display.value_words import short_repr, value_line
from jobnb.display.values import value_html
from jobnb.display.view import View, picture_html
from jobnb.events import Event, Logged
from jobnb.state import RunState, RunStatus, StepState, StepStatus

_MOST_ROWS = 200
_MOST_VALUES = 30
_MOST_LINES = 300


@dataclass(frozen=True, slots=True)
class RunViewData:
    """The data of a run's static view.

    Attributes:
        state: Its state.
        run_id: Its id.
        picture: The graph it ran, unmarked.
        cards: The cards of each step, where they are not called as the step is.
        values: What came out, by the card or output it belongs to.
        events: What happened, for the log.
        tags: Tags of the run.
    """

    state: RunState
    run_id: str = ""
    picture: Picture | None = None
    cards: Cards = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Event] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def run_view(look: RunViewData) -> View:
    """Return the view of a run: status, graph, failures, values, steps, metadata and log."""
    state = look.state
    picture = _marked_picture(look)
    failed = [step for step in state.steps.values() if step.status is StepStatus.FAILED]
    html = join(
        [
            header(state.title, "run", run_status(state.status), _summary(look)),
            *(_failure(step) for step in failed[:5]),
            _own_error(state, failed),
            picture_html(picture) if picture else EMPTY,
            tabs(
                [
                    ("Outputs", _values(look)),
                    ("Checks", _checks(state)),
                    ("Steps", _steps(state)),
                    ("Metadata", _metadata(state)),
                    (f"Log, {counted(_lines(look.events), 'line')}", _log(look.events)),
                    ("Tags", pairs(dict(look.tags))),
                ],
                open_=1,
            ),
        ]
    )
    return View(f"run of {state.title}", _text(look, failed), html, picture)


def _marked_picture(look: RunViewData) -> Picture | None:
    if look.picture is None:
        return None
    details = {card: _detail(value) for card, value in look.values.items()}
    marks = run_marks(look.state, look.cards, details)
    named = msgspec.structs.replace(look.picture, title=run_title(look.picture.title))
    return marked(named, marks)


def _detail(value: Any) -> str:
    """Return the size of a value, where it has one; its type stands on the card already."""
    line = value_line(value)
    return line.partition(", ")[2] if ", " in line and not line.startswith(("(", "[", "{")) else ""


_COUNTED = (
    StepStatus.FAILED,
    StepStatus.SUCCEEDED,
    StepStatus.SKIPPED,
    StepStatus.BLOCKED,
    StepStatus.CANCELED,
)


def _summary(look: RunViewData) -> str:
    state, steps = look.state, real_steps(look.state)
    counts = Counter(step.status for step in steps)
    parts = [f"{counts[status]:,} {status.value}" for status in _COUNTED if counts[status]]
    left = sum(not step.is_finished for step in steps)
    parts += [f"{left:,} to go"] if left else []
    parts += ["nothing had to be done"] if state.is_success and not steps else []
    return " · ".join([*parts, duration_text(state.seconds), look.run_id[:8]]).strip(" ·")


def _failure(step: StepState) -> Html:
    head = tag("div", tag("strong", f"Failed: {step.key}"), css="jn-header")
    return join([head, error_html(step.error, step.failure) if step.error else EMPTY])


def _own_error(state: RunState, failed: Sequence[StepState]) -> Html:
    """Return an error of the run itself, outside of any step."""
    if state.error is None or failed or state.status is RunStatus.SUCCESS:
        return EMPTY
    return error_html(state.error)


_OPEN_VALUES = 3


def _values(look: RunViewData) -> Html:
    """Return the outputs; the first few open, the rest folded."""
    shown = list(look.values.items())
    parts = [_value(name, value, place) for place, (name, value) in enumerate(shown[:_MOST_VALUES])]
    left = len(shown) - _MOST_VALUES
    more = tag("div", f"… {counted(left, 'more output')}", css="jn-muted") if left > 0 else None
    return join([*parts, more])


def _value(name: str, value: Any, place: int) -> Html:
    line = value_line(value)
    if type(value).__module__ == "builtins" and line == short_repr(value, 81):
        return tag("div", code(name), " ", code(line), css="jn-value")
    head = join([code(name), " ", tag("span", line, css="jn-muted")])
    body = value_html(value)
    return join([tag("div", head), body]) if place < _OPEN_VALUES else folded(head, body)


def _steps(state: RunState) -> Html:
    steps = sorted(real_steps(state), key=lambda step: step.started or float("inf"))
    span = _span(steps)
    rows = [
        [
            code(step.key),
            badge(step_status(step.status)),
            duration_text(step.seconds),
            _bar(step, span),
            str(step.attempts) if step.attempts > 1 else "",
            _why(step),
        ]
        for step in steps[:_MOST_ROWS]
    ]
    left = len(steps) - _MOST_ROWS
    more = tag("div", f"… {counted(left, 'more step')}", css="jn-muted") if left > 0 else None
    titles = ["step", "status", "time", "when", "attempts", ""]
    return join([table(titles, rows), more]) if rows else EMPTY


def _checks(state: RunState) -> Html:
    """Return the results of the run's checks."""
    rows = [
        [
            code("/".join(event.asset)),
            code(event.check),
            badge(check_status(event), check_word(event)),
            inline(shorten(event.description or "", 2000)),
            metadata_html(event.metadata) if event.metadata else EMPTY,
        ]
        for event in list(state.checked.values())[:_MOST_ROWS]
    ]
    return table(["asset", "check", "", "", ""], rows) if rows else EMPTY


_BAR = 180.0


def _span(steps: Sequence[StepState]) -> tuple[float, float]:
    """Return the start of the first step and the end of the last, in seconds since the epoch."""
    begun = [step for step in steps if step.started is not None]
    if not begun:
        return 0.0, 0.0
    first = min(step.started or 0.0 for step in begun)
    last = max((step.started or 0.0) + (step.seconds or 0.0) for step in begun)
    return first, max(last - first, 1e-6)


def _bar(step: StepState, span: tuple[float, float]) -> Html:
    """Return the bar that shows when in the run the step was active."""
    if step.started is None:
        return EMPTY
    left = min(_BAR - 2, (step.started - span[0]) / span[1] * _BAR)
    wide = min(_BAR - left, max(2.0, (step.seconds or 0.0) / span[1] * _BAR))
    css = f"jn-is-{step_status(step.status).value}"
    colour = COLOURS[step_status(step.status).value]
    track = tag("rect", css="jn-track", width=f"{_BAR:.0f}", height="8", y="4", fill="#f6f8fa")
    bar = tag(
        "rect",
        css=css,
        x=f"{left:.1f}",
        width=f"{wide:.1f}",
        height="8",
        y="4",
        rx="2",
        fill=colour,
    )
    return tag(
        "svg", track, bar, css="jn-time", width=f"{_BAR:.0f}", height="16", aria_hidden="true"
    )


def _why(step: StepState) -> str:
    if step.error is not None:
        return shorten(f"{step.error.cls_name}: {step.error.message}", 160)
    return shorten(because_words(step), 160)


def _metadata(state: RunState) -> Html:
    parts = [
        join([tag("div", code(key.to_user_string())), metadata_html(event.metadata)])
        for key, event in list(state.materialized.items())[:_MOST_VALUES]
        if event.metadata
    ]
    shown = {key.to_user_string() for key in state.materialized}
    parts += [
        join([tag("div", code(f"{step.key}.{output}")), metadata_html(metadata)])
        for step in list(state.steps.values())[:_MOST_ROWS]
        for output, metadata in step.outputs.items()
        if metadata and step.key not in shown and not state.materialized
    ]
    return join(parts)


def _lines(events: Iterable[Event]) -> int:
    return sum(isinstance(event, Logged) for event in events)


def _log(events: Sequence[Event]) -> Html:
    """Return the messages of the user's code, the last few hundred lines."""
    lines = [event for event in events if isinstance(event, Logged)]
    rows = [
        [
            _clock(event.time),
            logging.getLevelName(event.level).lower(),
            code(event.step_key) if event.step_key else "",
            shorten(event.text, 2000),
        ]
        for event in lines[-_MOST_LINES:]
    ]
    return table(["time", "level", "step", "message"], rows) if rows else EMPTY


def _clock(time: float) -> str:
    """Return a time of a log: in the format of all times, with milliseconds."""
    shown = moment(time)
    return f"{shown}.{int(time % 1 * 1000):03}" if shown else ""


def _text(look: RunViewData, failed: Sequence[StepState]) -> str:
    state = look.state
    status = run_status(state.status)
    lines = [f"run of {state.title} {SIGNS[status]} {WORDS[status]} ({_summary(look)})"]
    lines += [
        f"check {'/'.join(event.asset)}:{event.check} {check_word(event)}"
        for event in list(state.checked.values())[:_MOST_ROWS]
    ]
    for step in failed[:5]:
        lines.append(f"failed: {step.key}")
        lines += [error_text(step.error, step.failure)] if step.error else []
    values = _value_words(look)
    rows = [
        [
            SIGNS[step_status(step.status)],
            step.key,
            duration_text(step.seconds),
            _why(step) or values.get(step.key, ""),
        ]
        for step in real_steps(state)[:_MOST_ROWS]
    ]
    lines += [table_text(["", "step", "time", ""], rows)] if rows else []
    left = len(real_steps(state)) - _MOST_ROWS
    return "\n".join([*lines, *([f"… {counted(left, 'more step')}"] if left > 0 else [])])


def _value_words(look: RunViewData) -> dict[str, str]:
    """Return the values of each step in words; of a graph's steps the last has its value."""
    maker = {
        card: step.key
        for step in real_steps(look.state)
        for card in cards_of_step(look.cards, step.key)
    }
    words: dict[str, list[str]] = defaultdict(list)
    for card, key in maker.items():
        if card in look.values:
            words[key].append(value_line(look.values[card]))
    return {key: ", ".join(several) for key, several in words.items()}
