"""Fuzzed queries and bodies get proper answers: data, or errors in words; nothing breaks."""

from __future__ import annotations

import json
import sys

import pytest

from tests.server.conftest import Client
from tests.server.fuzzing import bodies

COUNT = 150


def judged(client: Client, body: bytes) -> int:
    """Send a body; the status of the answer, which is a proper one."""
    headers = {**client.headers, "Content-Type": "application/json"}
    response = client.http.post("/graphql", content=body, headers=headers)
    assert response.status_code in (200, 400), (body, response.text)
    answer = response.json()
    assert "data" in answer, body
    if response.status_code == 400:
        assert answer["data"] is None
        assert answer["errors"], body
    for error in answer.get("errors", ()):
        assert error["message"], body
        assert "Traceback" not in error["message"]
        # What jobnb itself did wrong would be one of Python's own errors, without a place to look.
        for kind in ("has no attribute", "NoneType", "not subscriptable", "unhashable", "sqlite3"):
            assert kind not in error["message"], (body, error)
    return response.status_code


@pytest.mark.parametrize("seed", [1, 2])
def test_fuzzed_requests_get_proper_answers(client: Client, seed: int) -> None:
    found = [judged(client, body) for body in bodies(seed, COUNT)]
    assert found.count(200) > COUNT / 20
    assert found.count(400) > COUNT / 20
    assert client.ask("{ version }")


def test_too_much_is_refused(client: Client) -> None:
    headers = {**client.headers, "Content-Type": "application/json"}
    long = client.http.post("/graphql", content=b" " * 2_000_001, headers=headers)
    assert long.status_code == 413
    deep = "{ runsOrError { ... on Runs { results " + "{ pipeline { ... on PipelineSnapshot " * 1
    nested = "{ a" * 40 + " }" * 40
    for query, words in (
        (nested, "deep"),
        ("{ " + " ".join(f"a{n}: version" for n in range(11_000)) + " }", ""),
        (_laughs(), "fields"),
        (deep, "Syntax Error"),
    ):
        response = client.post(query)
        assert response.status_code == 400
        assert words in response.json()["errors"][0]["message"]


def _laughs() -> str:
    """Fragments of which each uses the next one ten times."""
    names = [f"f{number}" for number in range(8)]
    parts = [
        f"fragment {name} on Query {{ {' '.join([f'...{names[n + 1]}'] * 10)} }}"
        for n, name in enumerate(names[:-1])
    ]
    return "{ ...f0 } " + " ".join(parts) + f" fragment {names[-1]} on Query {{ version }}"


if __name__ == "__main__":  # python -m tests.server.test_fuzz ADDRESS TOKEN COUNT SEED
    import pathlib

    address, token, count, seed = sys.argv[1:]
    asker = Client(address, pathlib.Path())
    asker.headers = {"Authorization": f"token {token}"}
    statuses: dict[int, int] = {}
    for body in bodies(int(seed), int(count)):
        status = judged(asker, body)
        statuses[status] = statuses.get(status, 0) + 1
    print(json.dumps(statuses))
