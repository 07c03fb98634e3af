"""Sample configs to start from, and the defaults of what a config leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from jobnb.config.env import anonymous
from jobnb.config.models import Section
from jobnb.config.places import NUMBERS, ConfigNode, form_of
from jobnb.config.run_config import raw_config
from jobnb.config.schema import NOTHING, schema_of

_FORMATS = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00",
    "time": "12:00:00",
    "duration": "PT1H",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "uri": "https://example.org",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "ipvanyaddress": "127.0.0.1",
    "email": "someone@example.org",
}
_EMPTY: dict[str, Any] = {"bool": False, "list": [], "map": {}, "any": None}


# --- samples --------------------------------------------------------------------------


def scaffold(tree: Section | type[BaseModel], required_only: bool = False) -> dict[str, Any]:
    """Return a config to start from: defaults, and a sample where a value is required.

    Args:
        tree: The schema of the config.
        required_only: Whether to leave out optional fields.

    Example:
        >>> from jobnb.config import Section, schema_of
        >>> scaffold(Section({"config": schema_of({"n": int, "s": [str]})}))
        {'config': {'n': 0, 's': []}}
    """
    return _Sampler(required_only).of_fields(form_of(tree), ())


class _Sampler:
    """Creates valid sample values.

    Args:
        required_only: Whether to leave out optional fields.
    """

    def __init__(self, required_only: bool) -> None:
        self.required_only = required_only

    def of_fields(self, place: ConfigNode, above: tuple[str, ...]) -> dict[str, Any]:
        """Return samples of the named places; recursive classes are left out."""
        if place.model and place.model in above:
            return {}
        above = (*above, place.model)
        made: dict[str, Any] = {}
        for name, field in place.fields.items():
            if field.required:
                made[name] = self.of(field, above)
            elif not self.required_only:
                value = self.of_optional(field, above)
                if value is not NOTHING:
                    made[name] = value
            if made and place.kind == "selector":
                break
        if not made and place.kind == "selector":
            name, field = next(iter(place.fields.items()))
            made[name] = self.of(field, above)
        return made

    def of_optional(self, place: ConfigNode, above: tuple[str, ...]) -> Any:
        """Return the default, or a sample; NOTHING where it is left out."""
        if place.default == {} and place.fields and place.kind != "selector":
            return self.of_fields(place, above)  # each field's own default
        if place.default is not NOTHING:
            return place.default
        return NOTHING if place.nullable else self.of_fields(place, above) or NOTHING

    def of(self, place: ConfigNode, above: tuple[str, ...]) -> Any:
        """Return the default, or the first value that fits."""
        if place.default is not NOTHING:
            return place.default
        kind = place.kind
        if kind == "const":
            return place.constant
        if kind == "choice":
            return place.choices[0] if place.choices else ""
        if kind in NUMBERS:
            return _number(place.bounds)
        if kind == "union":
            return self.of(place.options[0], above)
        if place.places:
            return [self.of(each, above) for each in place.places]
        if kind == "list" and place.item is not None:
            return [self.of(place.item, above) for _ in range(place.bounds.get("min_items", 0))]
        if kind in ("section", "object", "selector", "map", "any"):
            return self.of_fields(place, above)
        sample = _FORMATS.get(place.format) or "x" * place.bounds.get("min_length", 0)
        return _EMPTY.get(kind, sample)


def start_value(place: ConfigNode) -> Any:
    """Return the value for a new entry or a chosen option: the default, or a small one."""
    if place.default is not NOTHING:
        return place.default
    kind = place.kind
    if kind == "const":
        return place.constant
    if kind in NUMBERS:
        return _number(place.bounds)
    if kind == "choice":
        return place.choices[0] if place.choices else ""
    if kind == "tuple":
        return [start_value(each) for each in place.places]
    if kind == "union":
        return start_value(place.options[0])
    if kind == "selector":
        return {name: start_value(field) for name, field in list(place.fields.items())[:1]}
    if kind in ("object", "section"):
        tags = {n: f for n, f in place.fields.items() if f.kind == "const"}
        return {name: field.constant for name, field in tags.items()}
    return _EMPTY.get(kind, "")


def _number(bounds: Mapping[str, Any]) -> Any:
    """Return a number within bounds: 0 if it fits, else the nearest."""
    step = bounds.get("step", 1)
    least = bounds.get("min", bounds["above"] + step if "above" in bounds else None)
    most = bounds.get("max", bounds["below"] - step if "below" in bounds else None)
    if least is not None and least > 0:
        return least
    return most if most is not None and most < 0 else 0


# --- defaults -------------------------------------------------------------------------


def with_defaults(tree: Section | type[BaseModel], raw: Any = None) -> dict[str, Any]:
    """Fill in the defaults of everything a raw config leaves out; it may be invalid."""
    return _filled(form_of(tree), raw_config(raw))


def completed(config_schema: Any, raw: Any = None) -> Any:
    """Fill in the defaults of everything a raw config leaves out; it may be invalid.

    Variables and secrets stay names, so the result does not depend on their values. Defaults from
    a factory are left out: they may differ each time.

    Args:
        config_schema: A `Config` class, a dict schema...; None takes nothing.
        raw: The raw config as it is stored, secrets by name; None where nothing is given.

    Example:
        >>> from jobnb.config import Field
        >>> completed(
        ...     {"year": Field(int, default_value=2013), "token": str}, {"token": {"env": "T"}}
        ... )
        {'token': {'env': 'T'}, 'year': 2013}
    """
    field = schema_of(config_schema)
    if field is None:
        return raw
    known = field.schema.__dict__
    place = known.get("_place")
    if place is None:
        place = known["_place"] = form_of(Section({"config": field}))
    return anonymous(_filled(place, {} if raw is None else {"config": raw}).get("config"))


def _filled(place: ConfigNode, raw: Any) -> dict[str, Any]:
    """Fill in the defaults below one place; a nullable value that is null stays null."""
    made: dict[str, Any] = dict(raw)
    for name, field in place.fields.items():
        is_given = name in made
        if not is_given and field.default is not NOTHING:
            made[name], is_given = field.default, True
        given = made.get(name, {})
        if isinstance(given, Mapping) and field.fields and not field.nullable:
            below = _filled(field, given) if is_given or field.kind != "selector" else {}
            if below or is_given:
                made[name] = below
    return made
