"""Retry policies: the waits, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import Backoff, InvalidDefinitionError, Jitter, RetryPolicy


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (None, [2, 2, 2, 2]),
        (Backoff.LINEAR, [2, 4, 6, 8]),
        (Backoff.EXPONENTIAL, [2, 6, 14, 30]),
    ],
)
def test_waits_grow_as_dagsters(backoff: Backoff | None, waits: list[float]) -> None:
    policy = RetryPolicy(4, delay=2, backoff=backoff)
    assert [policy.calculate_delay(attempt) for attempt in (1, 2, 3, 4)] == waits


def test_defaults() -> None:
    assert RetryPolicy() == RetryPolicy(max_retries=1, delay=None, backoff=None, jitter=None)
    assert RetryPolicy(max_retries=0).calculate_delay(1) == 0


@given(
    st.floats(0, 100),
    st.integers(1, 10),
    st.sampled_from([None, *Backoff]),
    st.floats(0, 1),
)
def test_jitter_stays_within_its_bounds(
    delay: float, attempt: int, backoff: Backoff | None, chance: float
) -> None:
    plain = RetryPolicy(9, delay, backoff).calculate_delay(attempt)
    full = RetryPolicy(9, delay, backoff, Jitter.FULL).calculate_delay(attempt, lambda: chance)
    around = RetryPolicy(9, delay, backoff, Jitter.PLUS_MINUS)
    near = around.calculate_delay(attempt, lambda: chance)
    assert 0 <= full <= plain
    assert max(0, plain - delay) <= near <= plain + delay


def test_jitter_uses_the_whole_range() -> None:
    full = RetryPolicy(1, 2, jitter=Jitter.FULL)
    around = RetryPolicy(1, 2, jitter=Jitter.PLUS_MINUS)
    assert [full.calculate_delay(1, lambda c=c: c) for c in (0.0, 1.0)] == [0, 2]  # type: ignore[misc]
    assert [around.calculate_delay(1, lambda c=c: c) for c in (0.0, 1.0)] == [0, 4]  # type: ignore[misc]


def test_a_late_attempt_still_has_a_wait() -> None:
    assert RetryPolicy(9, 1, Backoff.EXPONENTIAL).calculate_delay(10_000) > 0


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"delay": -1}, "delay"),
        ({"delay": "a"}, "delay"),
        ({"backoff": Backoff.LINEAR}, "delay="),
        ({"jitter": Jitter.FULL}, "delay="),
        ({"delay": 1, "backoff": "LINEAR"}, "Backoff.LINEAR"),
        ({"delay": 1, "jitter": Backoff.LINEAR}, "Jitter.FULL"),
    ],
)
def test_wrong_policies_are_refused(parameters: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=word):
        RetryPolicy(**parameters)
