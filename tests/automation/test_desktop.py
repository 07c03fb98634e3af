"""A failed run is told on the desktop, by the programs that desktops have."""

from __future__ import annotations

import os
import sys

import pytest

from jobnb import Instance, JobnbError, job, make_desktop_on_run_failure_sensor, op
from jobnb.automation.desktop import notify_desktop
from jobnb.definitions.automation.results import DefaultSensorStatus
from tests.automation.place import Clock, Definitions, loop_on

NASTY = '$(touch gone); "quoted" --help \n second line'


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program on the PATH that writes down its arguments."""

    def put(name, code=0):
        folder, said = tmp_path / "bin", tmp_path / "said"
        folder.mkdir(exist_ok=True)
        script = folder / name
        script.write_text(
            f'#!/bin/sh\nprintf "%s\\0" "$@" > "{said}"\necho "no bus" >&2\nexit {code}\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin")
        return lambda: said.read_text().split("\0")[:-1]

    return put


def test_linux_is_told_by_notify_send(program, monkeypatch):
    said = program("notify-send")
    monkeypatch.setattr(sys, "platform", "linux")
    notify_desktop("--title", NASTY)
    assert said() == ["--app-name=jobnb", "--", "--title", NASTY]
    notify_desktop("long", "x" * 1000)
    assert len(said()[-1]) == 400


def test_macos_is_told_by_osascript_with_the_texts_as_arguments(program, monkeypatch):
    said = program("osascript")
    monkeypatch.setattr(sys, "platform", "darwin")
    notify_desktop('"quoted"', NASTY)
    *script, title, text = said()
    assert (title, text) == ('"quoted"', NASTY)
    assert "quoted" not in "".join(script)


def test_a_desktop_that_is_not_there_or_does_not_answer_is_told(program, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    program("notify-send", code=3)
    with pytest.raises(JobnbError, match="could not tell of 'hello': no bus"):
        notify_desktop("hello", "")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(JobnbError, match=r"notify-send was not found.*notify="):
        notify_desktop("hello", "")


def test_a_failed_run_is_told_once_by_a_function_of_ones_own(tmp_path):
    @op
    def broken():
        raise ValueError("no data")

    @job
    def nightly():
        broken()

    told = []
    sensor = make_desktop_on_run_failure_sensor(
        lambda title, text: told.append((title, text)),
        default_status=DefaultSensorStatus.RUNNING,
    )
    with Instance(home=tmp_path / "home") as instance:
        clock = Clock()
        loop = loop_on(instance, clock, Definitions(jobs=[nightly], sensors=[sensor]))
        loop.round()
        nightly.execute_in_process(instance=instance, raise_on_error=False)
        for _ in range(3):
            clock.now += 60
            loop.round()
    [(title, text)] = told
    assert title == "nightly failed"
    assert "ValueError: no data" in text
