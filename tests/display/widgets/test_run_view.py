"""A run view shows what the run did: live, ended in this kernel, or from the history."""

from __future__ import annotations

import json
import threading

import msgspec
import pandas as pd
import pytest

from jobnb import (
    AssetKey,
    AssetOut,
    Config,
    DynamicOut,
    DynamicOutput,
    ErrorInfo,
    Failure,
    Instance,
    InvalidSubsetError,
    InvariantViolationError,
    MetadataValue,
    Out,
    Output,
    RunNotFoundError,
    Session,
    asset,
    fold,
    graph_asset,
    job,
    materialize,
    multi_asset,
    op,
)
from jobnb.display.noun_views import job_view
from jobnb.display.run_marks import real_steps
from jobnb.display.widgets.job import JobView
from jobnb.display.widgets.live_and_static import WIDGET_MIME
from jobnb.display.widgets.run import RunView
from jobnb.display.widgets.run_data import (
    depths,
    error_data,
    head_data,
    ready_times,
    slowest_path,
)
from jobnb.display.widgets.run_source import StoredRun
from jobnb.events import RunStarted, StepStarted, StepSucceeded
from jobnb.registry.session import current_session
from tests.display.reading import HOSTILE, check_bundle


class Rows(Config):
    rows: int = 2


@op
def load(context, config: Rows):
    context.log.info("loading <b>")
    return pd.DataFrame({"n": range(config.rows)})


@op
def fragile(frame):
    if len(frame) > 5:
        raise ValueError("too many")
    return len(frame)


@op(out={"words": Out(), "count": Out()})
def told(number):
    yield Output(f"{number} rows", "words", metadata={"length": 6, "site": "https://example.org"})
    yield Output(number, "count")


@job
def daily():
    told(fragile(load()))


TOO_MANY = {"ops": {"load": {"config": {"rows": 9}}}}


@pytest.fixture
def session():
    with Session.capture() as captured:
        captured.add(daily)
        yield captured


@pytest.fixture
def instance():
    with Instance.local_temp() as made:
        yield made


def test_an_ended_run_shows_how_it_went():
    view = RunView(daily.execute_in_process())
    head = view.head.head
    assert (head["title"], head["word"]) == ("daily", "succeeded")
    assert (head["done"], head["total"]) == (3, 3)
    assert head["counts"] == {"succeeded": 3}
    assert view.graph.marks["fragile"]["status"] == "succeeded"
    assert "cancel" not in view.head.can
    sent = (view.head.head, view.head.can, view.head.failures, view.tabs.about, view.graph.marks)
    assert json.loads(json.dumps(sent))[0] == head


def test_outputs_are_listed_in_the_order_of_the_graph_with_their_metadata():
    view = RunView(daily.execute_in_process())
    listed = view.tabs.answer("outputs")["outputs"]
    assert [each["name"] for each in listed] == ["load", "fragile", "told.words", "told.count"]
    assert [each["end"] for each in listed] == [False, False, True, True]
    assert listed[2]["metadata"] == [
        {"name": "length", "type": "int", "text": "6"},
        {"name": "site", "type": "text", "text": "https://example.org"},
    ]
    assert view.tabs.answer("preview", output="load")["kind"] == "table"
    assert view.tabs.answer("preview", output="told.words")["text"] == "2 rows"
    with pytest.raises(InvalidSubsetError, match=r"no output 'lod'.*'load'"):
        view.tabs.answer("preview", output="lod")


def test_a_failure_shows_the_users_line_and_what_did_not_run():
    view = RunView(daily.execute_in_process(run_config=TOO_MANY, raise_on_error=False))
    (failed,) = view.head.failures
    assert failed["step"] == "fragile"
    assert failed["says"] == "ValueError: too many"
    assert any("→" in line and "raise ValueError" in line for line in failed["source"])
    rows = {row[0]: row for row in view.tabs.answer("steps")["rows"]}
    assert (rows["fragile"][1], rows["told"][1], rows["told"][3]) == ("failed", "skipped", None)
    assert "because of fragile" in rows["told"][7]
    assert "from_failure" in view.head.can


def test_every_element_of_a_dynamic_output_can_be_looked_at():
    @op(out=DynamicOut())
    def fan():
        for key in "ab":
            yield DynamicOutput(key.upper(), mapping_key=key)

    @op
    def twice(letter):
        return letter * 2

    @job
    def fanned():
        fan().map(twice)

    view = RunView(fanned.execute_in_process())
    names = [each["name"] for each in view.tabs.answer("outputs")["outputs"]]
    assert {"twice[a]", "twice[b]", "fan.result[a]"} <= set(names)
    assert view.tabs.answer("preview", output="twice[b]")["text"] == "BB"
    assert view.tabs.answer("preview", output="fan.result[a]")["text"] == "A"
    assert [row[0] for row in view.tabs.answer("steps")["rows"]] == ["fan", "twice[a]", "twice[b]"]
    view.selected = ["twice[a]"]
    assert view.graph.selected == ["twice"]
    view.graph.picked = []
    view.graph.picked = ["twice"]  # its card stands for all elements
    assert view.selected == view.tabs.selected == ["twice[a]", "twice[b]"]
    assert view.graph.selected == ["twice"]


def test_an_asset_is_called_by_its_key_and_selected_by_its_card():
    @asset(key_prefix="raw")
    def orders():
        return [1]

    view = RunView(materialize([orders]))
    (output,) = view.tabs.answer("outputs")["outputs"]
    assert output["name"] == "raw/orders"
    view.graph.picked = ["raw/orders"]
    assert view.selected == view.tabs.selected == view.head.selected == ["raw__orders"]
    view.tabs.selected = []
    assert view.graph.selected == []


def test_a_stored_run_is_shown_after_the_kernel_was_restarted(session, instance):
    run = session.execute_job("daily", instance=instance)
    view = RunView.of(instance, run.run_id)
    assert view.head.head["word"] == "succeeded"
    assert view.tabs.answer("config") == ""
    assert {"name": "run", "type": "text", "text": run.run_id} in view.tabs.answer("tags")
    assert view.graph.marks["told"]["status"] == "succeeded"
    log = view.tabs.answer("log", asked={"text": "loading"}, first=0, count=9, follow=False)
    assert [line["text"] for line in log["lines"]] == ["loading <b>"]


@pytest.mark.parametrize("late", ["live", "ended", "stored"])
def test_a_run_shown_after_its_end_has_marks_on_all_cards(instance, late):
    """Also of functions that make several assets, of graphs, and of keys with prefixes."""
    with Session.capture() as known:

        @asset(key_prefix="raw")
        def orders():
            return 1

        @multi_asset(outs={"few": AssetOut(key=["x", "few"]), "many": AssetOut()})
        def both():
            return 1, 2

        @op
        def one():
            return 1

        @op
        def plus(number):
            return number + 1

        @graph_asset
        def composed():
            return plus(one())

        known.add(orders, both, composed)
        run = known.launch("*", instance=instance).wait(20)
        view = {
            "live": lambda: RunView(run),
            "ended": lambda: RunView(run.result()),
            "stored": lambda: RunView(StoredRun(instance, run.run_id)),
        }[late]()
        assert {
            key: mark["status"] for key, mark in view.graph.all_marks().items()
        } == dict.fromkeys(("raw/orders", "x/few", "many", "composed"), "succeeded")
        view.graph.picked = ["composed"]
        assert view.selected == ["composed.one", "composed.plus"]
        assert view.graph.selected == ["composed"]


def test_a_stored_run_without_its_definitions_has_no_graph(instance):
    with Session.capture():
        run = daily.execute_in_process(instance=instance)
        view = RunView.of(instance, run.run_id)
        assert view.graph is None
        assert [row[1] for row in view.tabs.answer("steps")["rows"]] == ["succeeded"] * 3


def test_values_of_a_launched_run_are_read_from_the_store(session, instance):
    run = session.launch("daily", instance=instance).wait(20)
    view = RunView.of(instance, run.run_id)
    assert view.tabs.answer("preview", output="told.words")["text"] == "2 rows"
    run_id = run.run_id
    del run, view
    stored = RunView.of(instance, run_id)
    assert stored.tabs.answer("preview", output="load")["note"] == "DataFrame · 2 rows × 1 column"


def test_an_asset_made_again_since_is_not_shown_as_the_older_one(instance):
    with Session.capture() as captured:

        @asset
        def orders():
            return [1]

        captured.add(orders)
        first = captured.materialize(instance=instance)
        again = captured.materialize(instance=instance)
        old, new = (RunView.of(instance, run.run_id) for run in (first, again))
        assert new.tabs.answer("preview", output="orders")["text"] == "[1]"
        assert "made again since" in _problem(old, "orders")


def _problem(view, output):
    sent = []
    view.tabs.send = lambda content, *_: sent.append(content)
    view.tabs._hear(None, {"ask": "preview", "id": 1, "with": {"output": output}}, [])
    return sent[0]["error"]


def test_a_run_that_is_not_there_is_told(instance):
    with pytest.raises(RunNotFoundError, match="no run '1234'"):
        RunView.of(instance, "1234")


@pytest.fixture
def gated():
    """A job that waits in its second step until it is let go."""
    gate = threading.Event()

    @op
    def first():
        print("printed")
        return 1

    @op
    def second(number):
        assert gate.wait(20)
        return number + 1

    @job
    def waiting():
        second(first())

    yield waiting, gate
    gate.set()


def until(what):
    for _ in range(400):
        if what():
            return
        threading.Event().wait(0.025)
    raise AssertionError("it did not come to that")


def test_a_live_run_is_followed_to_its_end(gated):
    waiting, gate = gated
    with Instance.ephemeral() as instance:
        run = waiting.launch(instance=instance)
        view = RunView(run)
        view.tabs.answer("steps")
        until(lambda: view.head.head["counts"] == {"succeeded": 1, "running": 1})
        assert view.head.can == ["cancel"]
        assert view.graph.marks["second"]["status"] == "running"
        with pytest.raises(InvariantViolationError, match="when the run has ended"):
            view.tabs.answer("preview", output="first")
        gate.set()
        until(lambda: view.head.head["finished"])
        assert view.tabs.about == {"finished": True, "outputs": 2, "checks": 0}
        assert view.tabs.answer("preview", output="second")["text"] == "2"
        log = view.tabs.answer("log", asked={"kinds": ["stdout"]}, first=0, count=9, follow=False)
        assert [line["text"] for line in log["lines"]] == ["printed"]


def test_a_live_run_is_canceled_from_its_view(gated):
    waiting, gate = gated
    with Instance.ephemeral() as instance:
        run = waiting.launch(instance=instance)
        view = RunView(run)
        until(lambda: view.head.head["counts"].get("running"))
        view.head.answer("act", deed="cancel")
        gate.set()
        run.wait(20)
        until(lambda: view.head.head["word"] == "canceled")
        assert "rerun" in view.head.can


def test_only_what_can_be_done_is_done():
    view = RunView(daily.execute_in_process())
    with pytest.raises(InvalidSubsetError, match="cannot do 'cancel'"):
        view.head.answer("act", deed="cancel")


def test_a_run_is_repeated_from_where_it_failed(session, instance):
    broken = threading.Event()
    broken.set()

    @op
    def start():
        return 4

    @op
    def mend(number):
        if broken.is_set():
            raise ValueError("broken")
        return number + 1

    @job
    def mended():
        mend(start())

    session.add(mended)
    view = RunView(session.launch("mended", instance=instance).wait(20))
    first = view.run_id
    broken.clear()
    view.head.answer("act", deed="from_failure")
    assert view.run_id != first
    until(lambda: view.head.head["finished"])
    assert view.head.head["word"] == "succeeded"
    assert [row[0] for row in view.tabs.answer("steps")["rows"]] == ["mend"]
    assert view.head.head["again"] == first
    assert view.tabs.answer("preview", output="mend")["text"] == "5"
    view.head.answer("act", deed="back")
    assert (view.run_id, view.head.head["word"]) == (first, "failed")


def test_selected_steps_are_repeated(session, instance):
    view = RunView(session.launch("daily", instance=instance).wait(20))
    view.selected = ["fragile"]
    view.head.answer("act", deed="selected")
    until(lambda: view.head.head["finished"])
    assert [row[0] for row in view.tabs.answer("steps")["rows"]] == ["fragile"]
    assert view.selected == []


def test_what_a_waited_for_run_did_can_be_repeated_without_a_session():
    with Session.capture(), Instance.ephemeral() as instance:
        assert current_session().catalogue.by_name("job") == {}
        view = RunView(daily.execute_in_process(instance=instance))
        view.head.answer("act", deed="rerun")
        until(lambda: view.head.head["finished"])
        assert view.head.head["word"] == "succeeded"


def test_the_static_form_stays_and_is_readable():
    view = RunView(daily.execute_in_process(run_config=TOO_MANY, raise_on_error=False))
    made = view._repr_mimebundle_()
    assert WIDGET_MIME not in made
    assert "too many" in check_bundle(made)["text/plain"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_of_the_user_can_always_be_sent(text):
    error = ErrorInfo(
        "Odd", text, where=text, source=text, stack=(text,), cause=ErrorInfo("E", text + "!")
    )
    json.dumps(error_data(error)).encode()
    msgspec.json.encode(error_data(error))


def test_a_step_could_begin_when_the_last_before_it_had_ended():
    events = [
        RunStarted(10.0, "j", ("a", "b", "c")),
        StepStarted(11.0, "a"),
        StepSucceeded(13.0, "a", 2.0),
        StepStarted(14.0, "b"),
        StepSucceeded(15.0, "b", 1.0),
    ]
    state = fold(events)
    ready = ready_times(state, real_steps(state), {"b": ("a",), "c": ("a", "b")})
    assert ready == {"a": 10.0, "b": 13.0, "c": 15.0}
    head = head_data(state, "id", "j")
    assert (head["done"], head["total"], head["counts"]) == (2, 3, {"succeeded": 2, "queued": 1})
    assert head["left"] == pytest.approx(head["elapsed"] / 2, rel=0.01)


def test_the_time_left_counts_what_steps_that_run_side_by_side_have_done(monkeypatch):
    keys = tuple("abcdef")
    events = [RunStarted(100.0, "j", keys)]
    events += [StepStarted(100.0, key) for key in "abcd"]
    events += [StepSucceeded(110.0, key, 10.0) for key in "ab"]
    events += [StepStarted(110.0, key) for key in "ef"]
    monkeypatch.setattr("time.time", lambda: 112.0)
    # Four at once: c and d are late, e and f have eight of ten seconds before them.
    left = head_data(fold(events), "id", "j")["left"]
    assert left == pytest.approx(16.0 * 12.0 / (20.0 + 24.0 + 4.0))
    monkeypatch.setattr("time.time", lambda: 121.0)
    assert head_data(fold(events), "id", "j")["left"] is None


def test_a_collecting_step_waits_for_all_elements_and_a_mapped_one_for_its_own():
    begun = RunStarted(10.0, "j", ("find", "load", "clean", "sum"))
    events = [begun, StepStarted(10.0, "find"), StepSucceeded(11.0, "find", 1.0)]
    for at, key in enumerate(("load[a]", "load[b]", "clean[a]", "clean[b]")):
        events += [StepStarted(12.0 + at, key), StepSucceeded(13.0 + at, key, 1.0)]
    upstream = {"load": ("find",), "clean": ("load",), "sum": ("clean",)}
    state = fold(events[:-1])
    ready = ready_times(state, real_steps(state), upstream)
    assert "sum" not in ready  # clean[b] is still at work
    state = fold(events)
    assert ready_times(state, real_steps(state), upstream) == {
        "find": 10.0,
        "load[a]": 11.0,
        "load[b]": 11.0,
        "clean[a]": 13.0,
        "clean[b]": 14.0,
        "sum": 16.0,
    }


def test_asset_keys_are_names_of_outputs_even_without_a_plan(instance):
    with Session.capture():

        @asset(key_prefix=["a", "b"])
        def deep():
            return 1

        run = materialize([deep], instance=instance)
        view = RunView.of(instance, run.run_id)
        assert [each["name"] for each in view.tabs.answer("outputs")["outputs"]] == ["a/b/deep"]
        assert view._model.outputs["a/b/deep"].asset == AssetKey(["a", "b", "deep"])


FLOW = {"load": (), "extra": (), "clean": ("load",), "report": ("clean", "extra")}


def test_a_step_stands_as_deep_as_the_longest_way_to_it():
    assert depths(FLOW) == {"load": 0, "extra": 0, "clean": 1, "report": 2}


def test_the_slowest_path_is_the_longest_chain_of_work():
    took = {"load": 1.0, "extra": 5.0, "clean": 2.0, "report": 1.0}
    events = [RunStarted(0.0, "j", tuple(took))]
    for key, seconds in took.items():
        events += [StepStarted(1.0, key), StepSucceeded(1.0 + seconds, key, seconds)]
    assert slowest_path(fold(events), FLOW) == ["extra", "report"]
    assert slowest_path(fold(events[:1]), FLOW) == []
    assert slowest_path(fold([]), {}) == []


def test_the_slowest_path_is_told_by_the_view():
    view = RunView(daily.execute_in_process(raise_on_error=False))
    path = view.tabs.answer("slowest_path")
    rows = {row[0]: row for row in view.tabs.answer("steps")["rows"]}
    assert path
    assert [rows[key][8] for key in path] == sorted(rows[key][8] for key in path)


@op
def picky():
    raise Failure(
        "too few rows",
        metadata={"rows": 3, "report": MetadataValue.md("see **line** <i>4</i>")},
    )


@job(description="What is _sold_.", tags={"team": "sales"})
def picky_job():
    picky()


def test_what_a_failure_tells_stands_in_its_panel_its_card_and_the_text():
    view = RunView(picky_job.execute_in_process(raise_on_error=False))
    (told,) = view.head.failures
    assert told["says"] == "Failure: too few rows"
    rows, report = told["metadata"]
    assert (rows["name"], rows["text"]) == ("rows", "3")
    assert report["prose"] == [["p", "", ["see ", ["strong", "", ["line"]], " <i>4</i>"]]]
    facts = dict(view.graph.answer("about", key="picky")["facts"])
    assert facts["error"].startswith("Failure: too few rows")
    assert facts["rows"] == "3"
    static = view._repr_mimebundle_()
    assert "  rows: 3\n" in static["text/plain"]
    assert "<strong>line</strong> &lt;i&gt;4&lt;/i&gt;" in static["text/html"]


def test_a_card_says_why_its_step_failed_and_no_count_is_of_one_steps():
    view = RunView(picky_job.execute_in_process(raise_on_error=False))
    assert view._model.look().state.steps["picky"].failure["rows"]["value"] == 3
    html = view._repr_mimebundle_()["text/html"]
    assert "op · Failure: too few rows" in html or "Failure: too few" in html
    assert "traceback, 1 frame<" in html


def test_a_job_shows_its_description_beside_its_tags():
    assert JobView(picky_job).bar.heading["note"] == "What is sold. · team=sales"
    assert "What is sold." in job_view(picky_job).text
