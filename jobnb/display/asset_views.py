"""Views of assets, and of all that the session knows, with its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.observable_asset import ObservableAssets
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.ops.inout import DEFAULT_GROUP
from jobnb.definitions.ops.op import OpDefinition
from jobnb.display.asset_history import PastMaterialization, makings, past_parts
from jobnb.display.asset_pictures import (
    asset_kind,
    asset_picture,
    asset_type,
    made_with,
    source_kind,
)
from jobnb.display.automation_times import launching_rows
from jobnb.display.check_views import checks_html, checks_words, own_checks
from jobnb.display.config_fields import fields_html
from jobnb.display.environment import attempt, has_history, known_session
from jobnb.display.graph_pictures import graph_picture
from jobnb.display.html import EMPTY, Html, code, header, join, pairs, table, tabs, tag
from jobnb.display.markdown_html import inline
from jobnb.display.metadata import json_metadata, metadata_html, metadata_text
from jobnb.display.noun_views import (
    doc_html,
    doc_line,
    job_view,
    op_resources,
    resources_html,
    words,
)
from jobnb.display.picture import Mark, Picture, Status
from jobnb.display.summaries import AssetSummary, CheckSummary, summaries
from jobnb.display.text import counted, picture_text, shorten, table_text
from jobnb.display.view import View, picture_html

T = TypeVar("T")


def asset_view(
    definition: AssetsDefinition,
    *,
    around: Sequence[AssetsDefinition] = (),
    sources: Sequence[SourceAsset] = (),
    marks: Mapping[str, Mark] | None = None,
    checks: Mapping[AssetKey, Sequence[CheckSummary]] | None = None,
    partitions: Mapping[AssetKey, str] | None = None,
    stands: Mapping[AssetKey, str] | None = None,
    past: Mapping[AssetKey, Sequence[PastMaterialization]] | None = None,
) -> View:
    """Return the view of an asset: its place in the graph, status, upstream, config and metadata.

    Args:
        definition: The asset, or assets made together.
        around: All known assets, so that downstream ones can be shown.
        sources: All source assets that are known.
        marks: The state of each.
        checks: The status of each asset's checks; by default, its own as never run.
        partitions: The status of the partitions of each, in words.
        stands: When each was materialized, and why it is stale or failed, in words.
        past: The last materializations of each.
    """
    parted = partitions or {}
    own = own_checks(definition) if checks is None else checks
    picture = place_picture(definition, around, sources, marks)
    keys = sorted(definition.keys)
    html = join(
        [
            *(_one_asset(key, definition, parted.get(key, ""), stands or {}) for key in keys),
            picture_html(picture),
            tabs(
                [
                    *_past_parts(keys, past or {}),
                    *_attribute_parts(definition, own),
                ],
                open_=2 if past else 1,
            ),
        ]
    )
    title = ", ".join(key.to_user_string() for key in keys)
    text = _asset_text(definition, own, parted, stands or {})
    return View(f"asset {title}", text, html, picture)


def asset_details(definition: AssetsDefinition) -> Html:
    """Return what the definition of an asset says: documentation, facts, config, checks."""
    keys = sorted(definition.keys)
    return join(
        [
            *(_one_asset(key, definition, "", {}) for key in keys),
            tabs(_attribute_parts(definition, own_checks(definition)), open_=1),
        ]
    )


def _attribute_parts(
    definition: AssetsDefinition, checks: Mapping[AssetKey, Sequence[CheckSummary]]
) -> list[tuple[str, Html]]:
    schema = _config_schema(definition)
    return [
        ("Config", EMPTY if schema is None else fields_html(schema)),
        ("Resources", words(op_resources(definition))),
        ("Metadata", _metadata(definition)),
        ("Checks", checks_html(checks) if any(checks.values()) else EMPTY),
        ("Made by a graph", _inside(definition)),
    ]


def _past_parts(
    keys: Sequence[AssetKey], past: Mapping[AssetKey, Sequence[PastMaterialization]]
) -> list[tuple[str, Html]]:
    """Return the past materializations, by asset if there are several."""
    several = len(keys) > 1
    return [
        (f"{key.to_user_string()}: {title.lower()}" if several else title, body)
        for key in keys
        for title, body in (past_parts(past[key]) if past.get(key) else ())
    ]


def place_picture(
    definition: AssetsDefinition,
    around: Sequence[AssetsDefinition],
    sources: Sequence[SourceAsset],
    marks: Mapping[str, Mark] | None,
) -> Picture:
    """Return the picture of assets with their direct upstream and downstream."""
    known = [each for each in around if not each.keys & definition.keys]
    after = {
        key
        for each in known
        for key in each.keys
        if definition.keys & each.asset_deps.get(key, set())
    }
    title = ", ".join(sorted(key.to_user_string() for key in definition.keys))
    only = definition.keys | after
    return asset_picture([definition, *known], sources, title=title, only=only, marks=marks)


def _one_asset(
    key: AssetKey, definition: AssetsDefinition, partitions: str, stands: Mapping[AssetKey, str]
) -> Html:
    facts = asset_attributes(key, definition, partitions)
    stand = said(last_made=stands.get(key))
    return join(
        [
            header(key.to_user_string(), "asset", note=asset_note(key, definition)),
            doc_html(definition.descriptions_by_key.get(key)),
            pairs({**stand, **facts}),
        ]
    )


def asset_note(key: AssetKey, definition: AssetsDefinition) -> str:
    """Return its group, kind and type, if they are set."""
    facts = [
        definition.group_names_by_key.get(key, ""),
        asset_kind(key, definition),
        asset_type(key, definition),
    ]
    return " · ".join(fact for fact in facts if fact and fact != "default")


def asset_attributes(
    key: AssetKey, definition: AssetsDefinition, partitions: str = ""
) -> dict[str, str | None]:
    """Return what its definition says, by name."""
    names = [dep.to_user_string() for dep in sorted(definition.asset_deps.get(key, ()))]
    facts: dict[str, str | None] = {}
    if names:
        facts["made from"] = words(names)
    others = made_with(key, definition)
    if others:
        facts["made together with"] = words(others)
    owners = definition.owners_by_key.get(key)
    if owners:
        facts["owners"] = ", ".join(owners)
    if definition.partitions_def is not None:
        facts["partitions"] = shorten(repr(definition.partitions_def), 200)
        facts |= said(partitions_made=partitions)
    facts |= said(
        tags=tag_words(definition.tags_by_key.get(key, {})),
        freshness=definition.freshness_policies_by_key.get(key),
        code_version=definition.code_versions_by_key.get(key),
        backfills=definition.backfill_policy,
        automation=definition.automation_conditions_by_key.get(
            key, definition.auto_materialize_policies_by_key.get(key)
        ),
    )
    return facts


def said(**facts: Any) -> dict[str, str | None]:
    """Return the facts that are said, in words."""
    return {
        name.replace("_", " "): shorten(str(value), 200)
        for name, value in facts.items()
        if value not in (None, "")
    }


def tag_words(tags: Mapping[str, str]) -> str:
    """Return tags on one line."""
    return ", ".join(f"{name}={value}" for name, value in tags.items())


def _config_schema(definition: AssetsDefinition) -> Any:
    node = definition.node_def
    # An annotation may name something that a later cell defines.
    return attempt(lambda: node.config_schema if isinstance(node, OpDefinition) else None, None)


def _metadata(definition: AssetsDefinition) -> Html:
    parts = [
        metadata_html(json_metadata(found))
        for found in definition.metadata_by_key.values()
        if found
    ]
    return join(parts)


def _inside(definition: AssetsDefinition) -> Html:
    """Return the graph of a graph-backed asset."""
    from jobnb.definitions.ops.graph_definition import GraphDefinition

    node = definition.node_def
    return picture_html(graph_picture(node)) if isinstance(node, GraphDefinition) else EMPTY


def _asset_text(
    definition: AssetsDefinition,
    checks: Mapping[AssetKey, Sequence[CheckSummary]],
    partitions: Mapping[AssetKey, str],
    stands: Mapping[AssetKey, str],
) -> str:
    lines = []
    for key in sorted(definition.keys):
        lines.append(
            f"asset {key.to_user_string()}{doc_line(definition.descriptions_by_key.get(key))}"
        )
        names = ", ".join(
            dep.to_user_string() for dep in sorted(definition.asset_deps.get(key, ()))
        )
        lines += [f"  made from: {names}"] if names else []
        lines += [f"  last made: {stands[key]}"] if stands.get(key) else []
        lines += [f"  partitions: {partitions[key]}"] if partitions.get(key) else []
        given = definition.metadata_by_key.get(key)
        found = metadata_text(json_metadata(given)) if given else {}
        lines += [f"  {label}: {value}" for label, value in found.items()]
        lines += [f"  check {each.name}: {each.words}" for each in checks.get(key, ())]
    return "\n".join(lines)


def asset_job_view(job: AssetJobDefinition) -> View:
    """Return an asset job whose assets are not known yet: its selection."""
    facts: dict[str, str | None] = {
        "selection": code(shorten(str(job.selection), 300)),
        "tags": ", ".join(f"{name}={value}" for name, value in job.tags.items()) or None,
    }
    html = join(
        [
            header(job.name, "asset job"),
            doc_html(job.description),
            pairs({name: value for name, value in facts.items() if value}),
        ]
    )
    head = f"asset job {job.name}{doc_line(job.description)}"
    text = f"{head}\n  selection: {shorten(str(job.selection), 300)}"
    return View(f"asset job {job.name}", text, html)


def catalogue_rows(
    assets: Sequence[AssetsDefinition],
    made: Mapping[AssetKey, str] | None = None,
    checks: Mapping[AssetKey, Sequence[CheckSummary]] | None = None,
) -> list[list[str]]:
    """Return one row per asset: group, key, kind, first line, last materialization, checks."""
    rows = [
        [
            definition.group_names_by_key.get(key, ""),
            key.to_user_string(),
            asset_kind(key, definition),
            doc_line(definition.descriptions_by_key.get(key)).removeprefix(" - "),
            *([made.get(key, "never")] if made is not None else []),
            *([checks_words(checks.get(key, ()))] if checks else []),
        ]
        for definition in assets
        for key in sorted(definition.keys)
    ]
    return sorted(rows, key=lambda row: row[0])


def definitions_view(
    definitions: Definitions,
    *,
    title: str = "definitions",
    marks: Mapping[str, Mark] | None = None,
    made: Mapping[AssetKey, str] | None = None,
    checks: Mapping[AssetKey, Sequence[CheckSummary]] | None = None,
    parts: Mapping[str, str] | None = None,
) -> View:
    """Return the view of all definitions: graph of assets, catalog, jobs and resources.

    Args:
        definitions: What to show.
        title: What to call it.
        marks: The state of each asset.
        made: When each asset was last materialized, in words.
        checks: The status of the checks of each asset.
        parts: Ops and graphs, in words by name.
    """
    picture = asset_picture(definitions.assets, definitions.source_assets, title=title, marks=marks)
    rows = _limited(catalogue_rows(definitions.assets, made, checks))
    titles = ["group", "asset", "kind", "", *(["last made"] if made is not None else [])]
    titles += ["checks"] if checks else []
    if not any(kind for _, _, kind, *_ in rows):
        titles.remove("kind")
    cells = [_marked_up(row, titles) for row in rows]
    counts = counts_words(definitions)
    html = join(
        [
            header(title, note=counts),
            picture_html(picture),
            tabs(
                [
                    ("Assets", table(titles, cells) if cells else EMPTY),
                    ("Checks", checks_html(checks or {})),
                    ("Jobs", _jobs(definitions)),
                    ("Ops and graphs", pairs(parts or {})),
                    ("Schedules and sensors", _automation(definitions)),
                    ("Resources", resources_html(dict(definitions.resources))),
                ],
                open_=2,
            ),
        ]
    )
    lines = [f"{title}: {counts}", picture_text(picture) if picture.cards else ""]
    lines.append(table_text(titles, [_chosen(row, titles) for row in rows]) if rows else "")
    lines += [f"job {each.name}{doc_line(each.description)}" for each in definitions.jobs]
    lines += [f"{words.partition(' - ')[0]} {name}" for name, words in (parts or {}).items()]
    return View(title, "\n".join(line for line in lines if line), html, picture)


def _chosen(row: Sequence[T], titles: Sequence[str]) -> list[T]:
    """Return a row of the catalogue without its kind, if no asset has one."""
    return [*row] if "kind" in titles else [*row[:2], *row[3:]]


def _marked_up(row: list[str], titles: Sequence[str]) -> list[str | Html]:
    """Return a row of the catalogue for a page: the key as code, the first line as prose."""
    return _chosen([row[0], code(row[1]), row[2], inline(row[3]), *row[4:]], titles)


_MOST_ROWS = 300


def _limited(rows: list[list[str]]) -> list[list[str]]:
    """Return the first few hundred rows, and one that reports the rest."""
    left = len(rows) - _MOST_ROWS
    if left <= 0:
        return rows
    return [*rows[:_MOST_ROWS], ["…", counted(left, "more asset"), *[""] * (len(rows[0]) - 2)]]


def counts_words(definitions: Definitions) -> str:
    """Describe counts in words: `3 assets, 1 job`."""
    things = (
        ("asset", definitions.assets_by_key),
        ("source asset", definitions.source_assets),
        ("check", definitions.asset_checks),
        ("job", definitions.jobs),
        ("schedule", definitions.schedules),
        ("sensor", definitions.sensors),
        ("resource", definitions.resources),
    )
    parts = [counted(len(found), noun) for noun, found in things if found]
    return ", ".join(parts) or "nothing yet"


def _jobs(definitions: Definitions) -> Html:
    rows = [
        [
            code(each.name),
            "asset job" if getattr(each, "selection", None) is not None else "job",
            doc_line(each.description).removeprefix(" - "),
        ]
        for each in definitions.jobs
    ]
    return table(["name", "kind", ""], rows) if rows else EMPTY


def _automation(definitions: Definitions) -> Html:
    rows = [[kind, tag("code", name), cron] for kind, name, cron in launching_rows(definitions)]
    return table(["", "name", "when"], rows) if rows else EMPTY


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
    """Return the view of an asset spec."""
    return source_view(SourceAsset.of_spec(spec))


def observable_view(assets: ObservableAssets) -> View:
    """Return the view of source assets that one function observes."""
    names = ", ".join(each.key.to_user_string() for each in assets.sources)
    picture = asset_picture((), assets.sources, title=names)
    html = join(
        [header(names, "source assets", note="observed"), doc_html(assets.op.description),
         picture_html(picture)]
    )  # fmt: skip
    return View(f"source assets {names}", f"source assets {names}", html, picture)


def source_view(source: SourceAsset, checks: Sequence[CheckSummary] = ()) -> View:
    """Return a source asset.

    Args:
        source: The source asset.
        checks: The last results of its checks.
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


# --- with what the session knows, and its history ---------------------------------------


def session_view(session: Any) -> View:
    """Return all that this kernel knows, and the status of each asset."""
    known: Definitions = session.definitions
    keys = [key for each in known.assets for key in each.keys]
    how = summaries(session, keys, [each.key for each in known.source_assets])
    made = {key: each.words for key, each in how.items()} if has_history(session) else {}
    return definitions_view(
        known,
        title="session",
        marks=_marks(how),
        made=made,
        checks={key: each.checks for key, each in how.items() if each.checks},
        parts=_parts(session),
    )


def _parts(session: Any) -> dict[str, str]:
    """Return the ops and graphs that jobs are put together from: noun and first line by name."""
    catalogue = session.catalogue
    return {
        each.name: f"{noun}{doc_line(each.description)}"
        for noun in ("graph", "op")
        for each in catalogue.definitions(noun)
    }


def known_asset_view(definition: AssetsDefinition) -> View:
    """Return an asset among the others that this kernel knows."""
    session = known_session()
    if session is None:
        return asset_view(definition)
    known: Definitions = session.definitions
    below = {
        k for each in known.assets if each.dependency_keys & definition.keys for k in each.keys
    }
    how = summaries(session, {*definition.keys, *definition.dependency_keys, *below})
    made = sorted(key for key in definition.keys if how[key].status is not Status.NONE)
    return asset_view(
        definition,
        around=known.assets,
        sources=known.source_assets,
        marks=_marks(how),
        checks={key: how[key].checks for key in sorted(definition.keys)},
        partitions={key: how[key].partition_words for key in definition.keys},
        stands={key: how[key].words for key in definition.keys if how[key].counts is None},
        past={key: past for key in made if (past := makings(session, key))},
    )


def known_source_view(source: SourceAsset) -> View:
    """Return a source asset, with the checks that this kernel knows of it."""
    session = known_session()
    if session is None:
        return source_view(source)
    how = summaries(session, (), [source.key]).get(source.key)
    return source_view(source, how.checks if how is not None else ())


def _marks(how: Mapping[AssetKey, AssetSummary]) -> dict[str, Mark]:
    return {key.to_user_string(): each.mark for key, each in how.items()}


def known_job_view(job: AssetJobDefinition) -> View:
    """Return an asset job over the kernel's known assets; its selection if there are none."""
    session = known_session()
    known: Definitions | None = session.definitions if session is not None else None
    if known is None or not known.assets:
        return asset_job_view(job)
    view = attempt(
        lambda: job_view(
            job.resolve(known.assets, known.source_assets, asset_checks=known.asset_checks),
            session=session,
        ),
        None,
    )
    return asset_job_view(job) if view is None else view
