"""Code that never ends does not hold up whoever loads its definitions."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

import jobnb
from jobnb.errors import InvalidInvocationError, LoadTimeoutError
from jobnb.notebook.code_locations import open_locations
from jobnb.notebook.code_source import CodeSource
from jobnb.notebook.load_limit import LoadLimit, load_seconds
from jobnb.notebook.location import load_definitions
from tests.notebook.conftest import write

__all__ = ["write"]

DEFINES = "from jobnb import job, op\n@op\ndef hello(): ...\n@job\ndef greet():\n    hello()\n"
ENDLESS = {
    "a call that sleeps": "import time\ntime.sleep(600)",
    "a busy loop": "while True:\n    pass",
    "a function that waits": (
        "import threading\ndef wait():\n    threading.Event().wait()\n\nwait()"
    ),
}
AT = {"a call that sleeps": "2", "a busy loop": "[12]", "a function that waits": "3"}


@pytest.fixture(autouse=True)
def _as_before():
    before = (os.getcwd(), list(sys.path), sys.modules["__main__"], jobnb.session, sys.stdout,
              signal.getsignal(signal.SIGINT))  # fmt: skip
    yield
    after = (os.getcwd(), list(sys.path), sys.modules["__main__"], jobnb.session, sys.stdout,
             signal.getsignal(signal.SIGINT))  # fmt: skip
    assert after == before


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_cell_that_never_ends_is_interrupted_and_named(kind, write):
    path = write(DEFINES, ENDLESS[kind])
    with pytest.raises(LoadTimeoutError) as told:
        load_definitions(path, limit=LoadLimit(1))
    words = str(told.value)
    place = rf"{path.name}, cell \[2\], line {AT[kind]} did not end within 1 s\. "
    assert told.match(place + "Tag the cells that its definitions do not need 'explore', or allow")
    assert "--load-timeout SECONDS or JOBNB_LOAD_TIMEOUT" in words
    assert "\n" not in words


@pytest.mark.parametrize("kind", ["a call that sleeps", "a busy loop"])
def test_a_thread_that_loads_goes_on_too(kind, write):
    path, told = write(DEFINES, ENDLESS[kind].replace("600", "6")), []

    def load():
        try:
            load_definitions(path, limit=LoadLimit(0.5))
        except LoadTimeoutError as error:
            told.append(str(error))

    thread = threading.Thread(target=load)
    thread.start()
    thread.join(60)
    assert f"cell [2], line {2 if 'sleep' in kind else ''}" in told[0]
    deadline = time.monotonic() + 60  # no more of it goes on than must
    while any(each.name == "jobnb load" for each in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_module_that_never_ends_is_given_up_too(tmp_path):
    (tmp_path / "endless_shop.py").write_text(f"{DEFINES}\nimport time\ntime.sleep(600)\n")
    code = CodeSource(module="endless_shop", folder=tmp_path, limit=LoadLimit(1))
    with pytest.raises(LoadTimeoutError, match=r"endless_shop\.py, line 9 did not end within 1 s"):
        code.load()
    assert "endless_shop" not in sys.modules
    (tmp_path / "endless_shop.py").write_text(DEFINES)
    assert code.load().job_names == ["greet"]


def test_a_function_that_gives_the_definitions_has_the_limit_too(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text("import time\ndef defs():\n    time.sleep(600)\n")
    with pytest.raises(LoadTimeoutError, match=r"shop\.py, line 3 did not end"):
        load_definitions(path, "defs", limit=LoadLimit(1))


def test_a_loop_goes_on_with_the_definitions_of_before(tmp_path, caplog):
    path = tmp_path / "shop.py"
    path.write_text(DEFINES)
    instance, [location] = open_locations([CodeSource(path, limit=LoadLimit(1))])
    with instance:
        assert location.definitions().job_names == ["greet"]
        path.write_text(DEFINES + "while True: pass\n")
        assert location.definitions().job_names == ["greet"]
        assert "its old definitions stay in use" in caplog.text
        assert "shop.py, line 7 did not end within 1 s" in caplog.text
        path.write_text(DEFINES.replace("greet", "welcome"))
        assert location.definitions().job_names == ["welcome"]


def test_what_ends_in_time_is_not_disturbed_and_ctrl_c_is_ctrl_c(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(DEFINES)
    for _ in range(20):
        assert load_definitions(path, limit=LoadLimit(60)).job_names == ["greet"]
    path.write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)")
    with pytest.raises(KeyboardInterrupt, match=r"Loading .*shop\.py was interrupted\."):
        load_definitions(path)


def test_a_call_that_no_signal_reaches_ends_the_process_of_a_command(tmp_path):
    left, path = threading.Event(), tmp_path / "shop.py"
    # The library waits for a lock of C, as many drivers of databases do.
    path.write_text("import builtins\nbuiltins.jobnb_test_waits()\n")

    def waits():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            assert left.wait(60)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    told = []

    def leave(words):
        told.append(words)
        left.set()

    import builtins

    builtins.jobnb_test_waits = waits
    try:
        with pytest.raises(LoadTimeoutError):
            load_definitions(path, limit=LoadLimit(0.5, leave))
    finally:
        del builtins.jobnb_test_waits
    assert "shop.py, line 2 did not end within 0.5 s" in told[0]


def test_the_environment_says_how_long_loading_may_take(monkeypatch):
    assert load_seconds() == 120
    monkeypatch.setenv("JOBNB_LOAD_TIMEOUT", "7.5")
    assert load_seconds() == 7.5
    for wrong in ("soon", "0", "-1", "inf", "nan"):
        monkeypatch.setenv("JOBNB_LOAD_TIMEOUT", wrong)
        with pytest.raises(InvalidInvocationError, match=f"JOBNB_LOAD_TIMEOUT is '{wrong}': give"):
            load_seconds()
