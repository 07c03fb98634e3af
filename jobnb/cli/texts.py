"""What is typed on the command line, read into values: config and tags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobnb.errors import NotebookError

__all__ = ["duration", "read_config", "read_partitions", "read_tags"]


def read_config(texts: Iterable[str]) -> dict[str, Any] | None:
    """The run config of all `--config` options, later ones over earlier ones.

    Args:
        texts: Paths of YAML or JSON files, or the JSON itself.

    Returns:
        The merged config, or None if there is none.

    Raises:
        InvalidConfigError: If a file is missing, or a text is no YAML or no mapping.

    Example:
        >>> read_config(['{"ops": {"load": {"config": {"year": 2013}}}}'])
        {'ops': {'load': {'config': {'year': 2013}}}}
    """
    from jobnb.config.yaml import config_from_yaml_strings, load_yaml, merged

    found: dict[str, Any] | None = None
    for text in texts:
        inline = text.lstrip().startswith("{")
        part = config_from_yaml_strings([text]) if inline else load_yaml(Path(text))
        found = merged(found or {}, part)
    return found


def read_tags(texts: Iterable[str]) -> dict[str, str]:
    """Tags given as `KEY=VALUE`.

    Raises:
        NotebookError: If one has no key or no `=`.

    Example:
        >>> read_tags(["team=data", "url=http://x/?a=b"])
        {'team': 'data', 'url': 'http://x/?a=b'}
    """
    tags = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise NotebookError(f"The tag {text!r} is not of the form KEY=VALUE.")
        tags[key] = value
    return tags


def read_partitions(keys: Iterable[str], ranges: Iterable[str]) -> list[str]:
    """The partitions of all `--partition` and `--partition-range` options.

    Args:
        keys: Keys.
        ranges: Ranges as `START...END`.

    Raises:
        NotebookError: If a range is none, or a key is a range.

    Example:
        >>> read_partitions(["2013-03-01"], ["2013-01-01...2013-01-31"])
        ['2013-03-01', '2013-01-01...2013-01-31']
    """
    found = [*keys]
    for text in found:
        if "..." in text:
            raise NotebookError(
                f"The partition {text!r} is a range of partitions: use --partition-range."
            )
    for text in ranges:
        first, dots, last = text.partition("...")
        if not (first.strip() and dots and last.strip()):
            raise NotebookError(f"The range of partitions {text!r} is not of the form START...END.")
        found.append(text)
    return found


def duration(seconds: float | None) -> str:
    """A time span for people.

    >>> duration(0.4), duration(75), duration(7260), duration(None)
    ('0.4 s', '1 min 15 s', '2 h 1 min', '')
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
