"""Jobs whose selection asks how assets stand: `status:stale` is looked up when one is run."""

from __future__ import annotations

import msgspec

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.staleness.survey import Survey
from jobnb.storage.instance import Instance

__all__ = ["as_it_stands", "nothing_stands_so"]


def as_it_stands(job: JobDefinition, instance: Instance) -> JobDefinition:
    """The job, its selection decided by how assets stand now; itself if it does not ask.

    Args:
        job: The job.
        instance: Where its assets were made.

    Example:
        >>> from jobnb import Definitions, asset, define_asset_job
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> missing = define_asset_job("all_missing", "status:missing")
        >>> defs = Definitions(assets=[orders], jobs=[missing])
        >>> job = as_it_stands(defs.get_job_def("all_missing"), Instance.ephemeral())
        >>> [node.name for node in job.nodes]
        ['orders']
    """
    layer = job.asset_layer
    if layer is None or not layer.is_undecided:
        return job
    known = Definitions.of(assets=[*layer.assets, *layer.sources], asset_checks=layer.checks)
    statuses = Survey(known, instance).statuses()

    def status_of(key: AssetKey) -> str:
        return str(statuses[key].status.value)

    looked_up = msgspec.structs.replace(layer, status_of=status_of, is_undecided=False)
    decided = job.replaced(asset_layer=looked_up)
    # With nothing to make there is nothing to tell the partitions: they stay what they could be.
    return decided if decided.nodes else decided.replaced(partitions_def=job.partitions_def)


def nothing_stands_so(job: JobDefinition) -> str:
    """That a job has nothing to make, since no asset stands as it asks; empty if it has."""
    layer = job.asset_layer
    if layer is None or layer.status_of is None or job.nodes:
        return ""
    return f"No asset stands as '{layer.selection}' asks: there is nothing to make."
