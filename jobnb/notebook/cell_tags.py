"""The tags of cells, in notebooks and in their forms as text."""

from __future__ import annotations

import re
from typing import Any

_TAGS = re.compile(r"tags\"?[=:] ?(\[[^\]]*\])")


def tags_of(cell: Any) -> list[str]:
    """Return the tags of a cell; a malformed list counts as none."""
    tags = cell.get("metadata", {}).get("tags", [])
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def percent_tags(about: str) -> list[str]:
    """Return the tags in the line that begins a cell in the percent form, or a fence.

    >>> percent_tags(' [markdown] tags=["explore", "plot"]')
    ['explore', 'plot']
    """
    found = _TAGS.search(about)
    return re.findall(r"[\w.-]+", found[1]) if found is not None else []
