"""The specification of a run: all options, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.jobs.executor import ExecutorDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidInvocationError
from jobnb.storage.instance import Instance

if TYPE_CHECKING:
    from jobnb.config.run_config import CoercibleToRunConfig
    from jobnb.execution.reexecution import ReexecutionOptions
    from jobnb.plan.partitions import PartitionsAsked
else:  # Most runs do without these; who asks for the signature reads `Any`.
    CoercibleToRunConfig = ReexecutionOptions = PartitionsAsked = Any

ASSET_JOB = "__ephemeral_asset_job__"
"""The name of the job that a selection of assets is run as."""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The request of a run, from a cell, a form, the command line, a schedule or a backfill.

    `start` makes a run of it; nothing else does.

    Attributes:
        job: The job; for a selection of assets, the job that materializes them.
        instance: Where the history and the values go.
        config: A `RunConfig` or dict; the job's own config if None.
        partition: The partition that the run is for; or several: a range, some keys.
        op_selection: Ops to run, as `["*a", "b+"]`.
        asset_selection: Assets to materialize.
        asset_check_selection: Checks to run; those of the assets if None.
        resources: Values or definitions that take the place of the job's resources.
        tags: Tags of the run, beside those of the job.
        run_id: The id of the run; a new one if None.
        input_values: Values of the graph's inputs, by name.
        repeats: The run that is repeated, and which of its steps.
        stale_only: Whether fresh assets are skipped and loaded where something reads them.
        place_of: Says where an asset is written, for the reasons why it is stale.
        in_memory: Whether op values stay in memory where no IO manager is named.
        keep_outputs: Whether values in memory are kept after their last reader.
        executor: The executor, by name or as such; that of the job if None.
        in_process: Whether steps run one by one in this process, whatever the executor is.
        detach: Whether a process of its own does it, which outlives this one.
    """

    job: JobDefinition
    instance: Instance
    config: CoercibleToRunConfig = None
    partition: PartitionsAsked | None = None
    op_selection: Sequence[str] | None = None
    asset_selection: Sequence[Any] | None = None
    asset_check_selection: Sequence[Any] | None = None
    resources: Mapping[str, Any] | None = None
    tags: Mapping[str, str] | None = None
    run_id: str | None = None
    input_values: Mapping[str, Any] | None = None
    repeats: ReexecutionOptions | None = None
    stale_only: bool = False
    place_of: Callable[[AssetKey], str] | None = None
    in_memory: bool = False
    keep_outputs: bool = False
    executor: str | ExecutorDefinition | None = None
    in_process: bool = False
    detach: bool = False

    def __post_init__(self) -> None:
        """Check what was given."""
        for name in ("detach", "stale_only"):
            given = getattr(self, name)
            if not isinstance(given, bool):
                raise InvalidInvocationError(f"{name} is {given!r}. Give True or False.")
        for name in ("tags", "resources"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, Mapping):
                raise InvalidInvocationError(
                    f"The {name} of a run are {given!r}. Give a dict of names and values."
                )

    @property
    def words(self) -> str:
        """The run, as the beginning of a sentence."""
        from jobnb.definitions.jobs.job_config import is_nameless, run_words

        assets: Sequence[AssetKey] = ()
        if is_nameless(self.job.name):  # a selection, which its run has resolved
            made = self.job.graph.assets_by_node.values()
            assets = self.asset_selection or [key for each in made for key in each.keys]
        names = (key.to_user_string() for key in assets)
        return run_words(self.job.name, names, begins=True)
