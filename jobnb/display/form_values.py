"""Convert between raw config and what a control shows: numbers as typed, values as YAML."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from jobnb.config import dump_yaml, load_yaml
from jobnb.config.env import env_name
from jobnb.config.places import NUMBERS, SCALARS, TEXTS, ConfigNode
from jobnb.config.plain import key_text
from jobnb.config.schema import NOTHING
from jobnb.errors import InvalidConfigError

_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}")
_WRITTEN = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "time": re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?([-+]\d\d:?\d\d|Z)?"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*"),
    "timedelta": re.compile(r"[-+]?P.*|[-+]?\d+(\.\d+)?|.*\d+:\d\d.*"),
}


def shown(place: ConfigNode, raw: Any) -> Any:
    """Return what a scalar place's control shows for a raw value; NOTHING if it cannot show it.

    Example:
        >>> from jobnb.config.places import ConfigNode
        >>> shown(ConfigNode({"type": "integer"}, {}), 2**60)
        '1152921504606846976'
    """
    kind = place.kind
    if kind == "bool":
        return raw if isinstance(raw, bool) else NOTHING
    if kind == "choice":
        return next((n for n, each in enumerate(place.choices) if _same(each, raw)), NOTHING)
    if isinstance(raw, (Mapping, list)) or raw is None or kind not in SCALARS:
        return NOTHING
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool) or kind in TEXTS - {"timedelta"}:
        return NOTHING
    return repr(raw)


def read(place: ConfigNode, control: Any) -> Any:
    """Return the raw value that a control stands for; NOTHING for an empty one that says nothing.

    What cannot be read as the type is kept as it was typed, and told when the whole is checked.

    Raises:
        InvalidConfigError: If it is YAML that cannot be read.

    Example:
        >>> from jobnb.config.places import ConfigNode
        >>> number = ConfigNode({"type": "number"}, {})
        >>> read(number, "1e-3"), read(number, "1e-")
        (0.001, '1e-')
    """
    if place.kind == "bool":
        return bool(control)
    if place.kind == "choice":
        return _chosen(place.choices, control)
    text = str(control)
    if place.kind in NUMBERS or place.kind == "timedelta":
        text = text.strip()
        return NOTHING if not text else _number(text, place.kind)
    if place.kind in TEXTS:
        quiet = place.kind not in ("text", "long_text")
        return NOTHING if quiet and not text else text
    return read_any(text)


def _chosen(choices: list[Any], control: Any) -> Any:
    number = control if isinstance(control, int) and not isinstance(control, bool) else -1
    return choices[number] if 0 <= number < len(choices) else NOTHING


def _number(text: str, kind: str) -> Any:
    if _INTEGER.fullmatch(text):
        return int(text)
    if kind == "int":
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _same(one: Any, other: Any) -> bool:
    return bool(type(one) is type(other) and one == other)


def any_text(raw: Any) -> str:
    """Return any raw value as YAML.

    Example:
        >>> any_text("12"), any_text(12)
        ("'12'", '12')
    """
    text = dump_yaml({"v": raw})[2:]
    text = textwrap.dedent(text[1:]) if text.startswith("\n") else text.strip()
    text = text.rstrip("\n")
    try:
        if read_any(text) == raw:
            return text
    except InvalidConfigError:
        pass
    return json.dumps(raw, ensure_ascii=False)


def read_any(text: str) -> Any:
    """Return any value from YAML; nothing is None.

    Raises:
        InvalidConfigError: If it cannot be read.
    """
    try:
        return load_yaml("v:\n" + textwrap.indent(text, " ")).get("v")
    except InvalidConfigError as error:
        told = re.sub(r"line (\d+), column", _line_before, str(error))
        raise InvalidConfigError(told) from None


def _line_before(found: re.Match[str]) -> str:
    return f"line {max(int(found[1]) - 1, 1)}, column"


def fit(place: ConfigNode, raw: Any) -> float:
    """Rate how well a raw value fits a place: 0 if not at all, higher if better."""
    kind = place.kind
    if raw is None:
        return 3.0 if place.nullable or (kind == "const" and place.constant is None) else 0.0
    if kind == "const":
        return 3.0 if _same(place.constant, raw) else 0.0
    if kind == "any":
        return 0.1
    if kind == "union":
        return max((fit(option, raw) for option in place.options), default=0.0)
    if kind in ("object", "selector", "map", "section"):
        return _fit_mapping(place, raw)
    if kind in ("list", "tuple"):
        return _fit_list(place, raw)
    return _fit_scalar(place, raw)


def _fit_scalar(place: ConfigNode, raw: Any) -> float:
    kind = place.kind
    if env_name(raw) is not None:
        return 1.0
    if kind == "choice":
        return 3.0 if shown(place, raw) is not NOTHING else 0.0
    if kind == "bool":
        return 2.0 if isinstance(raw, bool) else 0.0
    if kind in NUMBERS:
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            return 0.0
        return 2.0 if isinstance(raw, int) == (kind == "int") else float(kind == "float")
    written = _WRITTEN.get(kind)
    if not isinstance(raw, str) or (written and not written.fullmatch(raw)):
        return 0.0
    return 1.5 if written else 1.0


def _fit_list(place: ConfigNode, raw: Any) -> float:
    if not isinstance(raw, list):
        return 0.0
    if place.kind == "tuple":
        places = place.places
        each = [fit(*pair) for pair in zip(places, raw, strict=False)]
        return min([1.0, *each]) + (len(places) == len(raw))
    assert place.item is not None
    return min([2.0, *(fit(place.item, item) for item in raw)]) + 0.01


def _fit_mapping(place: ConfigNode, raw: Any) -> float:
    if not isinstance(raw, Mapping):
        return 0.0
    if place.kind == "map":
        assert place.item is not None
        return min([1.0, *(fit(place.item, item) for item in raw.values())]) * 0.5 + 0.01
    score = 1.0
    for name, field in place.fields.items():
        if field.kind == "const" and name in raw:
            score += 4 if _same(field.constant, raw[name]) else -4
        elif name in raw:
            score += 0.1 + 0.1 * min(fit(field, raw[name]), 1.0)
        elif field.required:
            score -= 0.1
    return max(score - 0.15 * sum(name not in place.fields for name in raw), 0.001)


def selected(place: ConfigNode, raw: Any) -> str | None:
    """Return the name of the chosen option, if a value selects one in Dagster's form.

    Example:
        >>> cat = {"title": "Cat", "properties": {"kind": {"const": "cat"}}}
        >>> pet = {"oneOf": [cat, {}], "discriminator": {"propertyName": "kind"}}
        >>> selected(ConfigNode(pet, {}), {"cat": {"meows": 1}})
        'cat'
    """
    if place.tag is None or not isinstance(raw, Mapping) or len(raw) != 1:
        return None
    ((name, inner),) = raw.items()
    is_option = any(name in _tags_of(option, place.tag) for option in place.options)
    return name if is_option and (inner is None or isinstance(inner, Mapping)) else None


def _tags_of(option: ConfigNode, tag: str) -> list[str]:
    """Return the tags of an option as the names that a selector has for them."""
    found = [each for inner in option.options for each in _tags_of(inner, tag)]
    field = option.fields.get(tag)
    if field is None:
        return found
    constant = [field.constant] if field.kind == "const" else []
    return [key_text(each) for each in (*constant, *field.choices)]


def option_of(place: ConfigNode, raw: Any) -> int:
    """Return the option of a union that a raw value is of; the first where none fits."""
    name = selected(place, raw)
    if place.tag and name is not None:
        return next(n for n, each in enumerate(place.options) if name in _tags_of(each, place.tag))
    if place.tag and isinstance(raw, Mapping) and place.tag in raw:
        for n, option in enumerate(place.options):
            field = option.fields.get(place.tag)
            if field is not None and raw[place.tag] in (field.constant, *field.choices):
                return n
    scores = [fit(option, raw) for option in place.options]
    return scores.index(max(scores)) if scores else 0
