"""What many partitions cost: asking how a hundred thousand of them stand."""

from __future__ import annotations

from pathlib import Path

from jobnb import AssetKey, Instance
from jobnb import events as ev
from jobnb.storage.run import JobRun
from tests.benchmarks.conftest import Measure

MANY = 100_000


def test_status_of_partitions(measure: Measure, tmp_path: Path) -> None:
    """Every tenth one failed since it was made: the whole costs 100 ms at most."""
    keys = [f"2013-{number:06}" for number in range(MANY)]
    with Instance.local_temp(str(tmp_path)) as instance:
        log = instance.open_log(instance.create_run(JobRun("daily")))
        log.events.extend(ev.AssetMaterialized(1.0, "s", ("a",), key) for key in keys)
        log.close()
        log = instance.open_log(instance.create_run(JobRun("daily")))
        log.events.extend(ev.AssetPlanned(1.0, "s", ("a",), key) for key in keys[::10])
        log.events.append(ev.RunFailed(2.0, "daily"))
        log.close()
        key = AssetKey("a")
        measure(lambda: instance.get_status_by_partition(key, keys), pieces=MANY, budget_us=1.0)
        found = instance.get_status_by_partition(key, keys)
        assert len(found) == MANY
        assert sum(each is not None and each.value == "FAILED" for each in found.values()) == 10_000
