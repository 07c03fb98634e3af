"""Tags as GraphQL tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.server.nodes import Node


@dataclass(frozen=True)
class PipelineTag(Node):
    """A tag of a run or a job."""

    key: str
    value: str


@dataclass(frozen=True)
class PipelineTagAndValues(Node):
    """A tag with all values that it has anywhere."""

    key: str
    values: Sequence[str]


def tags_of(tags: Mapping[str, Any]) -> list[PipelineTag]:
    """Return tags as an answer.

    >>> tags_of({"team": "sales"})
    [PipelineTag(key='team', value='sales')]
    """
    return [PipelineTag(key, str(value)) for key, value in tags.items()]


def given_tags(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return tags as a query gives them.

    >>> given_tags([{"key": "team", "value": "sales"}])
    {'team': 'sales'}
    """
    return {tag["key"]: tag["value"] for tag in tags or ()}
