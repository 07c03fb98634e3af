"""The live view of a job: tabs for its graph, launchpad, partitions and runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.display.environment import attempt, known_session
from jobnb.display.graph_pictures import as_seen, graph_picture, job_picture
from jobnb.display.noun_views import doc_line, tag_words
from jobnb.display.picture import marked
from jobnb.display.summaries import summaries
from jobnb.display.widgets.graph import GraphView
from jobnb.display.widgets.tabbed import Tabbed
from jobnb.display.widgets.tooltips import asset_facts, op_facts


def job_graph(job: JobDefinition) -> GraphView:
    """Return the live graph of a job: its assets with their statuses, or its ops."""
    picture = job_picture(job)
    layer = job.asset_layer
    session = known_session()
    if layer is None:
        return GraphView(picture, about=op_facts(job.graph, session))
    assets = {key: each for each in layer.assets for key in each.keys}
    shown = {card.key for card in picture.cards}
    keys = [key for key in assets if key.to_user_string() in shown]
    how = summaries(session, keys) if session is not None else {}
    picture = marked(picture, {key.to_user_string(): each.mark for key, each in how.items()})
    return GraphView(picture, about=asset_facts(assets, how, session))


def graph_widget(graph: GraphDefinition) -> GraphView:
    """Return the live picture of a graph and all graphs in it."""
    return GraphView(graph_picture(graph), about=op_facts(graph))


class JobView(Tabbed):
    """A job: graph, launchpad, partitions if it has some, runs.

    Args:
        job: The job; an asset job is taken over the assets that the session knows.
        instead: What makes the widget of a tab instead, by the tab's name.
    """

    def __init__(
        self,
        job: JobDefinition | AssetJobDefinition,
        instead: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        known = _resolved(job)
        drawn, said = as_seen(known, known_session())
        noun = "asset job" if known.asset_layer is not None else "job"
        many = attempt(lambda: known.partitions_def is not None, False)
        doc = doc_line(known.description).removeprefix(" - ")
        about = " · ".join(filter(None, [said, doc, tag_words(known.tags)]))
        parts: dict[str, tuple[str, Callable[[], Any]]] = {
            "graph": ("Graph", lambda: job_graph(drawn)),
            "launchpad": ("Launchpad", lambda: _launchpad(job)),
            **({"partitions": ("Partitions", lambda: _partitions(job, known))} if many else {}),
            "runs": ("Runs", lambda: _runs(known)),
        }
        for name, make in (instead or {}).items():
            parts[name] = parts[name][0], make
        super().__init__(
            parts,
            {"title": known.name, "noun": noun, "note": about},
        )

    def close(self) -> None:
        """Close it in all front ends; the launchpad stays, as others may show it."""
        self._made.pop("launchpad", None)
        super().close()


def _resolved(job: JobDefinition | AssetJobDefinition) -> JobDefinition:
    if isinstance(job, JobDefinition):
        return job
    session = known_session()
    known = session.definitions if session is not None else None
    return job.resolve(known.assets, known.source_assets) if known is not None else job.resolve([])


def _launchpad(job: JobDefinition | AssetJobDefinition) -> Any:
    from jobnb.display.widgets.launchpad import open_job

    return open_job(job)


def _partitions(job: JobDefinition | AssetJobDefinition, known: JobDefinition) -> Any:
    from jobnb.display.widgets.partitions import PartitionsView
    from jobnb.registry.session import current_session
    from jobnb.storage.partition_tables import JobPartitionTable

    instance = current_session().instance
    return PartitionsView(JobPartitionTable.of_job(known, instance, job.backfill))


def _runs(job: JobDefinition) -> Any:
    from jobnb.display.widgets.history import HistoryView
    from jobnb.registry.session import current_session
    from jobnb.storage.run import RunsFilter
    from jobnb.storage.run_table import RunTable

    return HistoryView(RunTable(current_session().instance, RunsFilter(job_name=job.name)))
