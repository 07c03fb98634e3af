"""The live graph: pan, zoom, search, select, fold, and changing states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from traitlets import Bool, Dict, Int, List, Unicode, observe

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.grammar import quoted, written, written_key
from jobnb.display.environment import attempt, has_front_end
from jobnb.display.folding import Folds, Path, combined_mark, fold_key
from jobnb.display.picture import Card, Mark, Picture, Status, marked
from jobnb.display.text import picture_text
from jobnb.display.view import View as Static
from jobnb.display.view import bundle, picture_html
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.drawing import drawing_of, mark_json
from jobnb.display.widgets.follow import follow_run
from jobnb.display.widgets.live_and_static import widget_bundle
from jobnb.display.widgets.tooltips import About, about_card, held_words
from jobnb.display.widgets.view import View, answers
from jobnb.plan.selection_resolution import resolve_op_selection

# What a widget that shows a graph of its own has to put before its own file.
GRAPH_PARTS = (
    "parts/dom.js",
    "parts/marks.js",
    "parts/graph_text.js",
    "parts/graph_draw.js",
    "parts/graph_move.js",
    "parts/graph_pick.js",
    "parts/graph_card.js",
    "parts/graph_keys.js",
    "parts/graph_panel.js",
)


class GraphView(View):
    """The live view of a graph, which can be searched, selected in and followed.

    Args:
        picture: What to draw.
        about: Tells more of a card when someone hovers over it: label and text, by key.
        most: How many cards are drawn at once; larger pictures start with their groups folded. If
            left out, those do that are too large to be read at once.

    Attributes:
        picked: The keys that were clicked.
        upstream: Whether their upstream is selected with them.
        downstream: Whether their downstream is selected with them.
        selected: The keys of all that is selected; may be set.
        selection: The same in the selection syntax, ready to copy.
        marks: The state of each card that is drawn.

    Example:
        >>> from jobnb.display.picture import Card, Edge
        >>> cards = (Card("a", "a", shape="asset"), Card("b", "b", shape="asset"))
        >>> view = GraphView(Picture("p", cards, (Edge("a", "b"),)))
        >>> view.picked, view.upstream = ["b"], True
        >>> view.selected, view.selection
        (['a', 'b'], '*b')
    """

    _esm = esm(*GRAPH_PARTS, "graph.js")
    _css = css("graph_view.css")

    drawing = Dict().tag(sync=True)
    marks = Dict().tag(sync=True)
    picked = List(Unicode()).tag(sync=True)
    upstream = Bool(False).tag(sync=True)
    downstream = Bool(False).tag(sync=True)
    selected = List(Unicode()).tag(sync=True)
    selection = Unicode().tag(sync=True)
    tallest = Int(460, help="How high the graph may become, in pixels.").tag(sync=True)

    def __init__(
        self,
        picture: Picture,
        *,
        about: About | None = None,
        most: int | None = None,
        **traits: Any,
    ) -> None:
        self.picture = picture
        self._about = about
        self._folds = Folds(picture, most)
        self._reach = Reach(picture)
        self._choosing = False
        self._unfollow: Callable[[], None] | None = None
        self._states: dict[str, tuple[Mark, float | None]] = {
            key: (mark, None) for key, mark in picture.marks.items()
        }
        self._place_of: dict[str, str] = {}
        super().__init__(**self._drawn(), **traits)

    # --- what is drawn ----------------------------------------------------

    def _drawn(self) -> dict[str, Any]:
        """Return the drawing and the marks as the groups are folded now."""
        shown = self._folds.shown()
        self._shown = {card.key: card for card in shown.cards}
        self._place_of = {
            key: card.key for card in shown.cards for key in (card.members or (card.key,))
        }
        return {"drawing": drawing_of(shown), "marks": self._marks_of(self._shown)}

    def _marks_of(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        return {key: self._mark_of(key) for key in keys}

    def _mark_of(self, key: str) -> dict[str, Any]:
        card = self._shown[key]
        if not card.members:
            mark, since = self._states.get(key, (Mark(), None))
            lonely = card.shape == "missing" and mark.status is Status.NONE
            return mark_json(Mark(Status.MISSING) if lonely else mark, since)
        held = {key: self._states[key][0] for key in card.members if key in self._states}
        return mark_json(combined_mark(card, held))

    def _redraw(self) -> bool:
        with self.guard, self.hold_sync():
            drawn = self._drawn()
            self.drawing, self.marks = drawn["drawing"], drawn["marks"]
        return True

    @answers("fold")
    def fold(self, path: Iterable[str]) -> bool:
        """Show a group as one card."""
        self._folds.fold(tuple(path))
        return self._redraw()

    @answers("open")
    def open_group(self, key: str) -> bool:
        """Show what is in a folded group, named by the key of the card that stands for it."""
        path = next((path for path in self._folds.folded if fold_key(path) == key), None)
        if path is None:
            return False
        self._folds.open(path)
        return self._redraw()

    @answers("reveal")
    def reveal(self, key: str) -> bool:
        """Open the groups that hide a card; return whether the drawing changed."""
        return self._folds.reveal(key) and self._redraw()

    @property
    def folded(self) -> list[Path]:
        """The paths of the folded groups."""
        return sorted(self._folds.folded)

    @answers("about")
    def about(self, key: str) -> dict[str, Any]:
        """Return the facts shown when hovering over a card."""
        card = self._shown.get(key)
        if card is None:
            return {}
        told = about_card(card, self._about)
        if card.members:
            with self.guard:
                held = [self._states.get(key, (Mark(), None))[0].status for key in card.members]
            told["facts"][:0] = [["of these", words]] if (words := held_words(held)) else []
        return told

    # --- states -----------------------------------------------------------

    def patch(
        self, marks: Mapping[str, Mark], since: Mapping[str, float | None] | None = None
    ) -> None:
        """Change the state of some cards without moving anything. Thread-safe.

        Args:
            marks: The new marks, by the key of the card.
            since: When those that run now began, in seconds since the epoch.
        """
        with self.guard:
            for key, mark in marks.items():
                self._states[key] = mark, (since or {}).get(key)
            touched = {self._place_of[key] for key in marks if key in self._place_of}
            news = self._marks_of(touched)
            # In place: the whole is sent only to a front end that comes later.
            self.marks.update(news)
        if news:
            self.tell("marks", news)

    def show(self, picture: Picture, about: About | None = None) -> None:
        """Replace the picture; opened groups and the selection stay.

        Args:
            picture: All cards, as they stand now. Where they are those of before, nothing moves.
            about: Tells more of a card, as at the beginning.
        """
        self._about = about or self._about
        same = marked(self.picture, {}) == marked(picture, {})
        self.picture = picture
        if same:
            self.patch({key: Mark() for key in self._states} | picture.marks)
            return
        with self.guard:
            self._folds = self._folds.renewed(picture)
            self._reach = Reach(picture)
            self._states = {key: (mark, None) for key, mark in picture.marks.items()}
            self._redraw()
        here = {card.key for card in picture.cards}
        with self._choose():
            self.picked = [key for key in self.picked if key in here]
            self._select()

    @answers("marks")
    def all_marks(self) -> dict[str, Any]:
        """Return the marks of all cards as they are now, for a front end that has just come."""
        with self.guard:
            return dict(self.marks)

    def follow(self, run: Any) -> GraphView:
        """Show the states of a live run until it ends; another run takes its place.

        Args:
            run: What `launch` returned.
        """
        self.unfollow()
        self._unfollow = follow_run(
            run,
            lambda news: self.patch(
                {key: mark for key, (mark, _) in news.items()},
                {key: since for key, (_, since) in news.items()},
            ),
        )
        return self

    def unfollow(self) -> None:
        """Stop following a run."""
        stop, self._unfollow = self._unfollow, None
        if stop is not None:
            stop()

    # --- selecting --------------------------------------------------------

    @contextmanager
    def _choose(self) -> Iterator[None]:
        """Set traits as the view itself for the duration of the block."""
        self._choosing = True
        try:
            with self.hold_sync():
                yield
        finally:
            self._choosing = False

    @observe("picked", "upstream", "downstream")
    def _picked(self, _change: Any) -> None:
        if not self._choosing:
            with self._choose():
                self._select()

    @observe("selected")
    def _selected(self, change: Any) -> None:
        """Handle a selection from elsewhere."""
        if not self._choosing:
            with self._choose():
                self.picked, self.upstream, self.downstream = change["new"], False, False
                self._select()

    def _select(self) -> None:
        how = {"upstream": self.upstream, "downstream": self.downstream}
        self.selected = self._reach.of(self.picked, **how)
        chosen = self._reach.of(self.picked)
        self.selection = selection_text(self.picture, chosen, **how)

    def _repr_mimebundle_(self, **parameters: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return text, HTML and a picture always; alive where there is a front end."""
        with self.guard:
            marks = {key: mark for key, (mark, _) in self._states.items()}
        picture = marked(self.picture, marks)
        static = Static(picture.title, picture_text(picture), picture_html(picture), picture)
        return {**bundle(static), **(widget_bundle(self) if has_front_end() else {})}

    def close(self) -> None:
        """Close the view and stop following."""
        self.unfollow()
        super().close()


class Reach:
    """The upstream and downstream of cards in a picture.

    Example:
        >>> from jobnb.display.picture import Edge
        >>> cards = tuple(Card(key, key) for key in "abc")
        >>> reach = Reach(Picture("p", cards, (Edge("a", "b"), Edge("b", "c"))))
        >>> reach.of(["b"], upstream=True)
        ['a', 'b']
    """

    def __init__(self, picture: Picture) -> None:
        self._order = {card.key: place for place, card in enumerate(picture.cards)}
        self._outside = {c.key for c in picture.cards if c.shape in ("source", "missing")}
        self._before: dict[str, set[str]] = defaultdict(set)
        self._after: dict[str, set[str]] = defaultdict(set)
        for edge in picture.edges:
            self._before[edge.end].add(edge.start)
            self._after[edge.start].add(edge.end)

    def of(
        self, keys: Iterable[str], *, upstream: bool = False, downstream: bool = False
    ) -> list[str]:
        """Return the cards with their upstream, their downstream, or both.

        Those that nothing here makes come along only where they are named.
        """
        chosen = {key for key in keys if key in self._order}
        found = set(chosen)
        for wanted, steps in ((upstream, self._before), (downstream, self._after)):
            if wanted:
                found |= _walk(chosen, steps) - self._outside
        return sorted(found, key=self._order.__getitem__)


def _walk(start: Iterable[str], steps: dict[str, set[str]]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        for key in steps.get(waiting.pop(), ()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found


def selection_text(
    picture: Picture, keys: Sequence[str], *, upstream: bool = False, downstream: bool = False
) -> str:
    """Return the selection as one types it: `*orders or group:load`.

    Example:
        >>> picture = Picture("p", (Card("a", "a", shape="asset"), Card("b", "b", shape="asset")))
        >>> selection_text(picture, ["a", "b"], upstream=True)
        '*a or *b'
    """
    if not keys:
        return ""
    of_assets = any(card.shape == "asset" for card in picture.cards)
    names = _asset_terms(picture.cards, keys) if of_assets else _op_terms(picture.cards, keys)
    text = " or ".join(_marked(term, upstream, downstream) for term in names)
    if not of_assets and (upstream or downstream) and any(card.group for card in picture.cards):
        reached = Reach(picture).of(keys, upstream=upstream, downstream=downstream)
        if not _means(text, picture, reached):
            return " or ".join(_op_terms(picture.cards, reached))
    return text


def _means(text: str, picture: Picture, keys: Sequence[str]) -> bool:
    """Whether a text selects just these ops: one that reaches a graph takes all of it."""
    above: dict[str, set[str]] = defaultdict(set)
    for edge in picture.edges:
        above[edge.end].add(edge.start)
    names = [card.key for card in picture.cards]
    return attempt(lambda: resolve_op_selection([text], names, above) == set(keys), False)


def _marked(term: str, upstream: bool, downstream: bool) -> str:
    """Return a term with all that is above or below it: after a colon, `*` would be a wildcard."""
    mark = "+" if term.startswith("group:") else "*"
    return f"{mark if upstream else ''}{term}{mark if downstream else ''}"


def _asset_terms(cards: Sequence[Card], keys: Sequence[str]) -> Iterable[str]:
    """Iterate over the keys; a group's name where all of it is meant."""
    whole = _whole_groups(cards, keys, lambda card: card.group[:1])
    yield from (f"group:{quoted(written(path[0]))}" for path in whole)
    covered = {key for members in whole.values() for key in members}
    for key in keys:
        if key not in covered:
            yield quoted(written_key(AssetKey.from_user_string(key)))


def _op_terms(cards: Sequence[Card], keys: Sequence[str]) -> Iterable[str]:
    """Iterate over the step keys; a nested graph's name where all of it is meant."""
    whole = _whole_groups(cards, keys, lambda card: card.group[:1])
    yield from (path[0] for path in whole)
    covered = {key for members in whole.values() for key in members}
    yield from (key for key in keys if key not in covered)


def _whole_groups(
    cards: Sequence[Card], keys: Sequence[str], group_of: Callable[[Card], tuple[str, ...]]
) -> dict[tuple[str, ...], list[str]]:
    """Return the groups of more than one card, all of whose cards are among the keys."""
    members: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for card in cards:
        if card.group and card.shape not in ("source", "missing"):
            members[group_of(card)].append(card.key)
    chosen = set(keys)
    return {
        path: held
        for path, held in members.items()
        if path and len(held) > 1 and chosen.issuperset(held)
    }
