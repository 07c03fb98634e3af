"""Every kind of asset shows what it is: made together, by a graph, observed, external."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetKey,
    AssetOut,
    AssetSpec,
    DataVersion,
    Definitions,
    FreshnessPolicy,
    Instance,
    ObserveResult,
    SourceAsset,
    asset,
    define_asset_job,
    graph_asset,
    materialize,
    multi_asset,
    multi_observable_source_asset,
    observable_source_asset,
    observe,
    op,
)
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.asset_views import (
    asset_view,
    counts_words,
    definitions_view,
    observable_view,
    source_view,
    spec_view,
)
from jobnb.display.graph_pictures import job_picture
from jobnb.display.widgets.run_model import RunModel
from jobnb.display.widgets.run_source import StoredRun

HOSTILE = "<script>alert('x')</script>"


@multi_asset(
    outs={"a": AssetOut(description="First."), "b": AssetOut()},
    deps=["raw"],
    can_subset=True,
    internal_asset_deps={"a": set(), "b": {AssetKey("raw"), AssetKey("a")}},
)
def both(context):
    for name in sorted(context.selected_output_names):
        from jobnb import Output

        yield Output(name, name)


@op
def one():
    return 1


@graph_asset(
    freshness_policy=FreshnessPolicy(maximum_lag_minutes=60), owners=["a@b.de"], code_version="v7"
)
def composed():
    return one()


@observable_source_asset(description="Written by the shop.")
def raw():
    return ObserveResult(data_version="7", metadata={"rows": 3})


def cards(picture):
    return {card.key: card for card in picture.cards}


def test_cards_tell_the_kind_and_what_is_made_together():
    external = SourceAsset.of_spec(AssetSpec("board", deps=["b", "unknown"], kinds={"bi"}))
    virtual = SourceAsset.of_spec(AssetSpec("seen", is_virtual=True))
    picture = asset_picture([both, composed], [raw, external, virtual], title="all")
    found = cards(picture)
    assert {key: card.kind for key, card in found.items()} == {
        "a": "",
        "b": "",
        "composed": "graph",
        "raw": "observed source",
        "board": "bi",
        "seen": "virtual",
    }
    assert found["a"].tooltip == "First.\nMade together with b."
    arrows = {(edge.start, edge.end) for edge in picture.edges}
    assert arrows == {("raw", "b"), ("a", "b"), ("b", "board")}


def test_the_view_of_an_asset_tells_all_that_is_said_of_it():
    html = str(asset_view(composed).html)
    for words in ("at most 60 min old", "a@b.de", "v7", "Made by a graph"):
        assert words in html
    assert "made together with" in str(asset_view(both).html)


def test_the_view_of_a_source_tells_who_observes_it_and_what_it_is_made_from():
    assert "observed by" in str(source_view(raw).html)
    spec = AssetSpec("x", deps=["y"], owners=["team:x"], tags={"t": HOSTILE}, description=HOSTILE)
    view = spec_view(spec)
    html = str(view.html)
    assert "made from" in html
    assert "team:x" in html
    assert "<script>" not in html

    @multi_observable_source_asset(specs=[AssetSpec("p"), AssetSpec("q")])
    def lake():
        yield ObserveResult("p")
        yield ObserveResult("q")

    assert "source assets p, q" in observable_view(lake).text


def test_all_assets_are_counted_however_they_are_made():
    definitions = Definitions(assets=[both, composed, raw])
    assert counts_words(definitions) == "3 assets, 1 source asset"
    assert "observed source" in str(definitions_view(definitions).html)


def test_the_picture_of_a_job_shows_what_it_observes():
    definitions = Definitions(
        assets=[both, raw],
        jobs=[define_asset_job("look", "raw"), define_asset_job("make", "a")],
    )
    assert set(cards(job_picture(definitions.get_job_def("look")))) == {"raw"}
    assert set(cards(job_picture(definitions.get_job_def("make")))) == {"a"}


def test_an_observation_is_what_came_out_of_its_step():
    result = observe([raw, both])
    from jobnb.display.widgets.run_source import source_of

    model = RunModel(source_of(result))
    model.catch_up()
    (shown,) = model.output_list()
    assert (shown["name"], shown["step"], shown["type"]) == ("raw", "raw", "observed")
    assert len(shown["metadata"]) == 1
    assert model.value("raw") == "7"


def test_an_observation_of_an_earlier_run_is_shown_too():
    instance = Instance.ephemeral()

    @observable_source_asset
    def later():
        return DataVersion("9")

    result = observe([later], instance=instance)
    model = RunModel(StoredRun(instance, result.run_id))
    model.catch_up()
    assert model.value("later") == "9"


def test_a_card_stands_for_the_part_that_makes_its_asset():
    @asset
    def between(a):
        return a

    whole = both.with_changes(
        asset_deps={AssetKey("a"): set(), AssetKey("b"): {AssetKey("between"), AssetKey("raw")}},
        keys_by_input_name={**both.keys_by_input_name, "raw": AssetKey("between")},
    )
    result = materialize([whole, between])
    steps = {step.key: step.asset_keys for step in result._run.plan.steps}
    assert steps == {
        "both": [AssetKey("a")],
        "between": [AssetKey("between")],
        "both_2": [AssetKey("b")],
    }


@pytest.mark.parametrize("thing", [AssetSpec("x"), raw, both, composed])
def test_views_have_text_for_places_without_html(thing):
    kinds = {AssetSpec: spec_view, SourceAsset: source_view}
    view = kinds.get(type(thing), asset_view)(thing)
    assert view.text
