"""Read and write YAML: safely, without surprising types, with the position of every error."""

from __future__ import annotations

import codecs
import glob
import importlib.resources
import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from jobnb.config.plain import DEEPEST, MOST_DIGITS, TOO_BIG, key_text, plain
from jobnb.config.run_config import raw_config
from jobnb.errors import InvalidConfigError, UnreadableConfigError

_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN)"
)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+")
_NUMBER_STARTS = list("-+.0123456789")
_ODD_BREAKS = frozenset("\r\x85\u2028\u2029\ufeff")
_HALVES = re.compile(r"\\u[dD][89a-fA-F]")  # JSON escapes for one character in two UTF-16 halves.
_SURPRISES = ("timestamp", "int", "float", "value")
_MOST_REPEATED = 100_000  # Aliases of aliases can expand 1 KB of text to gigabytes.
_TOO_DEEP = f"this is nested more than {DEEPEST} deep"
_MERGE = "tag:yaml.org,2002:merge"


class YamlLoader(yaml.SafeLoader):
    """Reads dates as text, 12:30 as text, 1e-3 as a number; a duplicate key is an error.

    Depth and the expansion of aliases are bounded; every error has its position.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = self._repeated = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the next node, with its `weight` and `height` when aliases are expanded."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark, is_alias = event.start_mark, isinstance(event, yaml.AliasEvent)
        if (
            is_alias and event.anchor not in self.anchors
        ):  # The name is not shown: it may be an unquoted secret.
            raise _mistake("nothing has that anchor; a text that begins with * needs quotes", mark)
        self._depth += 1
        if self._depth > DEEPEST:  # Checked before descending, which would end in a RecursionError.
            raise _mistake(_TOO_DEEP, mark)
        node: Any = super().compose_node(parent, index)
        if is_alias:
            self._repeat(node, mark)
        else:
            _weigh(node)
        self._depth -= 1
        return node

    def _repeat(self, node: Any, mark: Any) -> None:
        weight = getattr(node, "weight", None)
        if weight is None:
            raise _mistake("this alias is within what it names", mark)
        self._repeated += weight
        if self._repeated > _MOST_REPEATED:
            most = f"{_MOST_REPEATED:,} values"
            raise _mistake(f"aliases repeat more than {most}; write fewer of them", mark)
        if self._depth + node.height > DEEPEST:
            raise _mistake(_TOO_DEEP, mark)

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Compose a mapping whose keys differ, also as the texts that config has for keys."""
        node: Any = super().compose_mapping_node(anchor)
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                value = self.construct_object(key)
                if value in seen or key_text(value) in seen:
                    raise _mistake(f"the key {key.value!r} is given twice", key.start_mark)
                seen |= {value, key_text(value)}
        return node

    def flatten_mapping(self, node: Any) -> None:
        """Apply merge keys (<<): the mapping's own keys win, then the earlier merged mapping's.

        PyYAML 6.0.4 lets the later one win, and confuses keys that Python interns.
        """
        own = {_key_id(pair): pair for pair in node.value if pair[0].tag != _MERGE}
        below: dict[Any, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                for pair in self._to_merge(value):
                    below.setdefault(_key_id(pair), pair)
        node.value = list({**below, **own}.values())

    def _to_merge(self, node: Any) -> list[Any]:
        if isinstance(node, yaml.MappingNode):
            self.flatten_mapping(node)
            return list(node.value)
        if not isinstance(node, yaml.SequenceNode):
            raise _mistake("a merge key (<<) takes a mapping or a list of them", node.start_mark)
        return [pair for inner in node.value for pair in self._to_merge(inner)]

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Construct a node's value; one that its tag cannot read is an error with a position."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # The value itself is not shown: it may be a secret.
            kind = node.tag.rpartition(":")[2]
            raise _mistake(f"this cannot be read as !!{kind}", node.start_mark) from None

    def construct_undefined(self, node: Any) -> Any:
        """Refuse an unknown tag."""
        if node.tag.startswith("tag:"):
            super().construct_undefined(node)
        problem = "this tag is not known; a text that begins with ! needs quotes"
        raise _mistake(problem, node.start_mark)

    def construct_yaml_int(self, node: Any) -> int:
        """Construct an integer, if Python can write it again."""
        try:
            number = super().construct_yaml_int(node)
        except ValueError:
            if len(node.value) <= MOST_DIGITS:
                raise
            number = TOO_BIG
        if abs(number) >= TOO_BIG:
            raise _mistake(f"a number of more than {MOST_DIGITS:,} digits", node.start_mark)
        return number


def _mistake(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)


def _key_id(pair: Any) -> Any:
    key = pair[0]
    return (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)


def _weigh(node: Any) -> None:
    """Record how large and how deep a node is with its aliases expanded."""
    if isinstance(node, yaml.ScalarNode):
        node.value = _whole_text(node)
        node.weight, node.height = 1 + len(node.value) // 100, 0  # type: ignore[attr-defined]
        return
    is_mapping = isinstance(node, yaml.MappingNode)
    inner = [part for pair in node.value for part in pair] if is_mapping else node.value
    node.weight = 1 + sum(part.weight for part in inner)
    node.height = 1 + max((part.height for part in inner), default=0)


def _whole_text(node: Any) -> str:
    """Return the text of a node, with JSON's surrogate pairs joined."""
    if node.value.isascii():
        return str(node.value)
    try:
        return str(node.value.encode("utf-16", "surrogatepass").decode("utf-16"))
    except UnicodeDecodeError:
        raise _mistake("half a character (a lone surrogate)", node.start_mark) from None


class _Dumper(yaml.SafeDumper):
    """Quotes every text that this loader or a common one would read as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


YamlLoader.yaml_implicit_resolvers = {
    start: [(tag, test) for tag, test in tests if tag.rpartition(":")[2] not in _SURPRISES]
    for start, tests in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Dumper.yaml_implicit_resolvers = {
    start: list(tests) for start, tests in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # In any other style a line break that is not \n comes back as a blank.
    style = '"' if _ODD_BREAKS.intersection(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
for _kind in (YamlLoader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:int", re.compile(f"^(?:{_INT.pattern})$"), _NUMBER_STARTS
    )
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(f"^(?:{_FLOAT.pattern})$"), _NUMBER_STARTS
    )
YamlLoader.add_constructor("tag:yaml.org,2002:int", YamlLoader.construct_yaml_int)
YamlLoader.add_constructor(None, YamlLoader.construct_undefined)


def load_yaml(source: str | os.PathLike[str]) -> dict[str, Any]:
    """Load a config from YAML or JSON, given as a text or a file.

    Args:
        source: A path, or the text itself; a string that names a file (`.yaml`, `.yml`, `.json`,
            or one that exists) is a path.

    Returns:
        The mapping; an empty one for an empty text. Dates stay text.

    Raises:
        InvalidConfigError: If it cannot be parsed (with line and column), or is no mapping.

    Example:
        >>> load_yaml("ops: {load: {config: {day: 2013-01-31}}}")
        {'ops': {'load': {'config': {'day': '2013-01-31'}}}}
    """
    if not isinstance(source, str) or _names_file(source):
        if not isinstance(source, (str, os.PathLike)):
            raise UnreadableConfigError(f"Give YAML as a text or a path, not {source!r:.80}.")
        path = Path(source)
        return _parsed(_text_of(path), f"The config file {str(path)!r}")
    return _parsed(source, "The YAML")


def _names_file(text: str) -> bool:
    if "\n" in text or len(text) > 1000:
        return False
    # os.path, because a Path raises for what cannot be the name of a file.
    return text.endswith((".yaml", ".yml", ".json")) or os.path.isfile(text)  # noqa: PTH113


def _text_of(path: Path) -> str:
    what = f"The config file {str(path)!r}"
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError:
        raise UnreadableConfigError(f"{what} is not there. Check the path.") from None
    except (OSError, ValueError) as error:
        raise UnreadableConfigError(f"{what} cannot be read: {error}.") from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        place = _line_and_column(content[: error.start].decode())
        problem = f"{place}: the byte 0x{content[error.start]:02x} is no UTF-8"
        raise UnreadableConfigError(f"{what} cannot be read: {problem}.") from error


def _parsed(text: str, what: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):  # JSON is parsed as JSON: YAML does not accept its tabs.
        try:
            return _from_json(text)
        except InvalidConfigError:  # Valid JSON with an invalid value: YAML reports the position.
            text = text.replace("\t", " ")
        except (ValueError, RecursionError):
            pass
    loader: YamlLoader | None = None
    try:
        loader = YamlLoader(text)
        return _mapping(loader.get_single_data(), what)
    except InvalidConfigError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        place, problem = _account(error, text, loader)
        raise UnreadableConfigError(f"{what} cannot be read: {place}: {problem}.") from error


def _from_json(text: str) -> dict[str, Any]:
    made: dict[str, Any] = plain(json.loads(text, object_pairs_hook=_each_once))
    if _HALVES.search(text):
        raise InvalidConfigError("A character may be half.")
    return made


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise InvalidConfigError("A key is given twice.")
    return made


def _account(error: Exception, text: str, loader: YamlLoader | None) -> tuple[str, str]:
    """Return where parsing failed, and why."""
    if isinstance(error, yaml.reader.ReaderError):
        return _line_and_column(text[: error.position]), _forbidden(error)
    mark = getattr(error, "problem_mark", None)
    if mark is None and loader is not None:  # An invalid escape.
        mark = loader.get_mark()
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "line 1, column 1"
    if isinstance(error, RecursionError):
        return place, _TOO_DEEP
    problem = getattr(error, "problem", None) or "this escape stands for no character"
    return place, _CLEARER.get(problem, problem).rstrip(".")


_CLEARER = {
    "second occurrence": "this anchor (&) is given twice",
    "but found another document": "another document begins, where one is due",
}


def _forbidden(error: yaml.reader.ReaderError) -> str:
    return f"the character U+{error.character:04X} is not allowed; quote and escape it"


def _line_and_column(before: str) -> str:
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"line {line}, column {column}"


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableConfigError(
            f"{what} holds a {type(value).__name__} where names and their values are due "
            "(ops: ...)."
        )
    return value


def dump_yaml(mapping: Any, *, flow: bool = False) -> str:
    """Write a config as YAML: a mapping, a `RunConfig` or a `Config`; secrets appear by name.

    Args:
        mapping: The config.
        flow: Whether to write it on one line, with brackets.

    Example:
        >>> print(dump_yaml({"ops": {"load": {"config": {"day": "2013-01-31"}}}}), end="")
        ops:
          load:
            config:
              day: '2013-01-31'
    """
    text: str = yaml.dump(
        raw_config(mapping),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf") if flow else 100,
        default_flow_style=flow,
    )
    return text


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings at every depth; where they differ, the second wins."""
    made = dict(below)
    for key, value in above.items():
        old = made.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        made[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return made


def _all_merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for part in parts:
        made = merged(made, part)
    return made


def config_from_files(config_files: Sequence[str]) -> dict[str, Any]:
    """Load one config from several YAML files; later files override earlier ones.

    Args:
        config_files: Paths, or patterns such as `conf/*.yaml`.

    Raises:
        InvalidConfigError: If a file cannot be read or a pattern matches none.

    Source: Dagster's `config_from_files`.
    """
    paths: list[str] = []
    for pattern in config_files:
        found = sorted(glob.glob(os.fspath(pattern)))  # noqa: PTH207 (any pattern, absolute too)
        if not found:
            raise UnreadableConfigError(f"No config file matches {os.fspath(pattern)!r}.")
        paths.extend(found)
    return _all_merged([load_yaml(Path(path)) for path in paths])


def config_from_yaml_strings(yaml_strings: Sequence[str]) -> dict[str, Any]:
    """Load one config from several YAML texts; later ones override earlier ones.

    Args:
        yaml_strings: The texts.

    Example:
        >>> config_from_yaml_strings(["a: {x: 1, y: 1}", "a: {y: 2}"])
        {'a': {'x': 1, 'y': 2}}

    Source: Dagster's `config_from_yaml_strings`.
    """
    return _all_merged([_parsed(text, "The YAML") for text in yaml_strings])


def config_from_pkg_resources(pkg_resource_defs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Load one config from YAML files inside packages; later ones override earlier ones.

    Args:
        pkg_resource_defs: Pairs of a package and the name of a file in it.

    Source: Dagster's `config_from_pkg_resources`.
    """
    return _all_merged([_from_package(package, name) for package, name in pkg_resource_defs])


def _from_package(package: str, name: str) -> dict[str, Any]:
    what = f"The config file {name!r} of the package {package!r}"
    try:
        text = importlib.resources.files(package).joinpath(name).read_text(encoding="utf-8")
    except (ImportError, OSError, TypeError, ValueError) as error:
        raise UnreadableConfigError(f"{what} cannot be read: {error}.") from error
    return _parsed(text, what)


_Change = tuple[int, int, str]  # Start, end, replacement.


def rewritten(text: str, config: Mapping[str, Any]) -> str | None:
    """Edit the text so that it says a config; None where that cannot be done.

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
    """Apply changes from the end to the beginning; of two at one place the first comes first."""
    for _, (start, end, new) in sorted(
        enumerate(changes), key=lambda each: (each[1][0], each[0]), reverse=True
    ):
        text = text[:start] + new + text[end:]
    return text


def _same(one: Any, other: Any) -> bool:
    """Whether two raw values are equal, with 1, 1.0 and True distinguished."""
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
        # An empty value may end right behind its colon.
        yield start, _end(text, node), " " * (text[start - 1 : start] == ":") + _flow(new)


def _keeps(node: Any, old: Any, new: Any) -> bool:
    """Whether entries can be changed one by one; in brackets only if none comes or goes."""
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
    """Whether the change can be made inside the value, so that its key and line can stay."""
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
    """Return a value written on one line."""
    text: str = dump_yaml({"v": value}, flow=True)
    return text.strip()[len("{v: ") : -1]


def _lines(text: str, at: int, new: str) -> str:
    """Return lines to insert, with a line break first if the last line has none."""
    return f"\n{new.rstrip()}" if at and text[at - 1] != "\n" else new


def _line_start(text: str, node: Any) -> int:
    """Return where the line of a node begins, if nothing but blanks or a dash precedes it."""
    start: int = text.rfind("\n", 0, node.start_mark.index) + 1
    if text[start : node.start_mark.index].strip(" -"):
        raise LookupError("it shares the line")
    return start


def _line_end(text: str, node: Any) -> int:
    end = text.find("\n", _end(text, node))
    return len(text) if end < 0 else end + 1


def _end(text: str, node: Any) -> int:
    """Return where a node ends, without the comments and blank lines after it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start: int = node.start_mark.index
    end: int = node.end_mark.index
    return start + len(text[start:end].rstrip())
