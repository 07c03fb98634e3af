"""Fuzzed queries and bodies get proper answers: data, or errors in words; nothing breaks.

`pytest -m long tests/server/test_fuzz.py` asks a hundred thousand times.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.fuzzing import bodies
from tests.server.in_process import InProcess, served_in_process

FEW, MANY = 150, 25_000
ANSWERED, REFUSED = 200, 400
# What jobnb itself did wrong would be one of Python's own errors, without a place to look.
OWN = ("has no attribute", "NoneType", "not subscriptable", "unhashable", "sqlite3", "Traceback")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcess]:
    """The server, with some runs and a backfill in its history."""
    monkeypatch.setenv("JOBNB_HOME", str(tmp_path / "home"))
    with served_in_process(tmp_path) as found:
        yield found


def known_in(asked: InProcess) -> dict[str, list[str]]:
    """Launch some runs and a backfill; their ids by the argument that names them."""
    runs = [asked.launched(job) for job in ("nested", "broken", "hooked", "shop_job")]
    [backfill] = asked.ask(
        "mutation ($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {"
        " ... on LaunchBackfillSuccess { backfillId } } }",
        p={"assetSelection": [{"path": ["letters"]}], "partitionNames": ["a", "c"]},
    )["data"].values()
    asked.settle()
    ids = dict.fromkeys(("runId", "runIds", "parentRunId", "rootRunId"), runs)
    return {**ids, "backfillId": [backfill["backfillId"]], "cursor": [*runs, "2", '["orders"]']}


def refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def judged(asked: InProcess, body: bytes) -> int:
    """Send a body; the status of the answer, which is a proper one."""
    status, text = asked.post(body)
    assert status in (ANSWERED, REFUSED), (body, text)
    answer = json.loads(text, parse_constant=refuse)
    assert "data" in answer, body
    if status == REFUSED:
        assert answer["data"] is None
        assert answer["errors"], body
    for error in answer.get("errors", ()):
        assert error["message"], body
        assert not [each for each in OWN if each in error["message"]], (body, error)
    assert asked.unexpected.found == [], body
    return status


def fuzz(asked: InProcess, seed: int, count: int) -> Counter[int]:
    known = known_in(asked)
    found = Counter(judged(asked, body) for body in bodies(seed, count, known))
    assert min(found[ANSWERED], found[REFUSED]) > count / 20
    return found


def test_fuzzed_requests_get_proper_answers(asked: InProcess) -> None:
    fuzz(asked, 1, FEW)
    assert asked.ask("{ version }")["data"]


@pytest.mark.long
@pytest.mark.timeout(20_000)
@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_very_many_fuzzed_requests_get_proper_answers(asked: InProcess, seed: int) -> None:
    fuzz(asked, seed, MANY)
    assert asked.ask("{ version }")["data"]


SCHEDULE = """
query ($at: Float, $limit: Int) {
  scheduleOrError(scheduleSelector: {
    repositoryName: "__repository__", repositoryLocationName: "shop.ipynb", scheduleName: "morning"
  }) { ... on Schedule { %s } }
}
"""
FAR = [1e308, -1e308, 253402300800.0, -62135596801.0, 1e12, -1e12, 2.0**63]
FIELDS = [
    "potentialTickTimestamps(startTimestamp: $at, upperLimit: $limit, lowerLimit: $limit)",
    "futureTicks(cursor: $at, limit: $limit) { cursor results { timestamp } }",
]


@pytest.mark.parametrize("field", FIELDS)
def test_a_moment_that_no_calendar_has_is_refused_in_words(asked: InProcess, field: str) -> None:
    for at in FAR:
        [error] = asked.ask(SCHEDULE % field, at=at, limit=3)["errors"]
        assert "give a time in seconds since 1970" in error["message"]
    assert asked.unexpected.found == []


@pytest.mark.parametrize("field", FIELDS)
def test_ticks_end_with_the_calendar(asked: InProcess, field: str) -> None:
    for at in (253339228800.0, -62104060800.0, 0.0, -1.5):
        for limit in (-(2**31), -1, 0, 3, 2**31 - 1):
            assert "errors" not in asked.ask(SCHEDULE % field, at=at, limit=limit)
    assert asked.unexpected.found == []


def test_a_moment_is_refused_wherever_one_is_given(asked: InProcess) -> None:
    for name in ("createdBefore", "createdAfter", "updatedBefore", "updatedAfter"):
        query = "query ($f: RunsFilter) { runsOrError(filter: $f) { ... on Error { message } } }"
        answer = asked.ask(query, f={name: 1e308})["data"]["runsOrError"]
        assert answer["message"].startswith(f"{name} is 1e+308: give a time")
    dry = (
        "mutation ($s: ScheduleSelector!) { scheduleDryRun(selectorData: $s, timestamp: -1e300) {"
        " ... on Error { message } } }"
    )
    place = {"repositoryName": "__repository__", "repositoryLocationName": "shop.ipynb"}
    answer = asked.ask(dry, s={**place, "scheduleName": "morning"})["data"]["scheduleDryRun"]
    assert answer["message"].startswith("timestamp is -1e+300: give a time")


@pytest.mark.parametrize("cursor", ["nan", "inf", "-inf", "1e999", "1e300", "soon"])
def test_what_is_no_cursor_of_ticks_is_told(asked: InProcess, cursor: str) -> None:
    query = SCHEDULE.replace("($at: Float, $limit: Int)", "") % (
        f'scheduleState {{ ticks(cursor: "{cursor}") {{ id }} }}'
    )
    [error] = asked.ask(query)["errors"]
    assert error["message"].startswith("cursor is ")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"query": "{ version }", "variables": {"a": NaN}}', "NaN"),
        (b'{"query": "{ version }", "variables": {"a": -Infinity}}', "Infinity"),
        (b'{"query": "{ version }", "variables": {"a": 1e999}}', "too large"),
        (b'{"query": "{ version }", "variables": {"a": ' + b"9" * 5000 + b"}}", "5,000 digits"),
        (b'{"query": "{ version }", "variables": {"a": "\\ud800"}}', "surrogate"),
        (b'{"query": "{ version }", "variables": {"a": "\xff"}}', "no UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"query": "{ runsOrError(filter: {createdAfter: 1e999}) { __typename } }"}', "large"),
    ],
)
def test_numbers_and_texts_that_are_none_are_refused(
    asked: InProcess, body: bytes, words: str
) -> None:
    assert judged(asked, body) == REFUSED
    assert words in asked.post(body)[1]


def test_too_much_is_refused(asked: InProcess) -> None:
    assert asked.post(b" " * 2_000_001)[0] == 413
    deep = "{ runsOrError { ... on Runs { results { pipeline { ... on PipelineSnapshot "
    nested = "{ a" * 40 + " }" * 40
    for query, words in (
        (nested, "deep"),
        ("{ " + " ".join(f"a{n}: version" for n in range(11_000)) + " }", ""),
        (_laughs(), "fields"),
        (deep, "Syntax Error"),
    ):
        body = json.dumps({"query": query}).encode()
        assert judged(asked, body) == REFUSED
        assert words in asked.post(body)[1]


def _laughs() -> str:
    """Fragments of which each uses the next one ten times."""
    names = [f"f{number}" for number in range(8)]
    parts = [
        f"fragment {name} on Query {{ {' '.join([f'...{names[n + 1]}'] * 10)} }}"
        for n, name in enumerate(names[:-1])
    ]
    return "{ ...f0 } " + " ".join(parts) + f" fragment {names[-1]} on Query {{ version }}"


def test_a_cursor_beyond_what_a_database_holds_is_answered(asked: InProcess) -> None:
    run_id = asked.launched("nested")
    asked.settle()
    query = (
        "query ($r: ID!, $c: String) { runOrError(runId: $r) { ... on Run {"
        " eventConnection(afterCursor: $c) { events { __typename } hasMore } } } }"
    )
    for cursor in (str(10**19), str(10**30)):
        answer = asked.ask(query, r=run_id, c=cursor)
        found = answer["data"]["runOrError"]["eventConnection"]
        assert found == {"events": [], "hasMore": False}
    [error] = asked.ask(query, r=run_id, c="9" * 5000)["errors"]
    assert "is no cursor of an event log" in error["message"]
    assert asked.unexpected.found == []
