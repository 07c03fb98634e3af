from __future__ import annotations

import subprocess
import sys
from enum import Enum
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from jobnb import (
    AssetIn,
    AssetKey,
    AssetsDefinition,
    Config,
    Definitions,
    DynamicOut,
    DynamicOutput,
    ErrorInfo,
    In,
    InvalidConfigError,
    JobnbError,
    MetadataValue,
    Noneable,
    Nothing,
    Out,
    Output,
    Permissive,
    RunConfig,
    SourceAsset,
    StepExecutionError,
    asset,
    define_asset_job,
    fold,
    graph,
    job,
    op,
)
from jobnb.display.asset_views import asset_view, definitions_view
from jobnb.display.config_fields import field_rows, fields_text
from jobnb.display.failures import exception_text
from jobnb.display.install import VIEWS, install, mimebundle, uninstall
from jobnb.display.noun_views import graph_view, job_view, op_view
from jobnb.display.result_views import result_view
from jobnb.display.run_views import RunViewData, run_view
from jobnb.display.view import View, bundle
from jobnb.errors import Problem
from jobnb.events import Logged, RunFailed, RunStarted, StepFailed, StepSkipped
from tests.display.reading import HOSTILE, check_bundle, read_html, read_svg


class Level(Enum):
    LOW = 1
    HIGH = 2


class Inner(Config):
    depth: int = 3


class LoadConfig(Config):
    year: int = 2013
    origin: Literal["JFK", "LGA"]
    level: Level = Level.LOW
    inner: Inner = Inner()


@op
def load(config: LoadConfig) -> list:
    """Load **rows** of one year."""
    return [1, 2, 3]


@op(out={"good": Out(is_required=False), "bad": Out(is_required=False)})
def split(context, rows):
    context.log.info("splitting <b>%d</b> rows", len(rows))
    yield Output(rows, "good", metadata={"n": len(rows)})


@op(out=DynamicOut())
def pieces(rows):
    for row in rows:
        yield DynamicOutput(row, str(row))


@op
def double(piece):
    return piece * 2


@op
def gather(doubled):
    return pd.DataFrame({"value": doubled})


@op
def boom(rows):
    raise ValueError("no <script>")


@op(ins={"after": In(Nothing)})
def last():
    return "done"


@graph
def prepare():
    good, _bad = split(load())
    return good


@job(tags={"team": "docs"})
def daily():
    """Runs *daily*."""
    good = prepare()
    gather(pieces(good).map(double).collect())
    last(after=boom(good))


CONFIG = {"ops": {"prepare": {"ops": {"load": {"config": {"origin": "JFK"}}}}}}


@asset(group_name="load", compute_kind="csv", metadata={"doc": MetadataValue.md("**x**")})
def flights_raw() -> pd.DataFrame:
    """All flights."""
    return pd.DataFrame({"a": range(5)})


@asset(group_name="clean", ins={"raw": AssetIn("flights_raw")}, deps=["ordering"])
def flights(config: LoadConfig, raw, holidays):
    return raw


def shown(view: View) -> tuple[str, str]:
    """The text, and the words of the page; all three forms are read on the way."""
    made = check_bundle(bundle(view))
    return made["text/plain"], " ".join(read_html(made["text/html"]).said)


def test_an_op_shows_its_docs_inputs_outputs_and_config():
    text, words = shown(op_view(load))
    for part in ("year", "an integer", "2013", "one of 'JFK', 'LGA'", "inner.depth"):
        assert part in words
    assert "origin: one of 'JFK', 'LGA' (required)" in text
    assert "rows" in words
    _, words = shown(op_view(split))
    assert "optional" in words


def test_a_graph_shows_what_is_inside():
    text, _ = shown(graph_view(prepare))
    assert "load" in text
    assert "split" in text


def test_a_nested_graph_is_a_frame_in_the_picture_of_its_job():
    view = job_view(daily)
    assert {card.key for card in view.picture.cards} == {
        "prepare.load",
        "prepare.split",
        "pieces",
        "double",
        "gather",
        "boom",
        "last",
    }
    assert [cluster.path for cluster in view.picture.clusters] == [("prepare",)]
    kinds = {(e.start, e.end): (e.kind, e.label) for e in view.picture.edges}
    assert kinds["prepare.load", "prepare.split"] == ("data", "")
    assert kinds["prepare.split", "pieces"] == ("data", "good")
    assert kinds["pieces", "double"] == ("dynamic", "each")
    assert kinds["double", "gather"] == ("dynamic", "collect")
    assert kinds["boom", "last"] == ("nothing", "")


def test_a_job_shows_config_of_ops_in_nested_graphs_and_tags():
    _, words = shown(job_view(daily))
    assert "prepare.load" in words
    assert "team" in words


def test_a_run_shows_states_values_and_the_users_own_line_first():
    result = daily.execute_in_process(run_config=CONFIG, raise_on_error=False)
    view = result_view(result)
    text, words = shown(view)
    marks = {key: mark.status.value for key, mark in view.picture.marks.items()}
    assert marks == {
        "prepare.load": "succeeded",
        "prepare.split": "succeeded",
        "pieces": "succeeded",
        "double": "succeeded",
        "gather": "succeeded",
        "boom": "failed",
        "last": "skipped",
    }
    assert view.picture.mark("double").detail == "3 of 3"
    assert view.picture.mark("gather").detail == "3 × 1"
    assert text.index("test_views.py, line") < text.index("ValueError: no <script>")
    assert 'raise ValueError("no <script>")' in words
    assert words.index("no <script>") < words.index("Outputs")
    assert "DataFrame · 3 rows × 1 column" in words
    assert "splitting <b>3</b> rows" in words
    assert "1 failed · 7 succeeded · 1 skipped" in text


def test_a_run_of_assets_marks_the_assets():
    job_of_assets = Definitions.of(assets=[flights_raw]).job_of_assets("__ASSET_JOB")
    view = result_view(job_of_assets.execute_in_process())
    assert view.picture.mark("flights_raw").status.value == "succeeded"
    assert view.picture.mark("flights_raw").detail == "5 × 1"
    assert view.picture.title == "materialize"
    _, words = shown(view)
    assert "DataFrame · 5 rows" in words


def test_an_asset_shows_its_place_with_missing_upstreams():
    @asset
    def report(flights):
        return flights

    view = asset_view(flights, around=[flights_raw, report], sources=[SourceAsset("unrelated")])
    text, words = shown(view)
    shapes = {card.key: card.shape for card in view.picture.cards}
    assert shapes == {
        "flights": "asset",
        "report": "asset",
        "flights_raw": "source",
        "holidays": "missing",
        "ordering": "missing",
    }
    kinds = {(e.start, e.end): e.kind for e in view.picture.edges}
    assert kinds["flights_raw", "flights"] == "data"
    assert kinds["holidays", "flights"] == "missing"
    assert "made from: flights_raw, holidays, ordering" in text
    assert "not defined" in words


def test_an_upstream_that_only_orders_is_a_dotted_arrow():
    @asset
    def ordering(): ...

    view = asset_view(flights, around=[flights_raw, ordering])
    kinds = {(e.start, e.end): e.kind for e in view.picture.edges}
    assert kinds["ordering", "flights"] == "nothing"


def test_definitions_show_assets_jobs_and_resources_without_values():
    known = Definitions.of(
        assets=[flights_raw, flights, SourceAsset("holidays", description="Days off.")],
        jobs=[daily, define_asset_job("nightly", "*flights")],
        resources={"warehouse": "a-secret-value"},
    )
    text, words = shown(definitions_view(known))
    for part in ("flights_raw", "csv", "daily", "nightly", "asset job", "warehouse"):
        assert part in words
    assert "a-secret-value" not in words + text
    assert "2 assets, 1 source asset, 2 jobs, 1 resource" in text


def test_an_asset_job_shows_the_assets_it_selects():
    known = Definitions.of(
        assets=[flights_raw, flights], jobs=[define_asset_job("raw", "flights_raw")]
    )
    view = job_view(known.get_job_def("raw"))
    assert [card.key for card in view.picture.cards] == ["flights_raw"]


def test_nothing_defined_yet_is_shown_too():
    text, _ = shown(definitions_view(Definitions.of()))
    assert "nothing yet" in text


def test_annotations_that_cannot_be_read_yet_do_not_hinder_a_look():
    @op
    def early(rows: "DefinedLater") -> "DefinedLater":  # noqa: F821, UP037
        return rows

    shown(op_view(early))


def test_fields_of_dict_schemas_are_told():
    rows = field_rows({"a": int, "b": Noneable({"c": str}), "d": Permissive({"e": [str]})})
    assert [(row.path, row.kind, row.required) for row in rows] == [
        ("a", "an integer", True),
        ("b", "a mapping or null", False),
        ("b.c", "text", True),
        ("d.e", "a list of text", True),
    ]


def test_secrets_are_told_by_name():
    from jobnb.config import EnvVar

    class Secret(Config):
        password: str = EnvVar("WAREHOUSE_PW")
        token: SecretStr = SecretStr("a-secret-value")

    password, token = field_rows(Secret)
    assert password.default == "environment variable WAREHOUSE_PW"
    assert token.default == ""
    assert "a-secret-value" not in "".join(fields_text(Secret))
    run_config = RunConfig(ops={"load": {"config": {"password": EnvVar("WAREHOUSE_PW")}}})
    made = mimebundle(run_config, "yaml_text:run_config_view")
    assert "env: WAREHOUSE_PW" in check_bundle(made)["text/plain"]


def test_run_config_is_shown_as_yaml():
    made = mimebundle(
        RunConfig(ops={"load": LoadConfig(origin="JFK")}), "yaml_text:run_config_view"
    )
    assert check_bundle(made)["text/plain"].startswith("ops:\n  load:\n    config:\n")


def test_a_config_error_tells_every_problem():
    problems = (Problem(("ops", "load"), "is required"), Problem(("x",), "is not a field <b>"))
    made = mimebundle(InvalidConfigError("Two problems.", problems), "other_views:exception_view")
    words = " ".join(read_html(check_bundle(made)["text/html"]).said)
    assert "ops › load" in words
    assert "is not a field <b>" in words


def test_an_error_without_a_message_that_can_be_read_is_still_told():
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "could not be read" in exception_text(Mute())
    check_bundle(mimebundle(StepExecutionError("it failed", Mute()), "other_views:exception_view"))


def storable(text: str) -> str:
    """A text as a key or tag may have it: neither takes half a character, nor a NUL."""
    return text.encode(errors="replace").decode().replace("\0", "?") or "x"


def hostile_assets(text: str) -> list[AssetsDefinition]:
    keys = [AssetKey([storable(text), "a"]), AssetKey([storable(text), "b"])]

    @op(description=text, tags={"kind": storable(text)})
    def made(context): ...

    first = AssetsDefinition(
        keys_by_input_name={},
        keys_by_output_name={"result": keys[0]},
        node_def=made,
        group_names_by_key={keys[0]: text},
        metadata_by_key={keys[0]: {text: text, "odd": object()}},
        descriptions_by_key={keys[0]: text},
        owners_by_key={keys[0]: [text]},
        tags_by_key={keys[0]: {text: text}},
    )
    second = AssetsDefinition(
        keys_by_input_name={"a": keys[0]}, keys_by_output_name={"result": keys[1]}, node_def=made
    )
    return [first, second]


def test_hostile_definitions_are_shown(hostile):
    first, second = hostile_assets(hostile)
    sources = [SourceAsset([storable(hostile)], description=hostile, metadata={hostile: hostile})]
    shown(asset_view(first, around=[second], sources=sources))
    known = Definitions.of(assets=[first, second, *sources], resources={hostile: hostile})
    shown(
        definitions_view(known, title=hostile, made={AssetKey([storable(hostile), "a"]): hostile})
    )


def hostile_run(text: str, values: dict) -> View:
    error = ErrorInfo(text, text, text, text, (text, text), ErrorInfo(text, text))
    events = [
        RunStarted(0.0, text, (text, "b")),
        Logged(0.5, 20, text, text, text),
        StepFailed(1.0, text, error, 1.0, {text: {"type": "md", "value": text}}),
        StepSkipped(1.0, "b", (text,), True),
        RunFailed(2.0, text, (text,)),
    ]
    return run_view(RunViewData(fold(events), text, None, {}, values, events, {text: text}))


def test_hostile_runs_are_shown(hostile):
    shown(hostile_run(hostile, {hostile: hostile, "list": [hostile]}))


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_is_shown_in_runs_and_definitions(text):
    shown(hostile_run(text, {text: text}))
    shown(asset_view(hostile_assets(text)[0]))


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize("view", sorted({*VIEWS.values(), "nowhere:at_all", "view:nothing"}))
@pytest.mark.parametrize("value", [None, 3, "<b>", Broken()], ids=["none", "int", "text", "broken"])
def test_a_look_at_what_is_not_expected_never_raises(view, value):
    check_bundle(mimebundle(value, view))


@pytest.fixture
def installed():
    install()
    yield
    uninstall()


@pytest.mark.usefixtures("installed")
def test_every_noun_has_a_bundle_once_installed():
    nouns = [
        load,
        prepare,
        daily,
        flights,
        SourceAsset("s"),
        define_asset_job("nightly", "*flights"),
        Definitions.of(assets=[flights]),
        MetadataValue.md("**x**"),
        RunConfig(),
        daily.execute_in_process(run_config=CONFIG, raise_on_error=False),
        ErrorInfo("ValueError", "no"),
        JobnbError("no"),
    ]
    for noun in nouns:
        check_bundle(noun._repr_mimebundle_(include=None, exclude=None))


@pytest.mark.usefixtures("installed")
def test_ipython_shows_the_bundle():
    from IPython.core.formatters import DisplayFormatter

    made, _ = DisplayFormatter().format(flights)
    assert {"text/plain", "text/html", "image/svg+xml"} <= set(made)
    assert made["text/plain"].startswith("asset flights")


def test_without_installing_the_nouns_know_nothing_of_it():
    assert not hasattr(load, "_repr_mimebundle_")


def test_installing_imports_no_heavy_library():
    code = (
        "import sys; import jobnb.display.install as i; before = set(sys.modules); i.install();"
        "heavy = {'pandas', 'graphviz', 'IPython', 'ipywidgets', 'matplotlib', 'sqlalchemy'};"
        "made = {m for m in sys.modules if m.startswith('jobnb.display.')};"
        "assert made == {'jobnb.display.install'}, made;"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_with_a_shell_what_is_not_imported_yet_waits():
    code = (
        "import sys; from types import SimpleNamespace as N\n"
        "from IPython.core.formatters import DisplayFormatter\n"
        "import jobnb.display.install as i\n"
        "shell = N(display_formatter=DisplayFormatter())\n"
        "i.install(shell); i.install(shell)\n"
        "assert 'jobnb.config.run_config' not in sys.modules\n"
        "assert 'jobnb.registry.session' not in sys.modules\n"
        "from jobnb.definitions.assets.source_asset import SourceAsset\n"
        "made, _ = shell.display_formatter.format(SourceAsset('s'))\n"
        "assert 'image/svg+xml' in made, made\n"
        "i.uninstall(shell)\n"
        "made, _ = shell.display_formatter.format(SourceAsset('s'))\n"
        "assert 'image/svg+xml' not in made, made"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_picture_of_a_run_alone_is_the_picture_in_its_page():
    made = bundle(job_view(daily))
    alone = read_svg(made["image/svg+xml"])
    assert alone.get("aria-label") == "daily"
    assert made["text/html"].count('aria-label="daily"') == 1
    assert len(HOSTILE) > 10
