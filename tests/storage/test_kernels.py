"""Several kernels share one home: nobody waits in vain, nothing is lost or mixed up."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.storage.place import Place

PROCESSES = 4

KERNEL = """
    import sys
    from jobnb import Instance, asset, define_asset_job, Definitions, job, op, mem_io_manager
    home, who, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])

    @op
    def one(): return 1
    @op
    def more(context, x):
        context.log.info("from %s", who)
        return x + 1
    @job(tags={"kernel": who}, resource_defs={"io_manager": mem_io_manager})
    def daily(): more(one())

    @asset
    def shared(): return who
    making = Definitions(assets=[shared], jobs=[define_asset_job("make")],
                         resources={"io_manager": mem_io_manager}).get_job_def("make")

    instance = Instance.from_home(home)
    for n in range(runs):
        made = (making if n % 4 == 0 else daily).execute_in_process(
            instance=instance, tags={"kernel": who})
        assert made.success
        if n % 20 == 0:
            instance.get_runs(limit=5)
    instance.dispose()
"""


def test_four_kernels_run_side_by_side_in_one_home(place: Place) -> None:
    count = 200 if place.url is None else 80  # a commit takes three times as long on a server
    kernels = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(KERNEL), str(place.home), f"k{i}",
             str(count)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
             env={**place.environment, "JOBNB_PROGRESS": "0"},
        )
        for i in range(PROCESSES)
    ]  # fmt: skip
    ends = [(*kernel.communicate(timeout=240), kernel.returncode) for kernel in kernels]
    assert [(said, code) for said, _, code in ends] == [("", 0)] * PROCESSES
    logged = [line for _, log, _ in ends for line in log.splitlines()]
    assert all(" - jobnb - INFO - " in line for line in logged), "nothing but what steps log"
    with place.open() as instance:
        runs = instance.get_runs()
        assert len(runs) == PROCESSES * count
        assert all(run.is_success for run in runs)
        assert dict(instance.get_run_tags(["kernel"])) == {"kernel": {"k0", "k1", "k2", "k3"}}
        for run in runs[::25]:
            who = run.tags["kernel"]
            lines = [e.message for e in instance.all_logs(run.run_id) if e.level == 20]
            said = [line for line in lines if line.startswith("from ")]
            assert said == ([f"from {who}"] if run.job_name == "daily" else [])
        (record,) = instance.get_asset_records()
        assert record.asset_entry.last_run_id in {run.run_id for run in runs}
