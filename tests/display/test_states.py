"""One table of states: skipped, blocked, failed and canceled are the same in every view."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetMaterialization,
    BackfillPolicy,
    Output,
    RunStatus,
    Session,
    StaticPartitionsDefinition,
    StepStatus,
    asset,
)
from jobnb.display.backfill_views import backfill_view, parts_of
from jobnb.display.palette import COLOURS, GLYPHS, LOOKS, SIGNS, WORDS
from jobnb.display.partition_views import PARTITION_STATES, partitions_view
from jobnb.display.picture import Mark, Status
from jobnb.display.result_views import result_view
from jobnb.display.run_marks import run_marks, run_word, step_status
from jobnb.display.style import page_css
from jobnb.display.summaries import summaries
from jobnb.display.widgets.assemble import esm
from jobnb.display.widgets.catalogue_data import summary_json
from jobnb.display.widgets.run_data import step_row

LETTERS = StaticPartitionsDefinition(["a", "b", "c", "d"])


@pytest.fixture
def session(tmp_path):
    return Session(str(tmp_path))


@asset(check_specs=[AssetCheckSpec("positive", asset="orders", blocking=True)])
def orders():
    yield Output(1)
    yield AssetCheckResult(check_name="positive", passed=False)


@asset
def revenue(orders):
    return orders


@asset
def report(revenue):
    return revenue


@asset
def bad():
    raise ValueError("no")


@asset
def worse(bad):
    return bad


@pytest.fixture
def ran(session):
    session.add([orders, revenue, report, bad, worse])
    return session.materialize(raise_on_error=False)


def test_what_waits_for_a_blocking_check_is_blocked_and_so_is_what_waits_for_that(ran):
    steps = {key: step.status for key, step in ran.state.steps.items()}
    assert steps == {
        "orders": StepStatus.FAILED,
        "revenue": StepStatus.BLOCKED,
        "report": StepStatus.BLOCKED,
        "bad": StepStatus.FAILED,
        "worse": StepStatus.SKIPPED,
    }


def test_a_run_tells_blocked_from_skipped_on_cards_in_text_in_html_and_over_time(ran):
    marks = run_marks(ran.state)
    assert (marks["revenue"].status, marks["worse"].status) == (Status.BLOCKED, Status.SKIPPED)
    view = result_view(ran)
    assert "⊘  revenue" in view.text
    assert "»  worse" in view.text
    assert "1 skipped · 2 blocked" in view.text
    assert 'jn-is-blocked"><span aria-hidden="true">⊘</span> blocked' in view.html
    row = step_row(ran.state.steps["revenue"], None, None)
    assert row[1] == "blocked"
    assert "a blocking check did not pass: orders" in row


def test_every_state_of_a_step_and_of_a_partition_is_in_the_table():
    for status in StepStatus:
        assert step_status(status) in LOOKS
    for word in ("failed", "skipped", "blocked"):
        status = PARTITION_STATES[word]
        assert WORDS[status] == word == StepStatus(word).value
        assert step_status(StepStatus(word)) is status


def test_no_two_states_look_alike():
    told = [SIGNS[status] for status in Status]
    assert len(set(told)) == len(told)
    assert len(set(GLYPHS.values())) == len(GLYPHS)
    grey = {Status.QUEUED, Status.SKIPPED}
    colours = [COLOURS[status.value] for status in Status if status not in grey]
    assert len(set(colours)) == len(colours)


def test_every_state_has_its_colour_in_the_style_sheet_and_its_sign_in_the_scripts():
    sheet, script = page_css(), esm("parts/dom.js")
    for status in Status:
        assert f".jn-{status.value} {{ --jn-state: var(--jn-{status.value}); }}" in sheet
        assert f'"{status.value}":{{"word":"{WORDS[status]}"' in script


# --- partitions that fail alone ------------------------------------------------


@asset(partitions_def=LETTERS, backfill_policy=BackfillPolicy.single_run())
def batch(context):
    for key in context.partition_keys:
        if key == "c":
            raise ValueError("no c")
        context.log_event(AssetMaterialization("batch", partition=key))


@asset(partitions_def=LETTERS, backfill_policy=BackfillPolicy.single_run())
def below(batch): ...


@pytest.fixture
def batched(session):
    session.add([batch, below])
    return session.backfill(["batch", "below"]).wait(timeout=60)


def test_a_batch_run_that_fails_has_made_what_it_materialized_before(session, batched):
    table = session.partitions("batch")
    stand = dict(zip(table.keys, table.statuses(), strict=True))
    assert stand == {"a": "materialized", "b": "materialized", "c": "failed", "d": "failed"}
    assert set(session.partitions("below").statuses()) == {"skipped"}


def test_a_backfill_counts_the_partitions_of_a_batch_run_one_by_one(session, batched):
    counts = batched.counts
    assert (counts.made, counts.failed, counts.blocked, counts.total) == (2, 2, 4, 8)
    assert parts_of(batched) == [
        ("made", Status.SUCCEEDED, 2),
        ("failed", Status.FAILED, 2),
        ("skipped", Status.SKIPPED, 4),
    ]
    view = backfill_view(batched)
    assert "2 made, 2 failed, 4 skipped" in view.text
    assert "no c" in view.text


def test_the_grid_and_the_catalogue_say_the_same_of_partitions(session, batched):
    assert "✗ 2 failed: c...d" in partitions_view(session.partitions("batch")).text
    view = partitions_view(session.partitions("below"))
    assert "» 4 skipped: a...d" in view.text
    assert GLYPHS[Status.SKIPPED] in view.drawn
    found = summaries(session, [batch.key, below.key])
    assert found[batch.key].words.endswith("2 of 4 made, 2 failed")
    assert found[below.key].mark.status is Status.SKIPPED
    assert found[below.key].words == "0 of 4 made, 4 skipped"


def test_a_partition_that_was_skipped_once_and_made_later_is_made(session, batched):
    from jobnb import materialize

    @asset(partitions_def=LETTERS, key="batch")
    def mended(): ...

    @asset(partitions_def=LETTERS, key="below")
    def follows(batch): ...

    materialize([mended, follows], partition_key="b", instance=session.instance)
    stand = session.partitions("below").statuses()
    assert stand == ["skipped", "materialized", "skipped", "skipped"]


def test_the_widget_makes_what_failed_and_what_was_skipped_since(session, batched):
    from jobnb.display.widgets.partitions import PartitionsView

    view = PartitionsView(session.partitions("below"))
    assert view.counts["skipped"] == 4
    view.answer("materialize", only="failed")
    view._backfill.wait(timeout=60)
    assert view._backfill.counts.total == 4


def test_what_a_canceled_backfill_left_is_canceled(session):
    backfill = session.add([batch]).backfill("batch")
    backfill.wait(timeout=60)
    backfill.set_trait("status", "CANCELED")
    backfill._counts = backfill.counts.plus(failed=-2)
    assert ("canceled", Status.CANCELED, 2) in parts_of(backfill)


# --- what was not tried ----------------------------------------------------------


def test_an_asset_that_was_never_made_stands_as_the_last_run_left_it(session, ran):
    found = summaries(session, [key for each in (revenue, report, worse) for key in each.keys])
    assert [each.status for each in found.values()] == [
        Status.BLOCKED,
        Status.BLOCKED,
        Status.SKIPPED,
    ]
    told = [summary_json(each) for each in found.values()]
    assert [each["word"] for each in told] == [
        "blocked: a blocking check did not pass: orders",
        "blocked: a blocking check did not pass: orders",
        "skipped: because of bad",
    ]
    assert found[worse.key].mark == Mark(Status.SKIPPED, "because of bad")
    assert found[worse.key].words == "skipped: because of bad"


def test_an_asset_that_was_made_after_it_was_skipped_is_fresh(session, ran):
    @asset(name="bad")
    def good():
        return 1

    session.add([good])
    session.materialize("bad*")
    assert summaries(session, [worse.key])[worse.key].status is Status.SUCCEEDED


def test_an_asset_that_failed_itself_after_it_was_skipped_has_failed(session, ran):
    @asset(name="bad")
    def good():
        return 1

    @asset(name="worse")
    def still_bad(bad):
        raise ValueError("no")

    session.add([good, still_bad])
    session.materialize("bad*", raise_on_error=False)
    assert summaries(session, [worse.key])[worse.key].status is Status.FAILED


@asset(partitions_def=LETTERS)
def one_by_one(context):
    if context.partition_key in "bd":
        raise ValueError("no")


@asset(partitions_def=LETTERS)
def after_each(one_by_one): ...


@asset(partitions_def=LETTERS)
def after_that(after_each): ...


def test_partitions_that_a_backfill_never_tried_are_skipped_in_the_grid_too(session):
    session.add([one_by_one, after_each, after_that])
    assets = ["one_by_one", "after_each", "after_that"]
    backfill = session.backfill(assets).wait(timeout=60)
    assert (backfill.counts.failed, backfill.counts.blocked) == (2, 4)
    stand = {name: session.partitions(name).statuses() for name in assets}
    made = "materialized"
    assert stand["one_by_one"] == [made, "failed", made, "failed"]
    assert stand["after_each"] == stand["after_that"] == [made, "skipped", made, "skipped"]
    words = summaries(session, [after_that.key])[after_that.key].words
    assert words.endswith("2 of 4 made, 2 skipped")
    again = session.backfill(assets, only_failed=True).wait(timeout=60)
    assert (again.counts.failed, again.counts.blocked, again.counts.total) == (2, 4, 6)


def test_a_partition_that_a_backfill_never_tried_is_made_later(session):
    from jobnb import materialize

    session.add([one_by_one, after_each])
    session.backfill(["one_by_one", "after_each"]).wait(timeout=60)

    @asset(partitions_def=LETTERS, key="one_by_one")
    def mended(): ...

    materialize([mended, after_each], partition_key="b", instance=session.instance)
    made = "materialized"
    assert session.partitions("after_each").statuses() == [made, made, made, "skipped"]


def test_all_states_of_a_run_are_told_in_the_words_of_the_table():
    said = {status: run_word(status) for status in RunStatus}
    assert said.pop(RunStatus.CANCELING) == "canceling"
    assert set(said.values()) <= set(WORDS.values())
    assert said[RunStatus.FAILURE] == WORDS[Status.FAILED]
    assert said[RunStatus.STARTED] == WORDS[Status.RUNNING]
