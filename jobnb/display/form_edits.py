"""The edits of a form, as changes to the raw config. Nothing is changed in place.

A front end shows the form as it was a moment ago: entries may be moved, renamed and removed while
the user types in them. An edit is meant for the entry that the user saw, wherever it is now.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from jobnb.config.env import env_name, keep_secret
from jobnb.config.places import SCALARS, ConfigNode
from jobnb.config.samples import start_value
from jobnb.config.schema import NOTHING
from jobnb.display.form_rows import FieldValue, Rows, row_id
from jobnb.display.form_values import option_of, read, read_any, selected
from jobnb.errors import InvalidConfigError

Config = dict[str, Any]
Path = tuple[str, ...]


class Edit:
    """One change to a config.

    Args:
        rows: The form as it stands.
        config: The config that it shows.
        shelf: What options not chosen now held before, by row and option.
    """

    def __init__(self, rows: Rows, config: Config, shelf: dict[tuple[str, int], Any]) -> None:
        self.rows, self.shelf = rows, shelf
        self.config = copy.deepcopy(config)
        self.chosen: dict[str, int] = dict(rows.chosen)

    def put(self, path: Path, value: Any) -> None:
        """Set the value at a path; defaults on the way to it are written out."""
        here: Any = self.config
        for depth, part in enumerate(path[:-1], 1):
            here = self._entered(here, part, path[:depth])
        if isinstance(here, list):
            n = int(path[-1])
            here[n : n + 1] = [value]
        else:
            here[path[-1]] = value

    def _entered(self, here: Any, part: str, path: Path) -> Any:
        inner = here[int(part)] if isinstance(here, list) else here.get(part)
        if not isinstance(inner, (dict, list)):
            found = self.rows.found.get(row_id(path))
            inner = self._base(found)
            if isinstance(here, list):
                here[int(part)] = inner
            else:
                here[part] = inner
        self._tag(self.rows.found.get(row_id(path)), inner)
        return inner

    def _base(self, found: FieldValue | None) -> Any:
        """Return the value of a missing entry, before something in it is set."""
        if found is not None and isinstance(found.value, (Mapping, list)):
            return copy.deepcopy(found.value)
        is_list = found is not None and found.place.kind in ("list", "tuple")
        return [] if is_list else {}

    def _tag(self, found: FieldValue | None, inner: Any) -> None:
        if found is None or not isinstance(inner, dict) or not found.whole.tag:
            return
        above = self.rows.found.get(row_id(found.path[:-1]))
        in_selector = above is not None and above.whole is found.whole
        field = found.place.fields.get(found.whole.tag)
        if field is not None and not in_selector and selected(found.whole, inner) is None:
            inner.setdefault(found.whole.tag, start_value(field))

    def drop(self, path: Path) -> None:
        """Remove the value at a path, and sections that are empty after it."""
        here: Any = self.config
        way = [here]
        for part in path[:-1]:
            here = _step(here, part)
            if here is None:
                return
            way.append(here)
        _remove(here, path[-1])
        for depth in range(len(path) - 1, 0, -1):
            found = self.rows.found.get(row_id(path[:depth]))
            is_section = found is not None and (
                found.whole.kind == "section" or self._is_config(found)
            )
            if way[depth] or not is_section:
                break
            _remove(way[depth - 1], path[depth - 1])

    def _is_config(self, found: FieldValue) -> bool:
        above = self.rows.found.get(row_id(found.path[:-1]))
        return above is not None and above.whole.kind == "section"


def _step(here: Any, part: str) -> Any:
    try:
        return here[int(part)] if isinstance(here, list) else here.get(part)
    except (IndexError, AttributeError):
        return None


def _remove(here: Any, part: str) -> None:
    if isinstance(here, list):
        del here[int(part) : int(part) + 1]
    else:
        here.pop(part, None)


# --- what can be done -------------------------------------------------------


def _set(edit: Edit, found: FieldValue, control: Any) -> None:
    if found.mode == "env":
        edit.put(found.path, {"env": str(control).strip()})
        return
    value = read_any(str(control)) if found.mode == "raw" else read(found.place, control)
    if value is NOTHING:
        _unset(edit, found, control)
    elif found.place.kind == "secret":
        edit.put(found.path, keep_secret(".".join(found.path), str(value)))
    else:
        edit.put(found.path, value)


def _unset(edit: Edit, found: FieldValue, _control: Any) -> None:
    if found.path[-1:] and isinstance(_holder(edit, found), list):
        edit.put(found.path, "" if found.whole.default is NOTHING else found.whole.default)
        return
    edit.drop(found.path)
    edit.chosen.pop(row_id(found.path), None)


def _holder(edit: Edit, found: FieldValue) -> Any:
    above = edit.rows.found.get(row_id(found.path[:-1]))
    return above.value if above is not None else None


def _none(edit: Edit, found: FieldValue, _control: Any) -> None:
    edit.put(found.path, None)


def _env(edit: Edit, found: FieldValue, control: Any) -> None:
    edit.put(found.path, {"env": str(control or "")})


def _value(edit: Edit, found: FieldValue, _control: Any) -> None:
    """Replace null, a variable or nothing by a value of the type."""
    default = found.whole.default
    had = found.mode in ("env", "raw", "kept") and env_name(default) is None
    if had and (default is not NOTHING or found.whole.required):
        _unset(edit, found, None)
        return
    edit.put(found.path, _start(found.place))


def _start(place: ConfigNode) -> Any:
    """Return a first value that is not null."""
    if place.default in (NOTHING, None) or env_name(place.default) is not None:
        return start_value(place.without_default())
    return copy.deepcopy(place.default)


def _add(edit: Edit, found: FieldValue, control: Any) -> None:
    item = found.place.item
    if item is None:
        return
    value = copy.deepcopy(start_value(item))
    if found.place.kind == "list":
        held = found.value if isinstance(found.value, list) else []
        edit.put((*found.path, str(len(held))), value)
        return
    held_keys = set(found.value) if isinstance(found.value, Mapping) else set()
    key = str(control or "") or _new_key(found.place, held_keys | set(found.place.fields))
    edit.put((*found.path, key), value)


def _new_key(place: ConfigNode, held: set[str]) -> str:
    free = [str(each) for each in place.key_choices if str(each) not in held]
    if free:
        return free[0]
    number = 1
    while (name := f"{place.key_label}{number}") in held:
        number += 1
    return name


def _rename(edit: Edit, found: FieldValue, control: Any) -> None:
    above = edit.rows.found[row_id(found.path[:-1])]
    name, old = str(control), found.path[-1]
    if name == old or not isinstance(above.value, Mapping):
        return
    if name in above.value or name in above.place.fields:
        raise InvalidConfigError(f"The {above.place.key_label} {name!r} is there already.")
    made = {name if key == old else key: value for key, value in above.value.items()}
    edit.put(above.path, copy.deepcopy(made))


def _move(edit: Edit, found: FieldValue, control: Any) -> None:
    above = edit.rows.found[row_id(found.path[:-1])]
    here = int(found.path[-1])
    there = here + (1 if control == "down" else -1)
    if isinstance(above.value, list) and 0 <= there < len(above.value):
        made = copy.deepcopy(above.value)
        made[here], made[there] = made[there], made[here]
        edit.put(above.path, made)


def _removed(edit: Edit, found: FieldValue, _control: Any) -> None:
    above = edit.rows.found[row_id(found.path[:-1])]
    if above.place.kind != "section":
        edit.put(above.path, copy.deepcopy(above.value))  # it may be part of a default
        holder: Any = edit.config
        for part in found.path[:-1]:
            holder = _step(holder, part)
        _remove(holder, found.path[-1])
        return
    edit.drop(found.path)


def _choose(edit: Edit, found: FieldValue, control: Any) -> None:
    key, place = row_id(found.path), found.whole
    if control == "none":
        edit.put(found.path, None)
        return
    number = int(control)
    if found.place.kind == "selector":
        _choose_field(edit, found, number)
        return
    if found.value is not NOTHING:
        edit.shelf[key, place.options.index(found.place)] = copy.deepcopy(found.value)
    edit.chosen[key] = number
    option = place.options[number]
    kept = edit.shelf.get((key, number), NOTHING)
    value = _carried(found, option) if kept is NOTHING else kept
    is_flat = isinstance(value, dict) and selected(place, value) is None
    if place.tag in option.fields and is_flat:
        value.setdefault(place.tag, start_value(option.fields[place.tag]))
    edit.put(found.path, value)


def _carried(found: FieldValue, option: ConfigNode) -> Any:
    """Return a first value for another option, with what both know alike."""
    start, held = copy.deepcopy(start_value(option)), found.value
    if (name := selected(found.whole, held)) is not None:
        held = held[name]
    if isinstance(start, dict) and isinstance(held, Mapping):
        for name, field in option.fields.items():
            other = found.place.fields.get(name)
            alike = other is not None and other.kind == field.kind != "const"
            if alike and name in held:
                start[name] = copy.deepcopy(held[name])
    return start


def _choose_field(edit: Edit, found: FieldValue, number: int) -> None:
    key, names = row_id(found.path), list(found.place.fields)
    for n, name in enumerate(names):
        if isinstance(found.value, Mapping) and name in found.value:
            edit.shelf[key, n] = copy.deepcopy(found.value[name])
    name = names[number]
    kept = edit.shelf.get((key, number), NOTHING)
    start = start_value(found.place.fields[name]) if kept is NOTHING else kept
    edit.put(found.path, {name: copy.deepcopy(start)})


ACTIONS: dict[str, Callable[[Edit, FieldValue, Any], None]] = {
    "set": _set,
    "unset": _unset,
    "none": _none,
    "env": _env,
    "value": _value,
    "add": _add,
    "rename": _rename,
    "move": _move,
    "remove": _removed,
    "choose": _choose,
}


def edited(
    rows: Rows,
    config: Config,
    row: str,
    action: str,
    control: Any = None,
    shelf: dict[tuple[str, int], Any] | None = None,
) -> tuple[Config, dict[str, int]]:
    """Apply an edit of a row; return the config and the chosen options.

    Args:
        rows: The form as it stands.
        config: The config that it shows.
        row: The id of the row.
        action: One of `ACTIONS`.
        control: What the control holds, where the action needs it.
        shelf: What options not chosen now held before; it is added to.

    Raises:
        InvalidConfigError: If what was typed cannot be kept as config: YAML that cannot be read,
            a key that is there already.
        KeyError: If there is no such row or action.
    """
    edit = Edit(rows, config, {} if shelf is None else shelf)
    found = rows.found[row]
    if _can(rows, found, action) and (action != "choose" or _is_choice(found, control)):
        ACTIONS[action](edit, found, control)
    return edit.config, edit.chosen


def _can(rows: Rows, found: FieldValue, action: str) -> bool:
    """Whether a row offers an action; a message may speak of what the row was before."""
    above = rows.found.get(row_id(found.path[:-1])) if found.path else None
    if action in ("move", "rename", "remove"):
        return above is not None and _can_in(above, found, action)
    place, whole = found.place, found.whole
    if place.kind == "section":
        return action in ("set", "value") and found.mode == "raw"
    if action == "set":
        return found.mode in ("env", "raw") or place.kind in SCALARS | {"any"}
    offers = {
        "env": whole.env,
        "none": whole.nullable,
        "add": place.item is not None and place.kind != "tuple",
        "choose": whole.kind == "union" or place.kind == "selector" or whole.nullable,
    }
    return offers.get(action, True)


def _is_choice(found: FieldValue, control: Any) -> bool:
    """Whether an option is one that there is; those of a class defined again may be fewer."""
    if control == "none":
        return found.whole.nullable
    options = found.place.fields if found.place.kind == "selector" else found.whole.options
    return str(control).isdecimal() and int(control) < len(options)


def _can_in(above: FieldValue, found: FieldValue, action: str) -> bool:
    if isinstance(above.value, list):
        return above.place.kind == "list" and action != "rename"
    own = isinstance(above.value, Mapping) and found.path[-1] not in above.place.fields
    return own and (action == "remove" or (action == "rename" and above.place.item is not None))


def filled(place: ConfigNode, raw: Any) -> Any:
    """Return the config with defaults and samples for everything it leaves out."""
    if place.kind in ("section", "object") and (isinstance(raw, Mapping) or raw is NOTHING):
        given = dict(raw) if isinstance(raw, Mapping) else {}
        for name, field in place.fields.items():
            value = _filled_field(field, given.get(name, NOTHING))
            if value is not NOTHING:
                given[name] = value
        return given
    return raw


def _filled_field(field: ConfigNode, raw: Any) -> Any:
    if raw is NOTHING:
        if field.kind == "section":
            return filled(field, NOTHING) or NOTHING
        if field.default is not NOTHING:
            raw = copy.deepcopy(field.default)
        elif field.required:
            raw = copy.deepcopy(start_value(field))
        else:
            return NOTHING
    flat = field.tag and isinstance(raw, dict) and selected(field, raw) is None
    if flat and field.tag not in raw:
        option = field.options[option_of(field, raw)]
        return start_value(option) | raw
    return filled(field, raw) if field.kind in ("section", "object") else raw


def without_extras(rows: Rows, config: Config) -> Config:
    """Return the config without what the form does not know."""
    edit = Edit(rows, config, {})
    for path in reversed(list(_extra_paths(rows.layout, rows))):
        edit.drop(path)
    return edit.config


def _extra_paths(layout: list[dict[str, Any]], rows: Rows) -> list[Path]:
    paths: list[Path] = []
    for row in layout:
        if row.get("extra"):
            paths.append(rows.found[row["id"]].path)
        paths += _extra_paths(row.get("rows", []), rows)
    return paths


_MOST_SHIFTS = 40  # that are remembered
Moves = Mapping[str, str | None]


class EntryMoves:
    """The moves of entries in a form, in order.

    Example:
        >>> shifts = EntryMoves()
        >>> shifts.add("ops/load/config/codes", {"0": "1", "1": "0"})
        >>> shifts.now("ops/load/config/codes/1", seen=0)
        'ops/load/config/codes/0'
        >>> shifts.now("ops/load/config/codes/1", seen=shifts.count)
        'ops/load/config/codes/1'
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[tuple[int, str, Moves]] = deque(maxlen=_MOST_SHIFTS)

    def add(self, holder: str, to: Moves) -> None:
        """Record that entries of a row moved, or were removed (None)."""
        self.count += 1
        self._kept.append((self.count, holder, to))

    def now(self, row: str, seen: int) -> str | None:
        """Return the present row of one seen after so many shifts; None if it was removed."""
        for number, holder, to in self._kept:
            if number > seen and row.startswith(f"{holder}/"):
                part, *below = row[len(holder) + 1 :].split("/")
                goes = to.get(part, part)
                if goes is None:
                    return None
                row = "/".join([holder, goes, *below])
        return row

    @property
    def told(self) -> list[list[Any]]:
        """The last moves, JSON-ready: number, row, and the new places of its entries."""
        return [[number, holder, dict(to)] for number, holder, to in self._kept]


def shift_of(rows: Rows, row: str, action: str, control: Any) -> tuple[str, Moves] | None:
    """Return which entries an edit of a row moves."""
    found = rows.found[row]
    if action not in ("move", "remove", "rename") or not found.path:
        return None
    above = rows.found[row_id(found.path[:-1])]
    here, holder = row_id(found.path[-1:]), row_id(above.path)
    if action == "rename":
        return holder, {here: row_id((str(control),))}
    if not isinstance(above.value, list):
        return holder, {here: None}
    if action == "remove":
        after = range(int(here) + 1, len(above.value))
        return holder, {here: None} | {str(n): str(n - 1) for n in after}
    there = str(int(here) + (1 if control == "down" else -1))
    return holder, {here: there, there: here}
