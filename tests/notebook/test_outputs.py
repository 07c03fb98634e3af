"""What cells print and show is kept as a terminal shows it, in linear time and within bounds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobnb.notebook.exports import coloured
from jobnb.notebook.headless import execute_notebook
from jobnb.notebook.outputs import LIMIT, Line, NotebookOutputs


def outputs_of(path: Path, cell: int = 0) -> list:
    return nbformat.read(path, 4).cells[cell].outputs


def text_of(outputs: list, name: str = "stdout") -> str:
    return "".join(each.text for each in outputs if each.get("name") == name)


# --- a line as a terminal has it


def on_a_terminal(text: str) -> str:
    """One character after the other."""
    lines: list[list[str]] = [[]]
    at = 0
    for character in text:
        if character == "\n":
            lines.append([])
            at = 0
        elif character == "\r":
            at = 0
        elif character == "\b":
            at = max(0, at - 1)
        else:
            lines[-1][at : at + 1] = [character]
            at += 1
    return "\n".join("".join(line) for line in lines)


@given(st.lists(st.text(alphabet="ab\n\r\bé", max_size=12), max_size=6))
def test_returns_and_backspaces_write_over_as_on_a_terminal(parts):
    line = Line()
    assert "".join(map(line.write, parts)) + line.take() == on_a_terminal("".join(parts))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0123456789\r\x1b[Kabc", "abc"),
        ("0123456789\r\x1b[2Kabc", "abc"),
        ("0123\b\b\x1b[Kx", "01x"),
        ("\x1b[31mred\x1b[0m\rX", "\x1b[0mXed"),
        ("\x1b[32m#\x1b[0m 1 %\r\x1b[32m##\x1b[0m 2 %", "\x1b[32m##\x1b[0m 2 %"),
        ("a\x1b", "a\x1b"),
        ("kept\r\n", "kept\n"),
    ],
)
def test_colours_have_no_width_and_what_is_erased_is_gone(text, shown):
    line = Line()
    assert line.write(text) + line.take() == shown


def test_the_end_of_a_very_long_line_can_be_written_over():
    line = Line()
    text = "".join(map(line.write, ["x" * 1_000_000, "\r", "y" * 300_000, "\bz", "\n"]))
    assert text.endswith("yz\n")
    assert len(text) <= 1_300_001


# --- bounds


def test_the_beginning_and_the_end_of_a_long_text_are_kept_and_the_rest_is_counted():
    outputs = NotebookOutputs(limit=1000)
    cell = outputs.begin()
    for number in range(100_000):
        cell.print("stdout", f"line {number}\n")
    (node,) = outputs.end(cell)
    before, _, after = node.text.partition("[... ")
    assert before.startswith("line 0\nline 1\n")
    assert after.endswith("line 99998\nline 99999\n")
    assert len(node.text) < 1200
    kept = before + after.partition(" ...]\n")[2]
    lost = sum(len(f"line {number}\n") for number in range(100_000)) - len(kept)
    assert f"{lost:,} characters in {100_000 - kept.count('line'):,} lines left out" in node.text
    assert all(line.startswith("line ") for line in kept.splitlines())


@given(st.lists(st.integers(0, 90), max_size=30), st.integers(2, 60))
@example([0, 2], 4)
def test_nothing_within_the_limit_is_lost_and_nothing_beyond_is_kept(sizes, limit):
    outputs = NotebookOutputs(limit)
    cell = outputs.begin()
    written = ""
    for number, size in enumerate(sizes):
        cell.print("stdout", part := chr(97 + number % 26) * size + "\n")
        written += part
    text = text_of(outputs.end(cell))
    if len(written) <= limit:
        assert text == written
    else:
        head, _, rest = text.partition("[... ")
        head = head if written.startswith(head) else head[:-1]
        tail = rest.partition(" ...]\n")[2]
        assert written.startswith(head)
        assert written.endswith(tail)
        # The break before the words about what is left out may look like one of the cell's.
        assert len(head) + len(tail) <= limit + head.endswith("\n")


def test_all_cells_together_are_bounded_and_each_still_tells_something():
    outputs = NotebookOutputs(limit=1000)
    lengths = []
    for _ in range(100):
        cell = outputs.begin()
        cell.print("stdout", "x" * 100_000)
        lengths.append(len(outputs.end(cell)[0].text))
    assert lengths[0] > 1000
    assert 50 < lengths[-1] < 200
    assert sum(lengths) < 40_000


# --- real kernels

CELLS = {
    "one line": "print('x' * 1_000_000)",
    "a longer line": "print('a' + 'x' * 10_000_000 + 'z')",
    "both streams": (
        "import sys\nfor i in range(30_000): print('line', i, 'x' * 100)\n"
        "for i in range(30_000): print('problem', i, 'x' * 100, file=sys.stderr)"
    ),
    "pictures": (
        "from IPython.display import HTML, clear_output, display\nprint('before')\n"
        "for i in range(1500): display(i)\nprint('after')"
    ),
    "between": (
        "print(1)\ndisplay('a')\nprint(2, end='')\nprint('e', file=sys.stderr)\n"
        "display('b')\nprint(3)"
    ),
    "progress": (
        "h = display(0, display_id=True)\nfor i in range(500): h.update(i)\n"
        "for i in range(500): print(f'\\r{i} of 500', end='', file=sys.stderr, flush=True)"
    ),
    "cleared": "for i in range(500):\n    clear_output(wait=True)\n    print(i)",
    "named": "n = display(1, display_id=True)\ndisplay(1, display_id=n.display_id);",
    "renamed": "n.update('new');",
    "widget": (
        "import ipywidgets as w\nout = w.Output()\nwith out:\n"
        "    for i in range(500): print('in', i, flush=True)\nprint('below')"
    ),
    "of the widget": "print(len(out.outputs), repr(out.outputs[0]['text'][-7:]))",
}


def executed_in(folder: Path, cells: list[str], **options) -> list[list]:
    """Executes cells; the outputs of each."""
    from nbformat.v4 import new_code_cell, new_notebook

    path, out = folder / "nb.ipynb", folder / "out.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
    outcome = execute_notebook(path, output=out, **options)
    assert outcome.success, outcome.problem
    return [cell.outputs for cell in nbformat.read(out, 4).cells]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list]:
    """The outputs of all cells above, executed in one kernel."""
    outputs = executed_in(tmp_path_factory.mktemp("outputs"), list(CELLS.values()))
    return dict(zip(CELLS, outputs, strict=True))


def data_of(outputs: list) -> list[str]:
    return [each.data["text/plain"] for each in outputs if "data" in each]


def test_a_long_line_is_kept_whole_and_a_longer_one_at_both_ends(found):
    assert text_of(found["one line"]) == "x" * 1_000_000 + "\n"
    text = text_of(found["a longer line"])
    assert text.startswith("ax")
    assert text.endswith("xz\n")
    assert "[... 8,000,003 characters left out here" in text
    assert len(text) < LIMIT + 200


def test_many_lines_on_both_streams_are_kept_at_both_ends(found):
    outputs = found["both streams"]
    assert [each.name for each in outputs] == ["stdout", "stderr"]
    for name, word, last in (("stdout", "line", 29_999), ("stderr", "problem", 29_999)):
        text = text_of(outputs, name)
        assert text.startswith(f"{word} 0 {'x' * 100}\n{word} 1 x")
        assert text.endswith(f"\n{word} {last} {'x' * 100}\n")
        assert len(text) < LIMIT + 200


def test_many_pictures_are_kept_at_both_ends_in_their_places(found):
    outputs = found["pictures"]
    shown = data_of(outputs)
    assert shown[:3] == ["0", "1", "2"]
    assert shown[-1] == "1499"
    assert shown[500].startswith("[... 500 outputs left out here")
    assert len(shown) == 1001
    assert (outputs[0].text, outputs[-1].text) == ("before\n", "after\n")


def test_texts_stand_between_the_pictures_they_were_printed_between(found):
    kinds = [each.get("text") or each.data["text/plain"] for each in found["between"]]
    assert kinds == ["1\n", "'a'", "2", "e\n", "'b'", "3\n"]


def test_progress_that_is_shown_over_and_over_leaves_its_last_state(found):
    assert data_of(found["progress"]) == ["499"]
    assert text_of(found["progress"], "stderr") == "499 of 500"
    assert text_of(found["cleared"]) == "499\n"


def test_a_later_cell_can_replace_what_an_earlier_one_displays(found):
    assert data_of(found["named"]) == ["'new'", "'new'"]


def test_an_output_widget_takes_in_much_and_the_kernel_hears_of_it(found):
    assert text_of(found["widget"]) == "below\n"
    assert text_of(found["of the widget"]) == "1 'in 499\\n'\n"


def test_what_is_larger_than_a_low_limit_is_left_out_but_for_a_single_picture(tmp_path):
    show = "from IPython.display import HTML, display\ndisplay(HTML('x' * 100_000))"
    update = "for h in [display(i, display_id=True) for i in range(50)]: h.update('x' * 10_000)"
    one, updated = executed_in(tmp_path, [show, update], output_limit=10_000)
    assert len(one[0].data["text/html"]) == 100_000
    assert sum(map(len, data_of(updated))) < 110_000
    assert any("outputs left out" in each for each in data_of(updated))


def test_a_long_error_is_told_shortly_everywhere(write, tmp_path):
    names = {name: tmp_path / f"o.{name}" for name in ("html", "junit")}
    out = tmp_path / "out.ipynb"
    path = write("raise ValueError('a' + 'x' * 5_000_000 + 'z')")
    outcome = execute_notebook(path, output=out, **names)
    assert len(outcome.problem) < 3000
    assert outcome.failed_cell.error.message.startswith("axx")
    assert outcome.failed_cell.error.message.endswith("xxz")
    assert "characters left out" in outcome.problem
    assert all(each.stat().st_size < 1_000_000 for each in (out, *names.values()))


def test_what_a_kernel_sent_before_it_died_is_kept(write, tmp_path):
    out = tmp_path / "out.ipynb"
    code = "import os, time\nfor i in range(2000): print(i, flush=True)\ntime.sleep(3)\nos._exit(0)"
    assert execute_notebook(write(code), output=out).exit_code == 1
    assert text_of(outputs_of(out)) == "".join(f"{i}\n" for i in range(2000))


FLOODS = {
    "flushed lines": "while True: print('x' * 100, flush=True)",
    "displays": "from IPython.display import display\nwhile True: display(1)",
    "stubborn": (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: print('x' * 100)"
    ),
}


def room(seconds: float) -> float:
    """So much time, and as many times more as there are processes that wait for a core."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def started(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "jobnb.cli", "execute", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("flood", FLOODS)
def test_a_signal_ends_a_flood_in_seconds_and_what_came_out_is_kept(write, tmp_path, flood):
    out, pid = tmp_path / "out.ipynb", tmp_path / "pid"
    head = f"import os, pathlib; pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
    process = started(write("1", head + FLOODS[flood], "2"), "-o", out)
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    _, told = process.communicate(timeout=room(60))
    assert time.monotonic() - begun < room(8)  # five seconds on a machine with nothing else to do
    assert process.returncode == 130
    # The kernel's libraries may have warned on the same stream as their sockets went.
    assert "\njobnb: Interrupted in cell [2]" in "\n" + told
    assert len(outputs_of(out, 1)) >= 1
    assert not psutil.pid_exists(int(pid.read_text()))


def test_a_time_limit_ends_a_flood_too(write, tmp_path):
    out = tmp_path / "out.ipynb"
    process = started(write("while True: print('x' * 100)"), "-o", out, "--cell-timeout", 2)
    while not process.stdout.readline().startswith("[1/1]"):
        assert process.poll() is None
    begun = time.monotonic()
    _, told = process.communicate(timeout=room(60))
    assert time.monotonic() - begun < room(12)  # seven on a machine with nothing else to do
    assert process.returncode == 1
    assert "took longer than 2 s and was interrupted." in told
    assert text_of(outputs_of(out)).startswith("xxx")


def test_a_signal_while_the_kernel_starts_ends_it_at_once(write, tmp_path):
    out = tmp_path / "out.ipynb"
    process = started(write("1"), "-o", out)
    assert process.stdout.readline().startswith("nb.ipynb: 1 cell")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told == "jobnb: Interrupted while its kernel started.\n"
    assert outputs_of(out) == []
    assert sorted(os.listdir(tmp_path)) == ["nb.ipynb", "out.ipynb"]


def test_memory_stays_bounded_and_all_cells_are_executed(write, tmp_path):
    cells = ["for i in range(2_000): print('x' * 499)"] * 10
    process = started(write(*cells), "-o", tmp_path / "out.ipynb", "--output-limit", 100_000)
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    process.communicate()
    assert process.returncode == 0
    assert peak < 200_000_000
    assert (tmp_path / "out.ipynb").stat().st_size < 3_500_000


def test_a_page_of_many_coloured_lines_takes_linear_time_and_keeps_the_colours():
    line = "\x1b[31mred\x1b[0m plain \x1b[1;32mbold\x1b[0m\n"
    begun = time.monotonic()
    page = coloured(line * 40_000)
    assert time.monotonic() - begun < room(30)  # it took minutes
    assert page.count("ansi-red-fg") == page.count("ansi-bold") == 40_000
    text = re.sub("<[^>]*>", "", page)
    assert text == "red plain bold\n" * 40_000


@given(
    st.lists(
        st.sampled_from(["\x1b[31m", "\x1b[1m", "\x1b[0m", "\x1b[42m", "a<b", "word\n", "x" * 90]),
        max_size=60,
    )
)
def test_pieces_of_a_coloured_text_look_as_the_whole_does(parts):
    from nbconvert.filters import ansi2html

    def look(html):  # each character with the classes it stands in
        found = re.findall(r'<span class="([^"]*)">(.*?)</span>|([^<]+)', html, re.DOTALL)
        return [(kind, each) for kind, inner, bare in found for each in inner or bare]

    text = "".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobnb.notebook.exports._PIECE", 100)
        assert look(coloured(text)) == look(ansi2html(text))
