"""Convert the state of a run to the marks on its picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from jobnb.display.folding import gravest
from jobnb.display.palette import WORDS
from jobnb.display.picture import UNMARKED, Checks, Mark, Status, duration_text
from jobnb.display.text import shorten
from jobnb.events import AssetCheckEvaluated
from jobnb.state import RunState, RunStatus, StepState, StepStatus

Cards = Mapping[str, Sequence[str]]
"""The cards of each step, where they are not called as the step is."""

_STEP = {
    StepStatus.QUEUED: Status.QUEUED,
    StepStatus.RUNNING: Status.RUNNING,
    StepStatus.RETRYING: Status.RUNNING,
    StepStatus.SUCCEEDED: Status.SUCCEEDED,
    StepStatus.FAILED: Status.FAILED,
    StepStatus.SKIPPED: Status.SKIPPED,
    StepStatus.BLOCKED: Status.BLOCKED,
    StepStatus.CANCELED: Status.CANCELED,
}
_RUN = {
    RunStatus.SUCCESS: Status.SUCCEEDED,
    RunStatus.FAILURE: Status.FAILED,
    RunStatus.CANCELED: Status.CANCELED,
    RunStatus.CANCELING: Status.RUNNING,
    RunStatus.STARTED: Status.RUNNING,
    RunStatus.STARTING: Status.RUNNING,
}


def step_status(status: StepStatus) -> Status:
    """Return the card status of a step status."""
    return _STEP[status]


def run_status(status: RunStatus) -> Status:
    """Return the card status of a run status."""
    return _RUN.get(status, Status.QUEUED)


def run_word(status: RunStatus) -> str:
    """Return the word for a status of a run, as of a step or a partition.

    Example:
        >>> run_word(RunStatus.FAILURE), run_word(RunStatus.CANCELING)
        ('failed', 'canceling')
    """
    return "canceling" if status is RunStatus.CANCELING else WORDS[run_status(status)]


def base_key(step_key: str) -> str:
    """Return the key of the step without the mapping key of a dynamic one.

    Example:
        >>> base_key("clean[a_b]")
        'clean'
    """
    return step_key.split("[", 1)[0]


def cards_of_step(cards: Cards, step_key: str) -> Sequence[str]:
    """Return the cards of a step; of one inside of a graph, those of the graph if it has none.

    Example:
        >>> cards_of_step({"sales": ["shop/sales"]}, "sales.add[a]")
        ['shop/sales']
    """
    base = name = base_key(step_key)
    while name:
        if name in cards:
            return cards[name]
        name = name.rpartition(".")[0]
    return [base]


def run_marks(
    state: RunState,
    cards: Cards | None = None,
    details: Mapping[str, str] | None = None,
    elements: Mapping[str, int] | None = None,
) -> dict[str, Mark]:
    """Return the mark of each card that the run touches.

    Args:
        state: How the run stands.
        cards: The cards of each step, where they are not called as the step is.
        details: A few words on what came out, by card.
        elements: Over how many elements of a dynamic output a step is mapped, where that is known.
    """
    by_card: dict[str, list[StepState]] = defaultdict(list)
    for key, step in state.steps.items():
        for card in cards_of_step(cards or {}, key):
            by_card[card].append(step)
    marks = {
        card: _mark(
            steps,
            (details or {}).get(card, ""),
            max((elements or {}).get(base_key(step.key), 0) for step in steps),
        )
        for card, steps in by_card.items()
    }
    for card, checks in check_counts(state.checked.values()).items():
        marks[card] = msgspec.structs.replace(marks.get(card, UNMARKED), checks=checks)
    return marks


def check_status(event: AssetCheckEvaluated) -> Status:
    """Return the state whose colour and sign a check is shown with."""
    return check_count(event).status


def check_word(event: AssetCheckEvaluated) -> str:
    """Return the result of a check, in a word."""
    if event.passed:
        return "passed"
    return "failed" if event.is_error else "warned"


def check_count(event: AssetCheckEvaluated) -> Checks:
    """Return the result of a check, to be added up."""
    return Checks(event.passed, not event.passed and not event.is_error, event.is_error)


def check_counts(evaluations: Iterable[AssetCheckEvaluated]) -> dict[str, Checks]:
    """Return the results of each asset's checks, by the asset's card."""
    found: dict[str, Checks] = defaultdict(Checks)
    for event in evaluations:
        found["/".join(event.asset)] += check_count(event)
    return dict(found)


def because_words(step: StepState) -> str:
    """Describe how far a step is, what it waits for or why it was skipped; empty for nothing."""
    if words := progress_words(step):
        return words
    if step.pool and not step.is_finished:
        return f"waits for a place in the pool {step.pool}"
    if not step.because:
        return ""
    names = ", ".join(step.because)
    if step.status is StepStatus.BLOCKED:
        return f"a blocking check did not pass: {names}"
    return f"because of {names}"


def progress_words(step: StepState) -> str:
    """Describe how far an active step is, as far as it has reported that; else empty."""
    running = step.status is StepStatus.RUNNING and step.progress is not None
    return step.progress.words if running and step.progress is not None else ""


def real_steps(state: RunState) -> list[StepState]:
    """Return the steps that can run: the elements of a mapped step replace it."""
    mapped = {base_key(key) for key in state.steps if "[" in key}
    return [step for key, step in state.steps.items() if key not in mapped]


def _mark(steps: Sequence[StepState], detail: str, elements: int) -> Mark:
    """Return the mark of a step; the elements of a mapped step share one."""
    mapped = [step for step in steps if "[" in step.key]
    waiting = any(step.status is StepStatus.QUEUED for step in steps if "[" not in step.key)
    if not mapped and not (elements and waiting):
        mapped, elements = list(steps), 0
    many = max(len(mapped), elements)
    if many == len(mapped) == 1:
        return step_mark(mapped[0], detail)
    counts = Counter(step_status(step.status) for step in mapped)
    status, done = gravest(counts), counts[Status.SUCCEEDED]
    if waiting and many > len(mapped) and status in (Status.NONE, Status.SUCCEEDED):
        status = Status.RUNNING if done else Status.QUEUED  # the others are still to come
    failed = status is Status.FAILED
    words = f"{counts[status]:,} of {many:,} failed" if failed else f"{done:,} of {many:,}"
    if detail and done == many:
        words = detail
    return Mark(status, words, duration_text(_total(mapped)))


def _total(steps: Iterable[StepState]) -> float | None:
    seconds = [step.seconds for step in steps if step.seconds is not None]
    return sum(seconds) if seconds else None


def step_mark(step: StepState, detail: str = "") -> Mark:
    """Return the mark of one step."""
    if step.status is StepStatus.FAILED and step.error is not None:
        detail = shorten(f"{step.error.cls_name}: {step.error.message[:400]}".rstrip(": "), 120)
    elif step.status is StepStatus.RETRYING or (step.attempts > 1 and not detail):
        detail = f"attempt {step.attempts}"
    if not (words := progress_words(step)):
        return Mark(step_status(step.status), detail, duration_text(step.seconds))
    detail = " · ".join(part for part in (shorten(words, 120), detail) if part)
    fraction = step.progress.fraction if step.progress is not None else None
    return Mark(Status.RUNNING, detail, progress=fraction)
