"""Changing a YAML text to say another config, with as little of it touched as can be.

A person's comments, quotes and blank lines stay. Only what differs is written anew; the result
is read again, and where it does not say what it must, it is not used.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import yaml

from jobnb.config.yaml import YamlLoader, dump_yaml, load_yaml
from jobnb.errors import InvalidConfigError

__all__ = ["rewritten"]

_Change = tuple[int, int, str]  # from, to, what stands there instead


def rewritten(text: str, config: Mapping[str, Any]) -> str | None:
    """The text, changed so that it says a config; None where that cannot be done.

    Args:
        text: YAML.
        config: What it has to say.

    Example:
        >>> rewritten("year:  2013  # not 2012", {"year": 2014})
        'year:  2014  # not 2012'
    """
    try:
        old = load_yaml(text + "\n")
        node = yaml.compose(text, Loader=YamlLoader)
        if node is None:
            made = text.rstrip("\n") + "\n" * bool(text) + dump_yaml(config)
        else:
            made = _changed(text, list(_differences(text, node, old, config)))
        return made if _same(load_yaml(made + "\n"), config) else None
    except (InvalidConfigError, yaml.YAMLError, LookupError, RecursionError):
        return None


def _changed(text: str, changes: list[_Change]) -> str:
    """Changes from the end to the beginning; of two at one place the first stands first."""
    for _, (start, end, new) in sorted(
        enumerate(changes), key=lambda each: (each[1][0], each[0]), reverse=True
    ):
        text = text[:start] + new + text[end:]
    return text


def _same(one: Any, other: Any) -> bool:
    """Whether two raw values are alike, with 1 and 1.0 and True told apart."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and (one == other or repr(one) == repr(other))


def _differences(text: str, node: Any, old: Any, new: Any) -> Iterator[_Change]:
    if _same(old, new):
        return
    kinds = (type(node), type(old), type(new))
    if kinds == (yaml.MappingNode, dict, dict) and new and _keeps(node, old, new):
        yield from _in_mapping(text, node, old, new)
    elif kinds == (yaml.SequenceNode, list, list) and new and _keeps(node, old, new):
        yield from _in_list(text, node, old, new)
    else:
        start: int = node.start_mark.index
        # What was empty may stand right behind its colon.
        yield start, _end(text, node), " " * (text[start - 1 : start] == ":") + _flow(new)


def _keeps(node: Any, old: Any, new: Any) -> bool:
    """Whether entries can be changed one by one; within brackets only where none comes or goes."""
    if not node.flow_style:
        return True
    return len(old) == len(new) and (isinstance(old, list) or old.keys() == new.keys())


def _in_mapping(text: str, node: Any, old: Any, new: Any) -> Iterator[_Change]:
    indent = " " * node.start_mark.column
    for key, value in node.value:
        name = key.value
        if name not in new:
            yield _line_start(text, key), _line_end(text, value), ""
        elif node.flow_style or _goes_in(value, old[name], new[name]):
            yield from _differences(text, value, old[name], new[name])
        elif not _same(old[name], new[name]):
            entry = dump_yaml({name: new[name]}).rstrip("\n")
            entry = textwrap.indent(entry, indent)[len(indent) :]
            yield key.start_mark.index, _end(text, value), entry
    added = {name: new[name] for name in new if name not in old}
    if added:
        at = _line_end(text, node.value[-1][1])
        yield at, at, _lines(text, at, textwrap.indent(dump_yaml(added), indent))


def _goes_in(node: Any, old: Any, new: Any) -> bool:
    """Whether what differs can be changed in the value, so that its key and line can stay."""
    if isinstance(node, yaml.ScalarNode):
        one_line = bool(node.value) and node.style not in ("|", ">")
        return one_line and not isinstance(new, (dict, list)) and "\n" not in str(new)
    return bool(new) and type(old) is type(new)


def _in_list(text: str, node: Any, old: list[Any], new: list[Any]) -> Iterator[_Change]:
    alike = sum(1 for _ in takewhile(lambda pair: _same(*pair), zip(old, new, strict=False)))
    rest = zip(reversed(old[alike:]), reversed(new[alike:]), strict=False)
    last = sum(1 for _ in takewhile(lambda pair: _same(*pair), rest))
    items, others = node.value[alike : len(old) - last], new[alike : len(new) - last]
    for item, was, now in zip(items, old[alike:], others, strict=False):
        yield from _differences(text, item, was, now)
    for item in items[len(others) :]:
        yield _line_start(text, item), _line_end(text, item), ""
    more = others[len(items) :]
    if more:
        before = node.value[len(old) - last - 1] if len(old) > last else None
        at = _line_start(text, node.value[0]) if before is None else _line_end(text, before)
        indent = " " * node.start_mark.column
        yield at, at, _lines(text, at, textwrap.indent(_block(more), indent))


def _block(items: list[Any]) -> str:
    return dump_yaml({"v": items}).partition("\n")[2]


def _flow(value: Any) -> str:
    """A value within a line."""
    text: str = dump_yaml({"v": value}, flow=True)
    return text.strip()[len("{v: ") : -1]


def _lines(text: str, at: int, new: str) -> str:
    """Lines to be set in: after a last line that has no end, that end first."""
    return f"\n{new.rstrip()}" if at and text[at - 1] != "\n" else new


def _line_start(text: str, node: Any) -> int:
    """Where the line begins in which something stands alone, after blanks or a dash."""
    start: int = text.rfind("\n", 0, node.start_mark.index) + 1
    if text[start : node.start_mark.index].strip(" -"):
        raise LookupError("it shares the line")
    return start


def _line_end(text: str, node: Any) -> int:
    end = text.find("\n", _end(text, node))
    return len(text) if end < 0 else end + 1


def _end(text: str, node: Any) -> int:
    """Where something ends, without the comments and blank lines after it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start: int = node.start_mark.index
    end: int = node.end_mark.index
    return start + len(text[start:end].rstrip())
