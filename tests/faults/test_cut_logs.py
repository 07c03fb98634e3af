"""A run whose log ends anywhere is resumed to the values that it would have had."""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec.structs import replace

from jobnb import Instance, ReexecutionOptions, RunStatus, execute_job
from jobnb import events as ev
from tests.faults.pipelines import check_result, pipeline


def test_a_log_that_is_cut_anywhere_is_resumed_to_the_same_values(tmp_path: Path) -> None:
    made = pipeline(0, str(tmp_path / "trace"), slow=0)
    with Instance(home=tmp_path / "whole") as whole:
        run_id = execute_job(made, whole).run_id
        run, events = whole.get_run_by_id(run_id), list(whole.events(run_id))
    assert run is not None
    ended = [at for at, event in enumerate(events) if isinstance(event, ev.StepSucceeded)][-1]
    for cut in range(2, ended + 1):
        home = tmp_path / f"cut at {cut}"
        shutil.copytree(tmp_path / "whole" / "storage", home / "storage")
        with Instance(home=home) as instance:
            log = instance.open_log(instance.create_run(replace(run, status=RunStatus.NOT_STARTED)))
            log.events.extend([*events[:cut], ev.RunFailed(events[cut].time, "made")])
            log.close()
            options = ReexecutionOptions.from_failure(run_id, instance)
            rest = execute_job(made, instance, reexecution_options=options, raise_on_error=True)
            assert rest.is_node_success("total"), cut
            check_result(rest)
        shutil.rmtree(home)
