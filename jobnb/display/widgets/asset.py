"""The live view of an asset: status, place in the graph, materializations, and buttons."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import ipywidgets
from ipywidgets import widget_serialization
from traitlets import Bool, Dict, Instance

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import AssetKey
from jobnb.display.asset_history import makings, plots
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.asset_views import asset_details, asset_note, known_asset_view, place_picture
from jobnb.display.environment import has_front_end
from jobnb.display.html import page
from jobnb.display.markdown_html import prose_tree
from jobnb.display.picture import Picture, marked
from jobnb.display.summaries import NEVER, AssetSummary, summaries
from jobnb.display.text import shorten
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.catalogue_data import summary_json
from jobnb.display.widgets.follow import follow_run, keep_up
from jobnb.display.widgets.graph import GRAPH_PARTS, GraphView
from jobnb.display.widgets.live_and_static import LiveAndStatic, widget_bundle
from jobnb.display.widgets.previews import clean, metadata_rows, preview
from jobnb.display.widgets.run_source import stored_or_live
from jobnb.display.widgets.tabbed import Tabbed
from jobnb.display.widgets.tooltips import About, asset_facts
from jobnb.display.widgets.view import View, answers
from jobnb.errors import PartitionNeededError
from jobnb.markdown import undocumented
from jobnb.registry.session import Session

_MOST_RUNS = 8
_MOST_NOTES = 6


class AssetCard(View):
    """The status of an asset and its place in the graph; details below.

    Args:
        definition: The asset, or the assets of one function; kept up to date from the session.
        session: Whose asset it is.
        show: Shows a run below.
        open_tab: Opens another tab: `launchpad`, `partitions`.
        ended: Called when something has changed.
        eager: Whether the last value is previewed at once.

    Attributes:
        told: What is shown of each key: state, reasons, metadata, plots, runs.
        graph: Its place in the graph.
        session: Whose asset it is.
    """

    _esm = esm(*GRAPH_PARTS, "parts/child.js", "parts/values.js", "asset.js")
    _css = css("graph_view.css", "asset.css")

    told = Dict().tag(sync=True)
    eager = Bool(False).tag(sync=True)
    behind = Bool(False, help="Whether something may have changed since.").tag(sync=True)
    graph = Instance(GraphView).tag(sync=True, **widget_serialization)

    def __init__(
        self,
        definition: AssetsDefinition,
        session: Session,
        show: Callable[[Any], None],
        open_tab: Callable[[str], None],
        ended: Callable[[], None],
        *,
        eager: bool = False,
    ) -> None:
        self.session = session
        self._definition = definition
        self._show, self._open_tab, self._ended = show, open_tab, ended
        self._summaries: dict[AssetKey, AssetSummary] = {}
        super().__init__(eager=eager, graph=GraphView(place_picture(definition, (), (), None)))
        self.refresh()
        keep_up(self)

    @answers("refresh")
    def refresh(self) -> bool:
        """Read the definition and the history again."""
        known = self.session.definitions
        key = min(self._definition.keys)
        self._definition = known.assets_by_key.get(key, self._definition)
        picture = place_picture(self._definition, known.assets, known.source_assets, None)
        shown = {AssetKey.from_user_string(card.key) for card in picture.cards}
        made = [key for key in known.assets_by_key if key in shown]
        with self.guard, self.hold_sync():
            self._summaries.clear()
            self._summaries.update(summaries(self.session, made))
            marks = {key.to_user_string(): each.mark for key, each in self._summaries.items()}
            picture = place_picture(self._definition, known.assets, known.source_assets, marks)
            about = asset_facts(known.assets_by_key, self._summaries, self.session)
            self.graph.show(picture, about)
            self.told = self._tell()
        return True

    @answers("keep_up")
    def keep_up(self) -> bool:
        """Show what has changed, if a front end still shows this."""
        self.behind = False
        self.refresh()
        self._ended()
        return True

    def _tell(self) -> dict[str, Any]:
        keys = sorted(self._definition.keys)
        found: dict[str, Any] = clean(
            {
                "title": ", ".join(key.to_user_string() for key in keys),
                "parted": self._definition.partitions_def is not None,
                "keys": [self._key(key) for key in keys],
            }
        )
        return found

    def _key(self, key: AssetKey) -> dict[str, Any]:
        past = makings(self.session, key)
        summary = self._summaries.get(key, NEVER)
        about = undocumented(self._definition.descriptions_by_key.get(key, ""))
        return {
            "key": key.to_user_string(),
            "note": asset_note(key, self._definition),
            "about": prose_tree(about.partition("\n\n")[0]) if about else [],
            **{name: summary_json(summary)[name] for name in ("status", "word", "more")},
            "made": summary.made,
            "reasons": list(summary.reasons),
            "notes": [shorten(str(note), 160) for note in summary.notes[:_MOST_NOTES]],
            "metadata": metadata_rows(past[0].metadata) if past else [],
            "plots": [{"name": name, "points": points} for name, points in plots(past).items()],
            "runs": [
                {"run_id": each.run_id, "time": each.time, "partition": each.partition}
                for each in past[:_MOST_RUNS]
            ],
        }

    @answers("preview")
    def preview(self, key: str) -> dict[str, Any]:
        """Return a preview of the last value."""
        return preview(self.session.peek(key))

    @answers("materialize")
    def materialize(self) -> str:
        """Materialize it in the background; if it is partitioned, ask for partitions first.

        Returns:
            The run's id; empty if nothing runs yet.

        Raises:
            InvalidConfigError: If it needs config.
        """
        try:
            run = self.session.launch(sorted(self._definition.keys))
        except PartitionNeededError:
            self._open_tab("partitions")
            return ""
        self._show(run)
        follow_run(
            run, lambda news: self.graph.patch({key: mark for key, (mark, _) in news.items()})
        )
        return str(run.run_id)

    @answers("show")
    def show_part(self, run_id: str = "", tab: str = "") -> bool:
        """Show a run below, or open another tab."""
        if tab:
            self._open_tab(tab)
        else:
            self._show(stored_or_live(self.session.instance, run_id))
        return True

    def close(self) -> None:
        """Close it with its graph."""
        self.graph.close()
        super().close()


class AssetsGraph(GraphView):
    """The live graph of some assets with their direct upstream, showing their status.

    Args:
        keys: The assets.
        session: Their session; later changes are shown, too.
    """

    behind = Bool(False, help="Whether something may have changed since.").tag(sync=True)

    def __init__(self, keys: Collection[AssetKey], session: Session) -> None:
        self.session, self._wanted = session, keys
        picture, about = self._now()
        super().__init__(picture, about=about)
        keep_up(self)

    def _now(self) -> tuple[Picture, About]:
        known = self.session.definitions
        title = ", ".join(sorted(key.to_user_string() for key in self._wanted))
        picture = asset_picture(known.assets, known.source_assets, title=title, only=self._wanted)
        shown = {card.key for card in picture.cards}
        made = [key for key in known.assets_by_key if key.to_user_string() in shown]
        how = summaries(self.session, made)
        marks = {key.to_user_string(): each.mark for key, each in how.items()}
        return marked(picture, marks), asset_facts(known.assets_by_key, how, self.session)

    @answers("keep_up")
    def keep_up(self) -> bool:
        """Show what has changed, for a front end that still shows this."""
        self.behind = False
        self.show(*self._now())
        return True


class AssetView(LiveAndStatic, Tabbed):
    """The live view of an asset: status, graph, launchpad, partitions, details.

    Args:
        definition: The asset, or the assets of one function.
        eager: Whether the last value is previewed at once.
        launchpad: Makes the launchpad; that of the session if None.

    Attributes:
        card: What its first tab shows.
        run: The view of the run that was launched or opened last, or None.

    Example:
        >>> from jobnb import asset
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> AssetView(orders).card.told["keys"][0]["word"]
        'never made'
    """

    def __init__(
        self,
        definition: AssetsDefinition,
        *,
        eager: bool = True,
        launchpad: Callable[[], Any] | None = None,
    ) -> None:
        self._definition = definition
        self.session = engine().session_with(definition)
        self.run: Any = None
        self.below = ipywidgets.VBox()
        self.card = AssetCard(
            definition, self.session, self._show_run, self._open_tab, self.renew_twins, eager=eager
        )
        parts: dict[str, tuple[str, Callable[[], Any]]] = {
            "asset": ("Asset", lambda: self.card),
            "launchpad": (
                "Launchpad",
                launchpad or (lambda: self.session.launchpad(sorted(definition.keys))),
            ),
            "details": ("Details", self._details),
        }
        if definition.partitions_def is not None:
            parts["partitions"] = ("Partitions", self._partitions)
        super().__init__(parts)
        self.children = (self.bar, self.place, self.below)

    def _repr_mimebundle_(self, **parameters: Any) -> dict[str, Any]:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(known_asset_view(self._definition)), **live}

    def _details(self) -> Any:
        return ipywidgets.HTML(page(asset_details(self._definition)))

    def _partitions(self) -> Any:
        from jobnb.display.widgets.partitions import PartitionsView

        return PartitionsView(self.session.partitions(min(self._definition.keys)))

    def _open_tab(self, name: str) -> None:
        self.bar.opened = name

    def _show_run(self, run: Any) -> None:
        from jobnb.display.widgets.run import RunView

        if self.run is None:
            self.run = RunView(run)
            self.below.children = (self.run,)
        else:
            self.run.show(run)

    def close(self) -> None:
        """Close it in all front ends; the launchpad stays, because others may show it."""
        self._made.pop("launchpad", None)
        self.below.close()
        super().close()
