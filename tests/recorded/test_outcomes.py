"""Small definitions come to what they came to under Dagster 1.4.7: `outcomes.jsonl` keeps that."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobnb import dagster_compat
from tests.recorded.builds import outcome_of
from tests.recorded.differences import REASONS, differences

TABLE = [
    json.loads(line) for line in (Path(__file__).parent / "outcomes.jsonl").read_text().splitlines()
]
KINDS = ("job", "assets", "partition", "config", "model")
THEIR_NAMES = {
    getattr(dagster_compat, name): name
    for name in dagster_compat.SPELLINGS
    if name.startswith("Dagster")
}


class Names(SimpleNamespace):
    """Dagster's names, as jobnb has them."""

    def __getattr__(self, name: str) -> Any:
        return getattr(dagster_compat, name)

    @staticmethod
    def names_of_error(error: BaseException) -> list[str]:
        """The classes of an error, by their own name and by Dagster's."""
        own = [each.__name__ for each in type(error).__mro__]
        return own + [THEIR_NAMES[each] for each in type(error).__mro__ if each in THEIR_NAMES]


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[Any, list[str]]]]:
    """By kind, each description with all that differs from the table."""
    told: dict[str, list[tuple[Any, list[str]]]] = {kind: [] for kind in KINDS}
    for line in TABLE:
        said = line["description"]
        ours = json.loads(json.dumps(outcome_of(said, Names())))
        told[said["kind"]].append((said, list(differences(said, line["outcome"], ours))))
    return told


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_differs_but_what_differs_on_purpose(kind, found):
    wrong = [
        (each, told) for each, all_told in found[kind] if (told := set(all_told) - set(REASONS))
    ]
    assert not wrong, "\n".join(f"{told}\n    {json.dumps(each)}" for each, told in wrong)


def test_the_table_has_hundreds_of_each_sort_and_every_reason_has_its_use(found):
    kinds = Counter(line["description"]["kind"] for line in TABLE)
    assert sum(kinds.values()) >= 500
    assert all(kinds[kind] >= 50 for kind in KINDS)
    used = {each for told in found.values() for _, all_told in told for each in all_told}
    assert used == set(REASONS)
