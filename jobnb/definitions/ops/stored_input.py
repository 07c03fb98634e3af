"""What may stand in a graph for a value that was stored before."""

from __future__ import annotations

from jobnb.definitions.keys import AssetKey


class StoredInput:
    """Something that feeds an input with a stored value: a `SourceAsset` is one."""

    key: AssetKey
