"""Loggers: their config, their lines, and the logger for user code."""

# ruff: noqa: LOG001 - loggers that must not be shared
from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from jobnb import Field, InvalidConfigError, InvalidDefinitionError, InvalidInvocationError
from jobnb.definitions.jobs import logger as lg


@lg.logger({"level": int}, description="words")
def leveled(context: lg.InitLoggerContext) -> logging.Logger:
    return logging.Logger("leveled", context.logger_config["level"])


def test_a_logger_from_a_function() -> None:
    made = leveled(lg.build_init_logger_context(logger_config={"level": 30}))
    assert (made.name, made.level) == ("leveled", 30)
    assert leveled.description == "words"
    with pytest.raises(InvalidConfigError, match="level"):
        leveled(lg.build_init_logger_context(logger_config={"level": "x"}))


def test_a_logger_needs_its_context() -> None:
    for arguments in ((), (3,), (lg.build_init_logger_context(), 1)):
        with pytest.raises(InvalidInvocationError, match="build_init_logger_context"):
            leveled(*arguments)
    with pytest.raises(InvalidDefinitionError, match="function"):
        lg.LoggerDefinition(3)  # type: ignore[arg-type]


def test_a_configured_logger_has_its_config_already() -> None:
    fixed = leveled.configured({"level": 40})
    assert fixed(lg.build_init_logger_context()).level == 40
    assert fixed.description == "words"

    mapped = leveled.configured(lambda config: {"level": config["n"] * 10}, {"n": int})
    assert mapped(lg.build_init_logger_context(logger_config={"n": 2})).level == 20


def _record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("mine", level, "file.py", 1, text, None, None)


def _handler(definition: lg.LoggerDefinition, **config: Any) -> tuple[logging.Logger, Any]:
    made = definition(lg.build_init_logger_context(logger_config=config))
    (handler,) = made.handlers
    return made, handler


def test_console_loggers_have_defaults() -> None:
    for definition in (lg.colored_console_logger, lg.json_console_logger):
        made, _ = _handler(definition)
        assert (made.name, made.level) == ("jobnb", logging.INFO)
        again, handler = _handler(definition, log_level="debug", name="x")
        assert (again.name, again.level) == ("x", logging.DEBUG)
        assert again.handlers == [handler]
        assert again is not logging.getLogger("x")
    with pytest.raises(InvalidDefinitionError, match="'LOUD' is no log level"):
        _handler(lg.json_console_logger, log_level="LOUD")


def test_each_level_has_its_colour() -> None:
    _, handler = _handler(lg.colored_console_logger)
    lines = [
        handler.format(_record("text", level))
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    ]
    assert len({line.split("m")[0] for line in lines}) == 5
    assert all("text" in line and line.endswith("\x1b[0m") for line in lines)


def test_json_lines_are_json_whatever_they_say() -> None:
    _, handler = _handler(lg.json_console_logger)
    for text in ('say "hi"\n', "\ud800", "日本"):
        line = handler.format(_record(text))
        told = json.loads(line)
        assert "\n" not in line
        assert told["level"] == "INFO"
    assert told["message"] == "日本"
    try:
        raise ValueError("why")
    except ValueError as error:
        record = _record("failed")
        record.exc_info = (type(error), error, error.__traceback__)
    assert "ValueError: why" in json.loads(handler.format(record))["exception"]


def test_the_default_is_the_colored_console() -> None:
    assert lg.default_loggers() == {"console": lg.colored_console_logger}


def test_the_logger_for_user_code_can_be_heard_as_a_family() -> None:
    assert lg.get_jobnb_logger().name == lg.USER_LOGGER
    assert lg.get_jobnb_logger("x").parent is lg.get_jobnb_logger()


def test_none_in_the_place_of_a_context_is_one_without_config() -> None:
    @lg.logger({"level": Field(int, default_value=20)})
    def quiet(context: lg.InitLoggerContext) -> logging.Logger:
        return logging.Logger("quiet", context.logger_config["level"])

    assert quiet(None).level == quiet(init_context=None).level == 20
    assert isinstance(lg.json_console_logger(None), logging.Logger)
    with pytest.raises(InvalidConfigError, match="level"):
        leveled(None)
