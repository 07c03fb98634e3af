"""A database that restarts while the loop goes on: no tick and no run is lost or doubled."""

from __future__ import annotations

import subprocess

import pytest

from jobnb import Instance, StorageError
from jobnb.storage.ticks import live_loops
from tests.automation.place import START, Clock, loop_on
from tests.automation.test_killed_loop import (
    DAY,
    STEP,
    Killed,
    Killer,
    outcome_of,
    undisturbed,
)
from tests.postgres import Server, find_programs, serving

pytestmark = pytest.mark.timeout(300)


class Restarted:
    """A server that goes away at some steps of ticks, and comes back a moment later.

    It writes down first what it has in memory: these servers do not before they say so.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.options = (server.folder / "data" / "postmaster.opts").read_text().split(None, 1)[1]
        self.to_come = ["decided", "claimed", "evaluated", "launched", "ending", "ended", "decided"]
        self.is_away = False

    def reached(self, step: str) -> None:
        if self.is_away:
            if step == "ending":  # in time for it to be noted how the tick has ended
                self.come_back()
        elif self.to_come and step == self.to_come[0]:
            self.to_come.pop(0)
            _control(self.server, "stop", "-m", "fast")
            self.is_away = True

    def come_back(self) -> None:
        if self.is_away:
            _control(self.server, "start", "-o", self.options.replace('"', "'"))
            self.is_away = False


def _control(server: Server, *what: str) -> None:
    owner = (server.folder / "data").stat().st_uid
    subprocess.run(
        [find_programs() / "pg_ctl", "-D", server.folder / "data", "-w", "-t", "60",
         "-l", server.folder / "log", *what],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=90,
        user=owner, cwd=server.folder,
    )  # fmt: skip


def test_a_server_that_restarts_at_any_step_costs_no_tick_and_no_run(tmp_path):
    days, refused = 1.5, 0
    with serving() as server:
        restarted = Restarted(server)
        try:
            with Instance(home=tmp_path / "home", url=server.new_schema()) as instance:
                clock = Clock()
                loop = loop_on(instance, clock, reached=restarted.reached)
                while clock.now < START + days * DAY:
                    try:
                        loop.round()
                    except StorageError:  # as a loop that goes on by itself, again
                        restarted.come_back()
                        refused += 1
                        continue
                    clock.now += STEP
                assert outcome_of(instance) == undisturbed(days)
        finally:
            restarted.come_back()
            _control(server, "stop", "-m", "immediate")
    assert not restarted.to_come
    assert refused >= 4


def test_two_loops_that_are_killed_outlive_restarts_of_the_server(tmp_path):
    days, refused, killer = 2, 0, Killer(seed=5, every=8)
    with serving() as server:
        restarted = Restarted(server)
        restarted.to_come = ["claimed", "launched", "decided"]

        def reached(step):
            restarted.reached(step)
            killer.reached(step)

        try:
            with Instance(home=tmp_path / "home", url=server.new_schema()) as instance:
                clock = Clock()

                def fresh():
                    return loop_on(instance, clock, reached=reached, start=killer.start)

                going = [fresh(), fresh()]
                while clock.now < START + days * DAY:
                    for place in (0, 1):
                        while True:
                            try:
                                going[place].round()
                                break
                            except Killed:
                                live_loops.discard(going[place].holder.loop_id)
                                going[place] = fresh()
                            except StorageError:
                                restarted.come_back()
                                refused += 1
                    clock.now += STEP
                assert outcome_of(instance) == undisturbed(days)
        finally:
            restarted.come_back()
            _control(server, "stop", "-m", "immediate")
    assert not restarted.to_come
    assert refused >= 2
    assert sum(killer.kills.values()) > 20
