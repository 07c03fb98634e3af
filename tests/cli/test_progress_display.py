"""The same happenings, as plain lines and as bars."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from jobnb import ErrorInfo, RunState, fold
from jobnb.automation.backfill_progress import BackfillProgress
from jobnb.cli.progress_display import BarProgress, LineProgress, ProgressDisplay, progress_display
from jobnb.events import (
    AssetCheckEvaluated,
    RunFailed,
    RunStarted,
    RunSucceeded,
    StepFailed,
    StepProgressed,
    StepStarted,
    StepSucceeded,
)
from jobnb.notebook.outcome import (
    BackfillOutcome,
    CellError,
    CellOutcome,
    CellStatus,
    NotebookOutcome,
    RunOutcome,
    Verdict,
)
from jobnb.notebook.side_channel import line_of


def play(progress, steps=2):
    """A notebook of two cells; its run has `steps` steps, of which the last fails."""
    keys = tuple(f"step_{number}" for number in range(steps))
    run = RunOutcome("r1", "daily", RunState(), 1)
    with progress:
        progress.began("nb.ipynb", 2)
        progress.cell_began(1, "[red]daily()")
        fold([RunStarted(1.0, "daily", keys)], run.state)
        progress.run_changed(run, [])
        for key in keys[:-1]:
            events = [StepStarted(1.0, key), StepSucceeded(2.0, key, 1.0)]
            fold(events, run.state)
            progress.run_changed(run, [run.state.steps[key]])
        fold([StepFailed(3.0, keys[-1], ErrorInfo("ValueError", "[bold]no"), 0.5)], run.state)
        progress.run_changed(run, [run.state.steps[keys[-1]]])
        fold([RunFailed(4.0, "daily", (keys[-1],))], run.state)
        progress.run_changed(run, [])
        cell = CellOutcome(1, "[red]daily()", CellStatus.FAILED, 3.0, CellError("E", "[x]"))
        progress.cell_ended(cell)
        outcome = NotebookOutcome(Path("nb.ipynb"), None, [cell], [run], Verdict.FAILURE, "no")
        progress.ended(outcome)


def test_lines_tell_cells_steps_and_the_end(capsys):
    play(LineProgress())
    assert capsys.readouterr().out.splitlines() == [
        "nb.ipynb: 2 cells",
        "[1/2] [red]daily()",
        "    run r1 of daily: 2 steps",
        "      step_0 succeeded in 1.0 s",
        "      step_1 failed in 0.5 s: ValueError: [bold]no",
        "    run of daily: failed in 3.0 s",
        "    failed: E: [x]",
        "nb.ipynb: failure, 0 of 1 cell, 1 run, 0.0 s",
    ]


def test_many_steps_make_few_lines(capsys):
    play(LineProgress(), steps=1000)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 25
    assert any("step_999 failed" in line for line in lines)
    assert any("500/1000 steps" in line for line in lines)


def play_backfill(progress, total=100):
    """A backfill of one partition after the other, of which the last fails."""
    told = BackfillOutcome("b1", "[red]days", "REQUESTED", BackfillProgress(total))
    with progress:
        for made in range(total):
            told.counts = BackfillProgress(total, made=made)
            progress.backfill_changed(told)
        told.counts = BackfillProgress(total, made=total - 1, failed=1)
        told.status, told.seconds = "FAILED", 3.0
        told.failures = ["days, partition z: ValueError: [bold]no"]
        progress.backfill_changed(told)
        outcome = NotebookOutcome(Path("nb.ipynb"), None, backfills=[told, told])
        progress.ended(outcome)


def test_a_backfill_makes_a_line_for_each_tenth(capsys):
    play_backfill(LineProgress())
    first, *tenths, failed, last, end = capsys.readouterr().out.splitlines()
    assert first == "    backfill b1 of [red]days: 100 partitions"
    assert [line.split()[0] for line in tenths] == [str(n) for n in range(10, 100, 10)]
    assert tenths[4] == "      50 of 100 partitions done (50%): 50 made"
    assert failed == "      failed: days, partition z: ValueError: [bold]no"
    assert last.startswith("    backfill b1 of [red]days: failed in 3.0 s, 100 of 100 partitions")
    assert end == "nb.ipynb: success, 0 of 0 cells, 2 backfills, 0.0 s"


def test_a_backfill_has_a_bar_and_leaves_what_came_of_it():
    progress = BarProgress()
    screen = io.StringIO()
    progress._bars.live.console = Console(file=screen, force_terminal=True, width=120)
    play_backfill(progress)
    shown = screen.getvalue()
    assert "backfill of [red]days" in shown
    assert "failed: days, partition z: ValueError: [bold]no" in shown
    assert "99 made, 1 failed" in shown


def test_bars_show_the_same_and_read_no_markup():
    progress = BarProgress()
    screen = io.StringIO()
    progress._bars.live.console = Console(file=screen, force_terminal=True, width=100)
    play(progress)
    shown = screen.getvalue()
    assert "step_1 failed in 0.5 s: ValueError: [bold]no" in shown
    assert "daily: failed, 2 steps in 3.0 s" in shown
    assert "[1] [red]daily()" in shown


def play_checks(progress):
    """A run that makes three checks, of which one fails and one warns."""
    run = RunOutcome("r1", "daily", RunState(), 1)
    said = [
        AssetCheckEvaluated(2.0, "x", ("mart", "orders"), "good", True),
        AssetCheckEvaluated(2.0, "y", ("mart", "orders"), "bad", False, "ERROR", "[red]none"),
        AssetCheckEvaluated(2.0, "z", ("prices",), "odd", False, "WARN"),
    ]
    with progress:
        progress.began("nb.ipynb", 1)
        fold([RunStarted(1.0, "daily", ("x", "y", "z")), *said], run.state)
        fold([RunSucceeded(4.0, "daily")], run.state)
        progress.run_changed(run, [])


CHECKED = [
    "check mart/orders:bad failed: [red]none",
    "check prices:odd warned",
    "1 of 3 checks passed",
]


def test_checks_that_did_not_pass_are_told_at_the_end_of_a_run(capsys):
    play_checks(LineProgress())
    assert [line.strip() for line in capsys.readouterr().out.splitlines()][-4:-1] == CHECKED
    progress, screen = BarProgress(), io.StringIO()
    progress._bars.live.console = Console(file=screen, force_terminal=True, width=100)
    play_checks(progress)
    assert all(line in screen.getvalue() for line in CHECKED)


def test_the_kernel_tells_of_checks():
    events = [AssetCheckEvaluated(2.0, "x", ("orders",), "good", True)]
    assert b"good" in line_of("r1", "daily", events)


def test_the_quiet_face_keeps_still(capsys):
    play(ProgressDisplay())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("quiet", "kind"), [(True, ProgressDisplay), (False, LineProgress)])
def test_what_is_no_terminal_gets_lines(quiet, kind, capsys):
    assert type(progress_display(quiet=quiet)) is kind


def test_a_terminal_gets_bars(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert type(progress_display()) is BarProgress


def test_how_far_the_running_step_says_it_is_stands_in_the_terminal():
    progress, screen = BarProgress(), io.StringIO()
    progress._bars.live.console = Console(file=screen, force_terminal=True, width=100)
    channel_line = line_of("r1", "daily", [StepProgressed(2.0, "load", 4, 10, "[red]rows")])
    assert b"[red]rows" in channel_line
    run = RunOutcome("r1", "daily", RunState(), 1)
    told = [StepStarted(1.0, "load"), StepProgressed(2.0, "load", 4, 10, "[red]rows")]
    with progress:
        progress.began("nb.ipynb", 1)
        fold([RunStarted(1.0, "daily", ("load",)), *told], run.state)
        progress.run_changed(run, list(run.state.steps.values()))
        progress._bars.refresh()
    assert "daily: load: 4 of 10 · [red]rows" in screen.getvalue()
