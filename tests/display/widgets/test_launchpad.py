"""The launchpad widget: what it sends, what it is asked, and what it leaves where none is drawn."""

from __future__ import annotations

import json

import pytest

from jobnb import (
    Config,
    Definitions,
    Instance,
    InvalidConfigError,
    InvalidSubsetError,
    Session,
    asset,
    define_asset_job,
    job,
    op,
)
from jobnb.display.widgets import launchpad
from jobnb.display.widgets.job import JobView
from jobnb.display.widgets.launchpad import Launchpad


class Load(Config):
    year: int
    word: str = "x"


@op
def load(config: Load):
    if config.year == 0:
        raise ValueError("no such year")
    return config.year


@job
def yearly():
    load()


@pytest.fixture
def pad():
    made = Launchpad(yearly, Instance.ephemeral())
    yield made
    made.close()


def test_what_goes_to_the_front_end_is_json_and_follows_the_form(pad):
    face = pad.form
    state = {name: getattr(face, name) for name in ("head", "rows", "values", "problems", "around")}
    assert json.loads(json.dumps(state)) == state
    face.answer("edit", row="ops/load/config/year", action="set", control="2013")
    assert face.values["ops/load/config/year"] == {"given": True, "v": "2013"}
    assert face.yaml["text"] == pad.yaml == "ops:\n  load:\n    config:\n      year: 2013\n"
    assert face.problems == []
    assert pad.problems == []


def test_typing_sends_values_and_no_rows(pad):
    sent = []
    pad.form.observe(lambda change: sent.append(change["name"]))
    pad.form.answer("edit", row="ops/load/config/word", action="set", control="abc")
    assert "rows" not in sent
    assert "values" in sent


def test_a_message_about_a_row_that_went_away_changes_nothing(pad):
    pad.form.answer("edit", row="ops/gone", action="set", control="1")
    pad.form.answer("edit", row="ops/load/config/year", action="move", control="up")
    assert pad.config == {}


def test_each_state_says_which_deeds_it_answers_whatever_became_of_them(pad):
    face, row = pad.form, "ops/load/config/year"
    sent = []
    face.send_state = lambda key=None: sent.append(set(key))
    face.answer("edit", did=["view", 1], row=row, action="set", control="1")
    assert face.answered == {"view": 1}
    assert len(sent) == 1  # all in one message, so that no view sees half of it
    assert {"answered", "values", "problems"} <= sent[0]
    face.answer("edit", did=["other", 1], row="ops/gone", action="set", control="1")
    with pytest.raises(TypeError):
        face.answer("edit", did=["view", 2], nonsense=True)
    assert face.answered == {"view": 2, "other": 1}
    for number in range(200):
        face.answer("edit", did=[f"view{number}", 1], row=row, action="set", control="1")
    assert len(face.answered) < 70


def test_a_key_that_is_refused_is_not_taken_for_a_value():
    @op(config_schema={"weights": {str: int}})
    def weighed(context):
        return context.op_config

    @job
    def weighing():
        weighed()

    pad = Launchpad(weighing, Instance.ephemeral())
    pad.config = {"ops": {"weighed": {"config": {"weights": {"a": 1, "b": 2}}}}}
    pad.form.answer("edit", row="ops/weighed/config/weights/a", action="rename", control="b")
    assert pad.form.drafts == {}
    assert "there already" in pad.problems[0]
    pad.close()


def test_launching_shows_the_run_and_keeps_the_form(pad):
    pad.config = {"ops": {"load": {"config": {"year": 0}}}}
    pad.form.answer("launch")
    first = pad.run
    assert first.wait(20).status == "FAILURE"
    assert pad.config == {"ops": {"load": {"config": {"year": 0}}}}
    assert len(pad.children) == 2
    pad.form.answer("edit", row="ops/load/config/year", action="set", control="5")
    assert pad.launch().wait(20).status == "SUCCESS"
    assert pad.run is not first
    assert pad.children[1].run_id == pad.run.run_id
    assert len(pad.form.stored["runs"]) == 2


def test_nothing_is_launched_while_something_is_wrong(pad):
    pad.form.answer("launch")
    assert pad.run is None
    assert pad.form.status == {"text": "Not launched: 1 problem", "bad": True}
    with pytest.raises(InvalidConfigError, match="year: is required"):
        pad.launch()


def test_what_is_refused_is_said_and_nothing_is_lost(pad):
    pad.config = {"ops": {"load": {"config": {"year": 5}}}}
    pad.form.answer("load_preset", text="none")
    assert pad.form.status["bad"]
    assert pad.config["ops"]["load"]["config"] == {"year": 5}
    pad.form.answer("save_preset", text="mine")
    assert pad.form.stored["presets"] == ["mine"]
    assert pad.form.stored["preset"] == "mine"
    pad.form.answer("delete_preset", text="mine")
    assert pad.form.stored["presets"] == []


def test_yaml_from_the_front_end(pad):
    pad.form.answer("yaml", text="ops: {load: {config: {year: 7}}}")
    assert pad.config == {"ops": {"load": {"config": {"year": 7}}}}
    pad.form.answer("yaml", text="ops: [")
    assert pad.form.yaml["problem"]
    assert pad.form.yaml["form"] == "ops:\n  load:\n    config:\n      year: 7\n"
    pad.form.answer("discard_yaml")
    assert pad.form.yaml["problem"] == ""


def test_a_secret_is_in_nothing_that_is_sent():
    from pydantic import SecretStr

    class Login(Config):
        password: SecretStr

    @op
    def enter(config: Login):
        return config.password.get_secret_value()

    @job
    def door():
        enter()

    pad = Launchpad(door, Instance.ephemeral())
    pad.form.answer("edit", row="ops/enter/config/password", action="set", control="hunter22")
    assert "hunter22" not in repr(pad.form.get_state())
    assert "hunter22" not in repr(pad._repr_mimebundle_())
    assert pad.launch().wait(20).result().output_for_node("enter") == "hunter22"
    assert "hunter22" not in repr(pad.run.record)
    pad.close()


def test_its_bundle_reads_without_a_front_end(pad):
    shown = pad._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "year" in shown["text/html"]
    assert "year: (required)" in shown["text/plain"].replace("ops > load > ", "")
    assert shown["image/svg+xml"].startswith("<svg")


@pytest.fixture
def session(tmp_path):
    with Session.capture() as made:
        made.home = str(tmp_path)
        yield made
        made.instance.dispose()
    launchpad._opened.clear()


def test_asked_for_again_it_is_the_same_and_holds_what_was_typed(session):
    first = yearly.launchpad()
    first.config = {"ops": {"load": {"config": {"year": 1}}}}
    assert yearly.launchpad() is first

    @job(name="yearly")
    def anew():
        load()
        load.alias("again")()

    assert anew.launchpad() is first
    assert first.config == {"ops": {"load": {"config": {"year": 1}}}}
    assert first.problems == ["ops > again > config > year: is required."]
    first.close()
    second = anew.launchpad()
    assert second is not first
    assert second.config == {"ops": {"load": {"config": {"year": 1}}}}


def test_the_tab_of_a_job_and_its_launchpad_are_one_form(session):
    session.add(yearly, define_asset_job("nightly"))
    first, second = JobView(yearly), JobView(yearly)
    for view in (first, second):
        view.bar.opened = "launchpad"
    pad = yearly.launchpad()
    assert first.part("launchpad") is second.part("launchpad") is pad
    pad.config = {"ops": {"load": {"config": {"year": 1}}}}
    first.close()
    assert pad.comm is not None  # the others still show it
    pad.close()
    third = JobView(yearly)
    third.bar.opened = "launchpad"
    assert third.part("launchpad").config == {"ops": {"load": {"config": {"year": 1}}}}
    for view in (second, third):
        view.close()


def test_a_session_opens_jobs_and_assets(session):
    @asset
    def orders(config: Load):
        return config.year

    @asset
    def revenue(orders):
        return orders

    session.add(orders, revenue, yearly, define_asset_job("nightly", "*revenue"))
    assert session.launchpad("yearly").state.job.name == "yearly"
    nightly = session.launchpad("nightly")
    assert nightly.state.steps == ("orders", "revenue")
    pad = session.launchpad("*revenue")
    pad.config = {"ops": {"orders": {"config": {"year": 7}}}}
    assert pad.launch().wait(20).status == "SUCCESS"
    assert session.value("revenue") == 7
    assert session.launchpad("*revenue") is pad
    with pytest.raises(InvalidSubsetError, match="Did you mean 'orders'"):
        session.launchpad("ordres")
    assert isinstance(session.snapshot(), Definitions)


def test_a_large_job_stays_light():
    names = [f"op{number}" for number in range(200)]

    @job
    def wide():
        for name in names:
            load.alias(name)()

    pad = Launchpad(wide, Instance.ephemeral())
    assert len(pad.form.problems) == 200
    assert len(json.dumps(pad.form.rows)) < 300_000
    pad.close()
