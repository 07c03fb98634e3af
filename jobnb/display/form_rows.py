"""Lay a config out as the rows of a form: one per place, with what its control shows.

Rows are plain JSON. `layout` says which rows there are, and changes only when entries come and
go; `values` says what each shows, and changes with every key that is typed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jobnb.config.env import env_name
from jobnb.config.places import SCALARS, TEXTS, ConfigNode
from jobnb.config.schema import NOTHING
from jobnb.display.config_fields import default_text
from jobnb.display.form_values import any_text, option_of, selected, shown
from jobnb.display.text import shorten
from jobnb.markdown import plain

Row = dict[str, Any]
Path = tuple[str, ...]
_SECRET = "secret:"  # noqa: S105 (a prefix of names)
_DEEPEST = 16
_ALONE = (["config"], ["ops"])  # what says nothing where it stands alone
_HOLDERS = ("object", "selector", "map", "list", "tuple")


@dataclass(frozen=True, slots=True)
class FieldValue:
    """The value at a place of the form.

    Attributes:
        path: Where it is in the config.
        place: What it takes; for a union, the chosen option.
        whole: What it takes, the union itself where it is one.
        value: What it holds, its default included; or NOTHING.
        given: Whether the config says it.
        mode: How it is shown: as `value`, `env`, `none`, `kept` (a secret), `absent`, or `raw`
            where the control of its type cannot show it.
    """

    path: Path
    place: ConfigNode
    whole: ConfigNode
    value: Any
    given: bool
    mode: str


def row_id(path: Path) -> str:
    """Return a path as one text.

    Example:
        >>> row_id(("ops", "a/b"))
        'ops/a~1b'
    """
    return "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)


class Rows:
    """The rows for a config.

    Args:
        root: What the config may hold.
        config: What it holds; it need not be right.
        chosen: The options chosen for unions, by row, where the value does not tell.
        opened: Sections that are open from the beginning, whatever is in them.

    Example:
        >>> from jobnb.config import Section, schema_of
        >>> from jobnb.config.places import form_of
        >>> root = form_of(Section({"config": schema_of({"year": int})}))
        >>> rows = Rows(root, {"config": {"year": 2013}})
        >>> rows.values
        {'config': {'given': True}, 'config/year': {'given': True, 'v': '2013'}}
    """

    def __init__(
        self,
        root: ConfigNode,
        config: Mapping[str, Any],
        chosen: Mapping[str, int] | None = None,
        opened: Collection[str] = (),
    ) -> None:
        self.root, self.chosen, self._opened = root, dict(chosen or {}), {"ops", *opened}
        self.found: dict[str, FieldValue] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.found[""] = FieldValue((), root, root, config, True, "value")
        self.layout = list(self._section_rows(root, config, ()))

    def nearest(self, path: Path) -> str | None:
        """Return the row that shows a path, or the closest one around it."""
        for length in range(len(path), 0, -1):
            key = row_id(path[:length])
            if key in self.values:
                return key
        return None

    # --- sections ---------------------------------------------------------

    def _section_rows(self, place: ConfigNode, raw: Any, path: Path) -> Iterator[Row]:
        given = raw if isinstance(raw, Mapping) else {}
        for name, field in place.fields.items():
            row = self._section(field, given.get(name, NOTHING), (*path, name))
            if row is not None:
                yield row
        yield from self._extras(place, given, path)

    def _section(self, place: ConfigNode, raw: Any, path: Path) -> Row | None:
        if place.kind != "section":
            return self._row(place, raw, path)
        rows = []
        if not isinstance(raw, Mapping) and raw is not NOTHING and raw is not None:
            self._note(path, place, place, raw, True, "raw")
            return self._raw(self._head(place, path, place.name), raw)
        self.found[row_id(path)] = FieldValue(path, place, place, raw, raw is not NOTHING, "value")
        rows = list(self._section_rows(place, raw, path))
        if not rows:
            return None
        if len(rows) == 1 and len(path) > 1 and list(place.fields) in _ALONE:
            return self._promoted(rows[0], place)
        return self._closed(place, path, rows)

    def _promoted(self, row: Row, place: ConfigNode) -> Row:
        """Return the only part of a section in its place: `ops > load > config` shows as `load`."""
        made = {**row, "label": place.name}
        if row["kind"] == "object" and row.get("mode", "value") == "value":
            made["kind"] = "section"
            made.setdefault("rows", [])
        return made

    def _closed(self, place: ConfigNode, path: Path, rows: list[Row]) -> Row:
        self.values[row_id(path)] = {"given": True}
        row = self._head(place, path, place.name)
        if row_id(path) not in self._opened and not any(map(_must_be_seen, rows)):
            row["fold"] = True
        return {**row, "rows": rows}

    # --- any place --------------------------------------------------------

    def _row(self, place: ConfigNode, raw: Any, path: Path, label: str | None = None) -> Row:
        key = row_id(path)
        value = place.default if raw is NOTHING else raw
        head = self._head(place, path, place.name if label is None else label)
        chosen = self._option(place, value, key)
        shows = place if chosen is None else place.options[chosen]
        if chosen is not None:
            names = [option.title for option in place.options]
            head |= {"options": _numbered(names), "option": chosen}
        head["kind"] = shows.kind
        if place.nullable:
            head["nullable"] = True
        mode = self._mode(shows, place, value, path)
        self._note(path, shows, place, value, raw is not NOTHING, mode)
        if mode != "value":
            return self._in_mode(head, mode, value)
        name = selected(place, value)
        if name is not None:  # a selector: its fields stand one deeper
            path, value = (*path, name), value[name] or {}
            self.found[row_id(path)] = FieldValue(
                path, shows, place, value, raw is not NOTHING, mode
            )
        return head | self._body(shows, value, path)

    def _option(self, place: ConfigNode, value: Any, key: str) -> int | None:
        if place.kind != "union":
            return None
        kept = self.chosen.get(key, -1)
        known = 0 <= kept < len(place.options)
        if known and (value is NOTHING or place.options[kept].kind in SCALARS | {"any"}):
            return kept
        return option_of(place, None if value is NOTHING else value)

    def _mode(self, place: ConfigNode, whole: ConfigNode, value: Any, path: Path) -> str:
        kind = place.kind
        name = env_name(value)
        if name is not None and whole.env:
            return "kept" if name.startswith(_SECRET) else "env"
        if value is None and (whole.nullable or place.nullable) and kind != "any":
            return "none"
        if value is NOTHING:
            quiet = kind in _HOLDERS and kind != "selector"
            return "absent" if quiet and not whole.required else "value"
        if kind in ("list", "tuple"):
            fits = isinstance(value, list)
        elif kind in ("object", "map", "selector"):
            fits = isinstance(value, Mapping)
        else:
            fits = kind in ("any", "const") or shown(place, value) is not NOTHING
        return "value" if fits and len(path) < _DEEPEST else "raw"

    def _in_mode(self, head: Row, mode: str, value: Any) -> Row:
        if mode == "raw":
            return self._raw(head, value)
        if mode == "env":
            self.values[head["id"]]["v"] = env_name(value)
        return {**head, "mode": mode}

    def _raw(self, head: Row, value: Any) -> Row:
        self.values[head["id"]]["v"] = any_text(value)
        return {**head, "kind": "any", "mode": "raw"}

    def _note(
        self, path: Path, place: ConfigNode, whole: ConfigNode, value: Any, given: bool, mode: str
    ) -> None:
        key = row_id(path)
        given = given and self._is_given(path[:-1])  # what is in a default is not given
        self.found[key] = FieldValue(path, place, whole, value, given, mode)
        self.values[key] = {"given": given}

    def _is_given(self, path: Path) -> bool:
        found = self.found.get(row_id(path))
        return found is None or found.given

    def _head(self, place: ConfigNode, path: Path, label: str) -> Row:
        default = place.default
        told: Row = {
            "help": plain(place.help),
            "words": place.words,
            "required": place.required and default is NOTHING,
            "default": _default_words(place, default),
            "resets": default is not NOTHING,
            "env": place.env,
        }
        head: Row = {"id": row_id(path), "label": label, "kind": place.kind}
        return head | {name: value for name, value in told.items() if value}

    # --- what is in a row -------------------------------------------------

    def _body(self, place: ConfigNode, value: Any, path: Path) -> Row:
        kind = place.kind
        if kind in ("object", "map"):
            return self._of_mapping(place, {} if value is NOTHING else value, path)
        if kind in ("list", "tuple"):
            return self._of_list(place, [] if value is NOTHING else value, path)
        if kind == "selector":
            return self._of_selector(place, {} if value is NOTHING else value, path)
        return self._of_scalar(place, value, path)

    def _of_scalar(self, place: ConfigNode, value: Any, path: Path) -> Row:
        text = self.values[row_id(path)]
        row: Row = {"bounds": place.bounds} if place.bounds else {}
        if place.kind == "choice":
            row["choices"] = [str(each) for each in place.choices]
        if place.kind == "const":
            text["v"] = str(place.constant)
        elif place.kind == "any":
            text["v"] = "" if value is NOTHING or value is None else any_text(value)
        elif value is not NOTHING:
            text["v"] = shown(place, value)
        return row

    def _of_mapping(self, place: ConfigNode, value: Mapping[str, Any], path: Path) -> Row:
        tagged = self.found[row_id(path)].whole.tag
        rows = [
            self._row(field, value.get(name, NOTHING), (*path, name))
            for name, field in place.fields.items()
            if name != tagged or field.kind != "const"  # the choice of the option says it
        ]
        rows += self._extras(place, value, path)
        row: Row = {"rows": rows}
        if place.item is not None:
            row["add"] = place.key_label
            if place.key_choices:
                row["keys"] = [str(each) for each in place.key_choices]
        return row

    def _extras(self, place: ConfigNode, value: Mapping[str, Any], path: Path) -> Iterator[Row]:
        item = place.item if place.kind != "section" else None
        tagged = self.found[row_id(path)].whole.tag
        for name, raw in value.items():
            if name in place.fields or name == tagged:
                continue
            below = (*path, str(name))
            if item is not None:
                row = self._row(item, raw, below, str(name))
                yield {**row, "key": str(name), "removable": True}
            else:
                yield self._extra(raw, below)

    def _extra(self, raw: Any, path: Path) -> Row:
        anything = ConfigNode({}, {}, path[-1])
        self._note(path, anything, anything, raw, True, "value")
        self.values[row_id(path)]["v"] = any_text(raw)
        head = {"id": row_id(path), "label": path[-1], "kind": "any"}
        return {**head, "extra": True, "removable": True, "words": "not used here"}

    def _of_list(self, place: ConfigNode, value: list[Any], path: Path) -> Row:
        fixed = place.places if place.kind == "tuple" else []
        rows = []
        for n, raw in enumerate(value):
            item = fixed[n] if n < len(fixed) else (place.item or ConfigNode({}, {}))
            row = self._row(item, raw, (*path, str(n)), str(n + 1))
            row.pop("required", None)
            rows.append(row if n < len(fixed) else self._moves(row, n, value))
        rows += [
            self._row(fixed[n], NOTHING, (*path, str(n)), str(n + 1))
            for n in range(len(value), len(fixed))
        ]
        most = place.bounds.get("max_items")
        more = place.kind == "list" and (most is None or len(value) < most)
        return {"rows": rows, **({"add": "item"} if more else {}), "bounds": place.bounds}

    def _moves(self, row: Row, n: int, value: list[Any]) -> Row:
        moves = {"up": n > 0, "down": n < len(value) - 1}
        shown_moves = {name: True for name, can in moves.items() if can}
        return {**row, **shown_moves, "removable": True}

    def _of_selector(self, place: ConfigNode, value: Mapping[str, Any], path: Path) -> Row:
        names = list(place.fields)
        chosen = next((name for name in value if name in place.fields), None)
        row: Row = {"options": names, "option": -1 if chosen is None else names.index(chosen)}
        if chosen is None and self.found[row_id(path)].whole.nullable:
            row["mode"] = "none"
        below = (
            []
            if chosen is None
            else [self._row(place.fields[chosen], value[chosen], (*path, chosen))]
        )
        others = {name: raw for name, raw in value.items() if name != chosen}
        more = [self._extra(raw, (*path, name)) for name, raw in others.items()]
        return {**row, "rows": [*below, *more]}


def _default_words(place: ConfigNode, default: Any) -> str:
    if default is NOTHING:
        return ""
    if isinstance(default, (Mapping, list)) and env_name(default) is None:
        return "default"
    if default is None:
        return "none"
    if isinstance(default, str) and place.kind in TEXTS:
        return shorten(default, 60) or "empty"
    return default_text(default) if not isinstance(default, (str, bool)) else any_text(default)


def _must_be_seen(row: Row) -> bool:
    """Whether something in a row must be given."""
    own = row.get("required") and row["kind"] not in ("object", "section")
    return bool(own) or any(map(_must_be_seen, row.get("rows", ())))


def _numbered(names: list[str]) -> list[str]:
    """Return names of options, numbered where two are the same."""
    return [
        name if names.count(name) == 1 else f"{name} ({names[: n + 1].count(name)})"
        for n, name in enumerate(names)
    ]
