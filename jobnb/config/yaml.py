"""YAML in and out: safe, without surprises, and with the place of every mistake."""

from __future__ import annotations

import glob
import importlib.resources
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jobnb.config.run_config import raw_config
from jobnb.errors import InvalidConfigError

__all__ = [
    "YamlLoader",
    "config_from_files",
    "config_from_pkg_resources",
    "config_from_yaml_strings",
    "dump_yaml",
    "load_yaml",
    "merged",
]

_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN)"
)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+")
_NUMBER_STARTS = list("-+.0123456789")
_ODD_BREAKS = frozenset("\r\x85\u2028\u2029\ufeff")
_SURPRISES = ("timestamp", "int", "float", "value")


class YamlLoader(yaml.SafeLoader):
    """Dates stay text, 12:30 is no number, 1e-3 is one, and a key given twice is a mistake."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping that a node stands for."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes what either this loader or a common one would read as something else."""

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


def load_yaml(source: str | os.PathLike[str]) -> dict[str, Any]:
    """A config from YAML (or JSON): a text, or a file.

    Args:
        source: A path, or the text itself; a string that names a file (`.yaml`, `.yml`, `.json`,
            or one that exists) is a path.

    Returns:
        The mapping; nothing at all is an empty one. Dates stay text.

    Raises:
        InvalidConfigError: If it cannot be read, with line and column, or is no mapping.

    Example:
        >>> load_yaml("ops: {load: {config: {day: 2013-01-31}}}")
        {'ops': {'load': {'config': {'day': '2013-01-31'}}}}
    """
    if isinstance(source, os.PathLike) or _names_file(source):
        path = Path(source)
        return _parsed(_text_of(path), f"The config file {str(path)!r}")
    return _parsed(source, "The YAML")


def _names_file(text: str) -> bool:
    if "\n" in text or len(text) > 1000:
        return False
    return text.endswith((".yaml", ".yml", ".json")) or Path(text).is_file()


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidConfigError(
            f"The config file {str(path)!r} is not there. Check the path."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"The config file {str(path)!r} cannot be read: {error}."
        ) from error


def _parsed(text: str, what: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):  # JSON is read as JSON: YAML stumbles over its tabs
        try:
            return _mapping(json.loads(text), what)
        except ValueError:
            pass
    try:
        return _mapping(yaml.load(text, Loader=YamlLoader), what)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidConfigError(f"{what} cannot be read: {_place(error)}") from error


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).strip()
    where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return f"{where}{problem}."


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidConfigError(
            f"{what} holds a {type(value).__name__} where names and their values are due "
            "(ops: ...)."
        )
    return value


def dump_yaml(mapping: Any, *, flow: bool = False) -> str:
    """A config as YAML: a mapping, a `RunConfig` or a `Config`; secrets appear by name.

    Args:
        mapping: The config.
        flow: Whether to write it into one line, with brackets.

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
    """Both mappings as one, merged at every depth; where they differ, the second wins."""
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
    """One config from several YAML files, later ones over earlier ones.

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
            raise InvalidConfigError(f"No config file matches {os.fspath(pattern)!r}.")
        paths.extend(found)
    return _all_merged([load_yaml(Path(path)) for path in paths])


def config_from_yaml_strings(yaml_strings: Sequence[str]) -> dict[str, Any]:
    """One config from several YAML texts, later ones over earlier ones.

    Args:
        yaml_strings: The texts.

    Example:
        >>> config_from_yaml_strings(["a: {x: 1, y: 1}", "a: {y: 2}"])
        {'a': {'x': 1, 'y': 2}}

    Source: Dagster's `config_from_yaml_strings`.
    """
    return _all_merged([_parsed(text, "The YAML") for text in yaml_strings])


def config_from_pkg_resources(pkg_resource_defs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """One config from YAML files inside packages, later ones over earlier ones.

    Args:
        pkg_resource_defs: Pairs of a package and the name of a file in it.

    Source: Dagster's `config_from_pkg_resources`.
    """
    return _all_merged([_from_package(package, name) for package, name in pkg_resource_defs])


def _from_package(package: str, name: str) -> dict[str, Any]:
    what = f"The config file {name!r} of the package {package!r}"
    try:
        text = importlib.resources.files(package).joinpath(name).read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError) as error:
        raise InvalidConfigError(f"{what} cannot be read: {error}.") from error
    return _parsed(text, what)
