"""A backfill as it is seen: its counts, its first failures, and what can be done."""

from __future__ import annotations

import threading

import pytest

from jobnb import (
    Instance,
    InvalidSubsetError,
    Session,
    StaticPartitionsDefinition,
    asset,
    job,
    op,
    static_partitioned_config,
)
from jobnb.display.backfill_views import backfill_view
from jobnb.display.view import bundle
from jobnb.display.widgets.backfill import BackfillView

LETTERS = StaticPartitionsDefinition(["<b>a</b>", "b", "c", "d"])
GATE = threading.Event()
BAD = set()


@asset(partitions_def=LETTERS)
def letters(context) -> None:
    GATE.wait(20)
    if context.partition_key in BAD:
        raise ValueError("<script>no</script>")


@pytest.fixture
def session():
    BAD.clear()
    GATE.set()
    return Session().add(letters)


def test_the_static_copy_tells_counts_and_the_first_failure_escaped(session):
    BAD.update(["<b>a</b>", "c"])
    backfill = session.backfill("letters", instance=Instance.ephemeral()).wait(20)
    made = bundle(backfill_view(backfill))
    text, html = made["text/plain"], made["text/html"]
    assert "4 of 4 partitions done (100%): 2 made, 2 failed" in text
    assert "failed: letters, partition <b>a</b>" in text
    assert "ValueError: &lt;script&gt;no&lt;/script&gt;" in html
    assert "<script>" not in html
    assert "<b>a" not in html
    assert f"session.resume_backfill(&quot;{backfill.backfill_id}&quot;)" in html


def test_one_that_is_done_has_nothing_left_to_do(session):
    backfill = session.backfill("letters", instance=Instance.ephemeral()).wait(20)
    view = BackfillView(backfill)
    assert (view.can, view.failures) == ([], [])
    assert view.head["parts"] == [{"word": "made", "status": "succeeded", "count": 4}]
    assert (view.head["status"], view.head["done"], view.head["total"]) == ("succeeded", 4, 4)
    assert "resume" not in bundle(backfill_view(backfill))["text/html"]
    with pytest.raises(InvalidSubsetError, match="cannot do 'cancel'"):
        view.answer("act", deed="cancel")


def test_one_that_goes_on_can_be_canceled(session):
    GATE.clear()
    backfill = session.backfill("letters", instance=Instance.ephemeral())
    view = BackfillView(backfill)
    assert view.can == ["cancel"]
    assert view.answer("act", deed="cancel") is True
    GATE.set()
    backfill.wait(20)
    view.refresh()
    assert view.head["status"] == "canceled"
    assert view.can == ["resume"]


def test_what_failed_is_tried_again(session, monkeypatch):
    BAD.add("b")
    backfill = session.backfill("letters", instance=Instance.ephemeral()).wait(20)
    view = BackfillView(backfill)
    (failure,) = view.failures
    assert (failure["step"], failure["says"]) == (
        "letters, partition b",
        "ValueError: <script>no</script>",
    )
    BAD.clear()
    monkeypatch.setattr("jobnb.display.widgets.backfill.current_session", lambda: session)
    view.answer("act", deed="resume")
    view._backfill.wait(20)
    view.refresh()
    assert (view.head["status"], view.can, view.failures) == ("succeeded", [], [])


def test_a_config_that_could_not_be_had_is_told_with_its_partition_and_function():
    @static_partitioned_config(["a", "b"])
    def by_letter(key):
        raise LookupError(f"no {key} <here>")

    @op
    def load(): ...

    @job(config=by_letter)
    def letters():
        load()

    backfill = letters.backfill("b", instance=Instance.ephemeral()).wait(30)
    made = bundle(backfill_view(backfill))
    assert made["text/plain"].startswith("backfill of letters ✗ failed: 1 of 1")
    assert "failed: partition b" in made["text/plain"]
    assert "gave no run config for the partition" in made["text/html"]
    assert "no b &lt;here&gt;" in made["text/html"]
    view = BackfillView(backfill)
    assert view.failures[0]["step"] == "partition b"
    assert view.head["title"] == "letters"


def test_of_one_that_goes_on_only_what_fails_again_is_told(session):
    BAD.update(["b", "c"])
    instance = Instance.ephemeral()
    backfill = session.backfill("letters", instance=instance).wait(20)
    assert [each["step"] for each in BackfillView(backfill).failures] == [
        "letters, partition b",
        "letters, partition c",
    ]
    BAD.discard("b")
    again = session.resume_backfill(backfill.backfill_id, instance=instance).wait(20)
    assert [each["step"] for each in BackfillView(again).failures] == ["letters, partition c"]
