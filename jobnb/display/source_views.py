"""How assets look that come from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.definitions.assets.asset_inout import DEFAULT_GROUP
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.observable_asset import ObservableAssets
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.display.asset_pictures import asset_picture, source_kind
from jobnb.display.asset_views import said, tag_words
from jobnb.display.check_standing import CheckStanding
from jobnb.display.check_views import checks_html
from jobnb.display.html import header, join, pairs, tabs
from jobnb.display.metadata import json_metadata, metadata_html
from jobnb.display.noun_views import doc_html, doc_line, words
from jobnb.display.text import shorten
from jobnb.display.view import View, picture_html

__all__ = ["observable_view", "source_view", "spec_view"]


def _source_facts(source: SourceAsset) -> dict[str, str | None]:
    names = [dep.asset_key.to_user_string() for dep in source.deps]
    facts: dict[str, str | None] = {"made from": words(names)} if names else {}
    if source.partitions_def is not None:
        facts["partitions"] = shorten(repr(source.partitions_def), 200)
    observer = source.observe_op
    return facts | said(
        owners=", ".join(source.owners),
        tags=tag_words(source.tags),
        freshness=source.freshness_policy,
        code_version=source.code_version,
        observed_by=observer.name if observer is not None else None,
        automation=source.automation_condition,
    )


def spec_view(spec: AssetSpec) -> View:
    """What is said of an asset."""
    return source_view(SourceAsset.of_spec(spec))


def observable_view(assets: ObservableAssets) -> View:
    """Source assets that one function looks at."""
    names = ", ".join(each.key.to_user_string() for each in assets.sources)
    picture = asset_picture((), assets.sources, title=names)
    html = join(
        [header(names, "source assets", note="observed"), doc_html(assets.op.description),
         picture_html(picture)]
    )  # fmt: skip
    return View(f"source assets {names}", f"source assets {names}", html, picture)


def source_view(source: SourceAsset, checks: Sequence[CheckStanding] = ()) -> View:
    """A source asset.

    Args:
        source: The source asset.
        checks: How its checks stand.
    """
    name = source.key.to_user_string()
    picture = asset_picture((), (source,), title=name)
    group = "" if source.group_name == DEFAULT_GROUP else source.group_name
    note = " · ".join(fact for fact in (group, source_kind(source)) if fact != "source" and fact)
    html = join(
        [
            header(name, "source asset", note=note),
            doc_html(source.description),
            pairs(_source_facts(source)),
            metadata_html(json_metadata(source.metadata)),
            picture_html(picture),
            tabs([("Checks", checks_html({source.key: checks}))]),
        ]
    )
    lines = [f"source asset {name}{doc_line(source.description)}"]
    lines += [f"  check {each.name}: {each.words}" for each in checks]
    return View(f"source asset {name}", "\n".join(lines), html, picture)
