"""What sensors of Dagster's libraries take to name jobs: `dagster._core.definitions.selector`."""

from __future__ import annotations

from typing import NamedTuple

from jobnb.definitions.assets.asset_job import AssetJobDefinition

UnresolvedAssetJobDefinition = AssetJobDefinition


class RepositorySelector(NamedTuple):
    """A repository of a code location.

    Source: Dagster's `RepositorySelector`.
    """

    location_name: str
    repository_name: str


class CodeLocationSelector(NamedTuple):
    """A code location.

    Source: Dagster's `CodeLocationSelector`.
    """

    location_name: str

    def to_repository_selector(self) -> RepositorySelector:
        """Return its only repository."""
        return RepositorySelector(self.location_name, "__repository__")


class JobSelector(NamedTuple):
    """A job of a code location.

    Source: Dagster's `JobSelector`.
    """

    location_name: str
    repository_name: str | None = None
    job_name: str | None = None
