"""The events that user code yields or logs: news about assets, and expectations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.metadata import normalize
from jobnb.definitions.metadata_values import PathMetadataValue
from jobnb.definitions.plain import is_text, plain_verdict
from jobnb.errors import InvalidDefinitionError, JobnbError


class _AssetNews(msgspec.Struct, frozen=True):
    """An event about one asset."""

    asset_key: CoercibleToAssetKey
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    partition: str | None = None
    tags: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Check and normalise what was given."""
        what = type(self).__name__
        put = msgspec.structs.force_setattr
        put(self, "asset_key", AssetKey.from_coercible(self.asset_key))
        put(self, "metadata", normalize(self.metadata))
        if self.partition is not None and not isinstance(self.partition, str):
            raise InvalidDefinitionError(
                f"The partition of an {what} is a key as text, not {self.partition!r}."
            )
        put(self, "tags", checked_tags(self.tags, what))

    @property
    def label(self) -> str:
        """The parts of the asset's key, with spaces between them."""
        return " ".join(AssetKey.from_coercible(self.asset_key).path)

    @property
    def data_version(self) -> str | None:
        """The data version, if a tag gives one."""
        return (self.tags or {}).get("dagster/data_version")


def checked_tags(tags: Mapping[Any, Any] | None, what: str) -> dict[str, str]:
    """Return tags as they were given.

    Raises:
        InvalidDefinitionError: If a name or value is no text.
    """
    for name, value in (tags or {}).items():
        if not (is_text(name) and is_text(value)):
            raise InvalidDefinitionError(
                f"Tags of an {what} are text: {name!r} has the value {value!r}."
            )
    return dict(tags or {})


class AssetMaterialization(_AssetNews, frozen=True):
    """An event: an asset was materialized, from inside an op.

    Args:
        asset_key: The asset.
        description: What was made, in words.
        metadata: Metadata shown beside it.
        partition: The key of the materialized partition.
        tags: Labels, name to value.

    Example:
        >>> AssetMaterialization("orders", metadata={"rows": 3}).asset_key
        AssetKey(['orders'])

    Source: Dagster's `AssetMaterialization`.
    """

    @staticmethod
    def file(
        path: str | os.PathLike[str],
        description: str | None = None,
        asset_key: CoercibleToAssetKey | None = None,
    ) -> AssetMaterialization:
        """Return the event that a file was written: keyed by its path, unless a key is given.

        Example:
            >>> AssetMaterialization.file("out/report.html").asset_key
            AssetKey(['out', 'report.html'])
        """
        text = os.fspath(path)
        parts = [part for part in Path(text).as_posix().split("/") if part]
        metadata = {"path": PathMetadataValue(text)}
        return AssetMaterialization(asset_key or parts, description, metadata)


class AssetObservation(_AssetNews, frozen=True):
    """An event: an asset was observed, not materialized now.

    Args:
        asset_key: The asset.
        description: What was learned, in words.
        metadata: Metadata shown beside it.
        partition: The key of the partition it is about.
        tags: Labels, name to value.

    Source: Dagster's `AssetObservation`.
    """


class _Verdict(msgspec.Struct, frozen=True):
    """Whether something held."""

    success: Any

    def __post_init__(self) -> None:
        """Check and normalise what was given."""
        if not isinstance(self.success, bool):
            plain = plain_verdict(self.success)
            if not isinstance(plain, bool):
                raise InvalidDefinitionError(
                    f"success of {type(self).__name__} is True or False, not {self.success!r}."
                )
            msgspec.structs.force_setattr(self, "success", plain)
        msgspec.structs.force_setattr(self, "metadata", normalize(getattr(self, "metadata", None)))


class ExpectationResult(_Verdict, frozen=True):
    """An event: whether an expectation of the data held; the step continues either way.

    Args:
        success: Whether it held.
        label: A short name for it.
        description: What was expected, in words.
        metadata: Metadata shown beside it.

    Source: Dagster's `ExpectationResult`.
    """

    label: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] | None = None


class TypeCheck(_Verdict, frozen=True):
    """The verdict of a type check, with words and facts.

    Args:
        success: Whether the value is of the type.
        description: Why not, in words.
        metadata: Facts about the value, shown beside the verdict.

    Source: Dagster's `TypeCheck`.
    """

    description: str | None = None
    metadata: Mapping[str, Any] | None = None


class Failure(JobnbError):
    """Raise inside an op to fail the step with a description and metadata.

    Args:
        description: What went wrong, in words.
        metadata: Values shown beside it.
        allow_retries: Whether the step's retry policy still applies.

    Source: Dagster's `Failure` event.
    """

    def __init__(
        self,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        allow_retries: bool | None = None,
    ) -> None:
        super().__init__(description or "The op raised Failure.")
        self.description = description
        self.metadata = normalize(metadata)
        self.allow_retries = True if allow_retries is None else allow_retries
