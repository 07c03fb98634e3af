"""`context.log`, loggers of a job, and `get_jobnb_logger`."""

from __future__ import annotations

import contextvars
import logging
import sys
import threading

import pytest

from jobnb import (
    Field,
    Instance,
    InvalidInvocationError,
    Session,
    get_jobnb_logger,
    job,
    logger,
    op,
    resource,
)
from jobnb.events import Logged


class Heard(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelname, record.getMessage()))


@pytest.fixture
def heard():
    return Heard()


def lines(result):
    return [(logging.getLevelName(e.level), e.text, e.step_key) for e in result.log_lines]


@op
def talks(context):
    context.log.debug("fine")
    context.log.info("%s of %s", 3, 4)
    context.log.log("WARNING", "by name")


def test_lines_of_every_level_are_kept_with_their_step():
    @job
    def single():
        talks()

    assert lines(single.execute_in_process()) == [
        ("DEBUG", "fine", "talks"),
        ("INFO", "3 of 4", "talks"),
        ("WARNING", "by name", "talks"),
    ]


def test_an_exception_is_logged_with_its_traceback():
    @op
    def caught(context):
        try:
            raise ValueError("inner")
        except ValueError:
            context.log.exception("it went wrong")

    @job
    def single():
        caught()

    (line,) = single.execute_in_process().log_lines
    assert line.text.startswith("it went wrong\nTraceback")
    assert "ValueError: inner" in line.text
    assert line.level == logging.ERROR


def test_arguments_that_do_not_fit_lose_nothing_and_fail_nothing():
    @op
    def sloppy(context):
        context.log.info("%d rows", "many")

    @job
    def single():
        sloppy()

    (line,) = single.execute_in_process().log_lines
    assert "'%d rows'" in line.text
    assert "do not fit" in line.text


def test_an_unknown_level_is_refused():
    @op
    def odd(context):
        context.log.log("LOUD", "x")

    @job
    def single():
        odd()

    with pytest.raises(InvalidInvocationError, match="'LOUD'"):
        single.execute_in_process()


# --- the console -------------------------------------------------------------

# Standard output stays the user's own; what is logged goes to stderr, as under Dagster.


@op
def noisy(context):
    context.log.debug("soft")
    get_jobnb_logger("mine").critical("loud")


@job
def single():
    noisy()


def console_lines(capfd):
    """What each line of the console tells, without its time; nothing is on standard output."""
    out, err = capfd.readouterr()
    assert out == ""
    return [line.split(" - ")[1:] for line in err.splitlines()]


def test_a_job_without_loggers_tells_each_line_once_on_stderr(capfd):
    found = single.execute_in_process()
    assert console_lines(capfd) == [
        ["jobnb", "DEBUG", "single", found.run_id, "noisy", "soft"],
        ["jobnb", "CRITICAL", "single", found.run_id, "noisy", "loud"],
    ]
    assert [each.text for each in found.log_lines] == ["soft", "loud"]


def test_config_sets_the_level_and_the_name_of_the_console(capfd):
    config = {"loggers": {"console": {"config": {"log_level": "ERROR", "name": "shop"}}}}
    single.execute_in_process(run_config=config)
    assert [line[:2] for line in console_lines(capfd)] == [["shop", "CRITICAL"]]


def test_logging_that_is_disabled_is_not_on_the_console(capfd):
    logging.disable(logging.CRITICAL)
    try:
        assert [each.text for each in single.execute_in_process().log_lines] == ["soft"]
    finally:
        logging.disable(logging.NOTSET)
    assert console_lines(capfd) == []


def test_a_job_with_loggers_has_no_other_console(capfd):
    @logger
    def quiet(_context):
        made = logging.getLogger("quiet")
        made.setLevel(logging.CRITICAL + 1)
        return made

    @job(logger_defs={"quiet": quiet})
    def hushed():
        noisy()

    hushed.execute_in_process()
    assert console_lines(capfd) == []


def test_a_background_run_keeps_its_lines_in_its_log(capfd):
    run = single.launch(instance=Instance.ephemeral()).wait(60)
    lines = [each for each in run.events() if isinstance(each, Logged)]
    assert [each.text for each in lines] == ["soft", "loud"]
    assert console_lines(capfd) == []


@pytest.mark.parametrize("executor", ["threads", "multiprocess"])
def test_lines_of_other_threads_and_processes_are_told_once(executor, capfd, tmp_path):
    with Session.capture() as session:
        session.add(single)
        session.home = str(tmp_path)
        session.show_progress = False
        found = session.execute_job("single", executor=executor)
    assert [line[-1] for line in console_lines(capfd)] == ["soft", "loud"]
    assert [each.text for each in found.log_lines] == ["soft", "loud"]


def test_a_kernel_has_the_lines_in_its_views_alone(capfd, monkeypatch):
    class Shell:
        kernel = "a kernel"

    class Ipython:
        get_ipython = Shell

    monkeypatch.setitem(sys.modules, "IPython", Ipython)
    single.execute_in_process()
    assert console_lines(capfd) == []


# --- loggers of the job ------------------------------------------------------


def to(handler):
    @logger({"level": Field(str, default_value="INFO")})
    def made(context):
        found = logging.Logger("mine", level=context.logger_config["level"])  # noqa: LOG001
        found.addHandler(handler)
        return found

    return made


def test_a_jobs_logger_hears_lines_from_its_level_on(heard):
    @job(logger_defs={"mine": to(heard)})
    def single():
        talks()

    single.execute_in_process()
    assert heard.lines == [("INFO", "3 of 4"), ("WARNING", "by name")]
    heard.lines.clear()
    single.execute_in_process(run_config={"loggers": {"mine": {"config": {"level": "WARNING"}}}})
    assert heard.lines == [("WARNING", "by name")]


def test_a_logger_that_cannot_be_made_ends_the_run_and_is_not_blamed_on_a_resource():
    @logger
    def bad(_context):
        raise ValueError("no logger")

    @job(logger_defs={"bad": bad})
    def single():
        talks()

    with Instance.ephemeral() as instance:
        with pytest.raises(ValueError, match="no logger"):
            single.execute_in_process(instance=instance)
        assert instance.get_runs()[0].is_failure


def test_a_logger_below_ours_hears_each_line_once(heard):
    """It hands what it hears up to the logger that runs listen to: no line may come round."""

    @logger
    def shared(_context):
        return get_jobnb_logger("shared")

    own = get_jobnb_logger("shared")
    own.addHandler(heard)
    try:

        @job(logger_defs={"shared": shared})
        def single():
            talks()

        result = single.execute_in_process()
    finally:
        own.removeHandler(heard)
    assert len(result.log_lines) == 3
    assert heard.lines.count(("INFO", "3 of 4")) == 1


# --- get_jobnb_logger --------------------------------------------------------


def test_lines_logged_anywhere_in_a_run_are_kept_even_below_warning(heard):
    @resource
    def made():
        get_jobnb_logger().info("from a resource")
        return 1

    @op(required_resource_keys={"made"})
    def far_away():
        get_jobnb_logger("clean").info("from afar")

    @job(resource_defs={"made": made}, logger_defs={"mine": to(heard)})
    def single():
        far_away()

    result = single.execute_in_process()
    assert [(e.text, e.step_key, e.logger) for e in result.log_lines] == [
        ("from a resource", None, "jobnb.builtin"),
        ("from afar", "far_away", "jobnb.builtin.clean"),
    ]
    assert ("INFO", "from afar") in heard.lines


def test_levels_and_handlers_are_as_before_after_a_run():
    root = logging.getLogger("jobnb")
    before = (root.level, list(root.handlers))

    @job
    def single():
        talks()

    single.execute_in_process()
    assert (root.level, list(root.handlers)) == before


def test_runs_at_once_keep_their_lines_apart():
    together = threading.Barrier(3, timeout=20)

    def job_called(name):
        @op(name=f"op_{name}")
        def talker():
            together.wait()
            get_jobnb_logger().warning(name)
            together.wait()

        @job(name=name)
        def single():
            talker()

        return single

    results = {}

    def run(name):
        results[name] = job_called(name).execute_in_process()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    together.wait()
    get_jobnb_logger().warning("from a cell meanwhile")
    together.wait()
    for thread in threads:
        thread.join()
    for name, result in results.items():
        assert [line.text for line in result.log_lines] == [name]


def test_a_line_of_a_thread_that_outlives_its_run_goes_to_no_other_run():
    ended, said = threading.Event(), threading.Event()
    late = contextvars.Context()

    @op
    def leaves_a_thread():
        nonlocal late
        late = contextvars.copy_context()

    @op
    def goes_on():
        ended.set()
        assert said.wait(20)

    @job
    def first():
        leaves_a_thread()

    @job
    def second():
        goes_on()

    def say():
        assert ended.wait(20)
        late.run(get_jobnb_logger().warning, "too late")
        said.set()

    first.execute_in_process()
    thread = threading.Thread(target=say)
    thread.start()
    result = second.execute_in_process()
    thread.join()
    assert [line.text for line in result.log_lines] == []


@pytest.mark.parametrize(
    ("settings", "heard"),
    [
        ({}, ["own-debug", "own-warning"]),
        (
            {"managed_python_loggers": ["tests.mine"]},
            ["mine-warning", "below-info", "own-debug", "own-warning"],
        ),
        (
            {"managed_python_loggers": ["tests.mine"], "python_log_level": "WARNING"},
            ["mine-warning", "own-warning"],
        ),
        ({"python_log_level": "INFO"}, ["own-warning"]),
        (
            {"managed_python_loggers": ["root"]},
            ["mine-warning", "below-info", "other-warning", "own-debug", "own-warning"],
        ),
    ],
)
def test_an_instance_says_whose_lines_a_run_keeps(settings, heard):
    @op
    def talks(context):
        logging.getLogger("tests.mine").warning("mine-warning")
        logging.getLogger("tests.mine").debug("mine-debug")
        logging.getLogger("tests.mine.below").info("below-info")
        logging.getLogger("tests.other").warning("other-warning")
        context.log.debug("own-debug")
        context.log.warning("own-warning")

    @job
    def work():
        talks()

    levels = [logging.getLogger(name).level for name in ("tests.mine", None)]
    with Instance.ephemeral(settings={"python_logs": settings}) as instance:
        result = work.execute_in_process(instance=instance)
    assert [line.text for line in result.log_lines] == heard
    assert [logging.getLogger(name).level for name in ("tests.mine", None)] == levels
    assert not logging.getLogger("tests.mine").handlers
