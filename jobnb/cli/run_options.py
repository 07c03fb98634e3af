"""The options of a run, the same for all commands that run something, and how they are read."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from jobnb.cli.name_completion import complete_files, complete_partitions
from jobnb.errors import InvalidConfigError, NotebookError, UnreadableConfigError

F = TypeVar("F", bound=Callable[..., Any])

_CONFIG = (
    click.option(
        "-c",
        "--config",
        "configs",
        multiple=True,
        metavar="FILE|JSON",
        shell_complete=complete_files,
        help="Run config: a YAML or JSON file, a pattern as 'conf/*.yaml', or JSON. Later ones "
        "win.",
    ),
    click.option(
        "--config-json", "config_texts", multiple=True, metavar="JSON", help="The same, as JSON."
    ),
)
_PARTITIONS = (
    click.option(
        "--partition",
        "partitions",
        multiple=True,
        metavar="KEY",
        shell_complete=complete_partitions,
        help="The partition of the run; several are made in one run.",
    ),
    click.option(
        "--partition-range",
        "ranges",
        multiple=True,
        metavar="START...END",
        shell_complete=complete_partitions,
        help="A range of partitions of the run, both ends included.",
    ),
)
_TAGS = (
    click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of the run."),
    click.option("--tags", "tag_texts", multiple=True, metavar="JSON", help="Tags of the run."),
)


def takes_run_options(function: F) -> F:
    """Add the options of a run to a command, which gets `config`, `partition` and `tags`."""
    return _taking(function, partitions=True)


def takes_config_and_tags(function: F) -> F:
    """Add the options without partitions; the function gets `config` and `tags`."""
    return _taking(function, partitions=False)


def _taking(function: F, *, partitions: bool) -> F:
    @functools.wraps(function)
    def command(
        *args: Any,
        configs: tuple[str, ...],
        config_texts: tuple[str, ...],
        tags: tuple[str, ...],
        tag_texts: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        if partitions:
            rest["partition"] = read_partitions(rest.pop("partitions"), rest.pop("ranges"))
        return function(
            *args,
            config=read_config(configs, config_texts),
            tags={**_tags_of_json(tag_texts), **read_tags(tags)},
            **rest,
        )

    made: Any = command
    for option in reversed((*_CONFIG, *(_PARTITIONS if partitions else ()), *_TAGS)):
        made = option(made)
    return made  # type: ignore[no-any-return]


def read_config(texts: Sequence[str], json_texts: Sequence[str] = ()) -> dict[str, Any] | None:
    """Merge the run config of all `--config` options; later ones override earlier ones.

    Args:
        texts: Paths of YAML or JSON files, or the JSON itself: those of `--config`.
        json_texts: Those of `--config-json`, which override them.

    Returns:
        The merged config, or None if there is none.

    Raises:
        InvalidConfigError: If a file is missing, or a text is no YAML or no mapping.

    Example:
        >>> read_config(['{"ops": {"load": {"config": {"year": 2013}}}}'])
        {'ops': {'load': {'config': {'year': 2013}}}}
    """
    if not texts and not json_texts:
        return None
    from jobnb.config.yaml import merged

    found: dict[str, Any] = {}
    for text in texts:
        found = merged(found, _config_of(text))
    for text in json_texts:
        found = merged(found, _config_of_json(text, "--config-json"))
    return found


def _config_of(text: str) -> dict[str, Any]:
    from jobnb.config.yaml import config_from_files, load_yaml

    if text.lstrip().startswith("{"):
        return _config_of_json(text, "--config")
    if any(sign in text for sign in "*?[") and not Path(text).exists():
        return config_from_files([text])
    return load_yaml(Path(text))


def _config_of_json(text: str, option: str) -> dict[str, Any]:
    from jobnb.config.yaml import config_from_yaml_strings

    if not text.lstrip().startswith("{"):
        raise UnreadableConfigError(
            f"{option} takes a JSON object, not {text!r:.80}: a file is named with --config."
        )
    try:
        return config_from_yaml_strings([text])
    except UnreadableConfigError as error:
        why = str(error).removeprefix("The YAML ")
        raise UnreadableConfigError(f"The JSON of {option} {why}") from error


def _tags_of_json(texts: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        try:
            told = json.loads(text)
        except ValueError as error:
            raise InvalidConfigError(f"The tags {text!r} are not JSON: {error}.") from error
        if not isinstance(told, dict):
            raise InvalidConfigError(f'The tags {text!r} are no object, as {{"team": "data"}}.')
        found |= {key: value if isinstance(value, str) else json.dumps(value)
                  for key, value in told.items()}  # fmt: skip
    return found


def read_tags(texts: Iterable[str]) -> dict[str, str]:
    """Parse tags given as `KEY=VALUE`.

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
    """Parse all `--partition` and `--partition-range` options.

    Args:
        keys: Keys.
        ranges: Ranges as `START...END`.

    Raises:
        NotebookError: If a range is malformed, or a key is a range.

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
