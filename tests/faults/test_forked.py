"""A copy of the process (a fork) neither writes, nor closes, nor ends its parent's run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from jobnb import EventType, Instance
from tests.storage.place import Place

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")

PROGRAM = """
    import multiprocessing, os, sys, time
    from pathlib import Path
    from jobnb import (Instance, IOManager, Out, Output, Session, StaticPartitionsDefinition,
                       asset, execute_job, in_process_executor, io_manager, job, materialize, op,
                       resource, success_hook)
    home, way, place, deed = Path(sys.argv[1]), *sys.argv[2:5]
    journal = home.parent / "journal"

    def note(what):
        with journal.open("a") as file:
            file.write(f"{what} {'parent' if os.getpid() == parent else 'child'}\\n")

    parent = os.getpid()

    def fork(here):
        if here != place:
            return
        if deed.startswith("multiprocessing"):
            context = multiprocessing.get_context("fork")
            if deed == "multiprocessing pool":
                with context.Pool(2) as pool:
                    assert pool.map(abs, [-1, -2]) == [1, 2]
                    try:
                        pool.map(int, ["x"])
                    except ValueError:
                        pass
                return
            child = context.Process(target=work)
            child.start()
            child.join(60)
            assert child.exitcode == 1, child.exitcode
            return
        child = os.fork()
        if child:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            note(f"code {code}")
            return
        time.sleep(0.06)  # a commit would be due
        if deed == "raises":
            raise ValueError("in the child")
        if deed == "exits":
            sys.exit(3)
        if deed == "interrupted":
            raise KeyboardInterrupt

    def work():
        from jobnb.execution.run import current_run
        current_run.get().log.info("from the child")
        raise ValueError("in the child")

    @resource
    def connection(context):
        note("opened")
        fork("resource")
        try:
            yield "connection"
        finally:
            note("closed")

    class Manager(IOManager):
        def handle_output(self, context, obj):
            note("stored")
            fork("manager")
        def load_input(self, context):
            note("loaded")
            return 1

    @io_manager
    def manager(context):
        return Manager()

    @success_hook
    def told(context):
        note("told")
        fork("hook")

    @op(required_resource_keys={"connection"})
    def first(context):
        fork("op")
        return 1

    @op
    def second(first):
        fork("generator")
        yield Output(2)
        note("generated")

    @op
    def third(second):
        note("third")
        return 3

    resources = {"connection": connection, "io_manager": manager}

    @job(resource_defs=resources, hooks={told})
    def daily():
        third(second(first()))

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]),
           required_resource_keys={"connection"})
    def letters(context):
        if context.partition_key == "a":
            fork("op")
        return 1

    def main():
        if way == "local_temp":
            instance = Instance.local_temp()
        else:
            instance = Instance.from_home(home)
        if way == "execute_job":
            assert execute_job(daily, instance).success
        elif way == "launch":
            assert daily.launch(instance=instance).result(timeout=60).success
        elif way == "backfill":
            session = Session().add(letters, resources=resources)
            backfill = session.backfill("letters", instance=instance)
            assert backfill.result(timeout=60).made == 2
        elif way == "ephemeral":
            with Instance.ephemeral() as other:
                assert execute_job(daily, other).success
                (run,) = other.get_runs()
                assert run.is_success
        else:
            assert daily.execute_in_process(instance=instance).success
        assert Path(instance.root_directory).is_dir()
        instance.dispose()
        note("ended")

    main()
"""


def run(home: Place, way: str, place: str, deed: str) -> tuple[Counter[str], str]:
    """What was noted, and what was printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(home.home), way, place, deed],
        capture_output=True, text=True, timeout=120, env=home.environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    journal = (home.home.parent / "journal").read_text().splitlines()
    return Counter(journal), done.stderr


DEEDS = ["returns", "raises", "exits", "interrupted", "multiprocessing", "multiprocessing pool"]
ONCE = {"opened parent", "closed parent", "third parent", "generated parent", "ended parent"}
CODES = {"exits": 3}


def check_one_run(home: Place) -> None:
    with home.open() as instance:
        (record,) = instance.get_runs()
        assert record.is_success
        kinds = Counter(event.event_type for event in instance.events(record.run_id))
        assert kinds[EventType.RUN_START] == kinds[EventType.RUN_SUCCESS] == 1
        assert kinds[EventType.STEP_START] == kinds[EventType.STEP_SUCCESS] == 3
        assert kinds[EventType.STEP_FAILURE] == kinds[EventType.RUN_FAILURE] == 0
        assert not [e for e in instance.events(record.run_id) if "child" in e.message]


CASES = [
    *(("execute_job", deed) for deed in DEEDS),
    ("execute_in_process", "raises"),
    *(("launch", deed) for deed in ("returns", "raises", "exits", "multiprocessing")),
]


@pytest.mark.parametrize(("way", "deed"), CASES)
def test_a_copy_in_an_op_leaves_the_run_to_its_parent(tmp_path: Path, way: str, deed: str) -> None:
    check_op(Place(tmp_path / "home", None), way, deed)


def test_a_copy_in_an_op_leaves_a_run_on_a_server_to_its_parent(
    database: str, tmp_path: Path
) -> None:
    check_op(Place(tmp_path / "home", database), "execute_job", "raises")


def check_op(place: Place, way: str, deed: str) -> None:
    noted, printed = run(place, way, "op", deed)
    check_one_run(place)
    assert not [line for line in noted if line.endswith("child")]
    assert {line for line, count in noted.items() if count == 1} >= ONCE
    assert noted["stored parent"] == noted["told parent"] == 3
    if not deed.startswith("multiprocessing"):
        assert noted[f"code {CODES.get(deed, 1)} parent"] == 1, (noted, printed)
    if deed == "returns":
        assert "os._exit(0)" in printed
    if deed == "raises":
        assert "in the child" in printed


@pytest.mark.parametrize("where", ["resource", "manager", "hook", "generator"])
@pytest.mark.parametrize("deed", ["returns", "raises"])
def test_a_copy_anywhere_in_the_users_code_leaves_the_run_to_its_parent(
    tmp_path: Path, where: str, deed: str
) -> None:
    home = Place(tmp_path / "home", None)
    noted, _ = run(home, "execute_job", where, deed)
    check_one_run(home)
    assert not [line for line in noted if line.endswith("child")]
    assert {line for line, count in noted.items() if count == 1} >= ONCE


@pytest.mark.parametrize("deed", ["returns", "raises"])
def test_a_copy_in_a_backfill_leaves_it_to_its_parent(tmp_path: Path, deed: str) -> None:
    place = Place(tmp_path / "home", None)
    noted, printed = run(place, "backfill", "op", deed)
    assert not [line for line in noted if line.endswith("child")]
    assert noted[f"code {CODES.get(deed, 1)} parent"] == 1, (noted, printed)
    with place.open() as instance:
        (backfill,) = instance.get_backfills()
        assert backfill.status.value == "COMPLETED"
        assert [each.is_success for each in instance.get_runs()] == [True, True]


@pytest.mark.parametrize("way", ["ephemeral", "local_temp"])
def test_a_copy_removes_no_folder_of_its_parent(tmp_path: Path, way: str) -> None:
    noted, _ = run(Place(tmp_path / "home", None), way, "op", "exits")
    assert {line for line, count in noted.items() if count == 1} >= ONCE


OWN_RUN = """
    import os, sys
    from jobnb import Instance, execute_job, job, op
    @op
    def one(): return 1
    @job
    def inner(): one()
    @op
    def forks(context):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                assert execute_job(inner, context.instance, tags={"by": "child"}).success
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
    @job
    def outer(): forks()
    with Instance(home=sys.argv[1]) as instance:
        assert execute_job(outer, instance, raise_on_error=True).success
"""


def test_a_copy_has_runs_of_its_own_in_the_same_home(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(OWN_RUN), str(tmp_path)], capture_output=True,
        text=True, timeout=120, env=Place(tmp_path, None).environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Instance(home=tmp_path) as instance:
        inner, outer = instance.get_runs()
        assert (inner.job_name, outer.job_name) == ("inner", "outer")
        assert inner.is_success
        assert outer.is_success
