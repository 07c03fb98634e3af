"""Loggers: where the messages of a run are shown besides its history."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, overload

import msgspec

from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.plain import checked_schema
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError

LoggerFunction = Callable[["InitLoggerContext"], logging.Logger]
USER_LOGGER = "jobnb.builtin"


class InitLoggerContext:
    """The context of a logger's function.

    Args:
        logger_config: The logger's config.
        logger_def: Its definition.
        job_def: The job that runs.
        run_id: The run.

    Source: Dagster's `InitLoggerContext`.
    """

    __slots__ = ("job_def", "logger_config", "logger_def", "run_id")

    def __init__(
        self,
        logger_config: Any,
        logger_def: LoggerDefinition | None = None,
        job_def: Any = None,
        run_id: str | None = None,
    ) -> None:
        self.logger_config = logger_config
        self.logger_def = logger_def
        self.job_def = job_def
        self.run_id = run_id


def build_init_logger_context(logger_config: Any = None, job_def: Any = None) -> InitLoggerContext:
    """Build a context for calling a logger's function in a test.

    Args:
        logger_config: The logger's config.
        job_def: The job that runs.

    Source: Dagster's `build_init_logger_context`.
    """
    return InitLoggerContext(logger_config, job_def=job_def)


class LoggerDefinition:
    """A function that creates a Python logger for a run, and its config schema.

    Args:
        logger_fn: Takes an `InitLoggerContext`, returns a `logging.Logger`.
        config_schema: The config schema.
        description: A description.

    Source: Dagster's `LoggerDefinition`.
    """

    def __init__(
        self, logger_fn: LoggerFunction, config_schema: Any = None, description: str | None = None
    ) -> None:
        if not callable(logger_fn):
            raise InvalidDefinitionError(
                f"The logger_fn of a logger is no function: {logger_fn!r}."
            )
        self.logger_fn = logger_fn
        self.description = description
        self._schema = checked_schema(config_schema, "a logger")

    @cached_property
    def config_schema(self) -> Any:
        """Its config schema."""
        return self._schema

    def configured(
        self, config_or_config_fn: Any, config_schema: Any = None, description: str | None = None
    ) -> LoggerDefinition:
        """Return a logger with some or all of its config set.

        Args:
            config_or_config_fn: The config, or a function from an outer config to it.
            config_schema: The schema of that function's argument.
            description: A description.
        """
        from jobnb.config import configured_schema

        schema = configured_schema(
            self.config_schema, config_or_config_fn, config_schema, "a logger"
        )
        return LoggerDefinition(self.logger_fn, schema, description or self.description)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Create the logger directly, as a unit test does: pass `build_init_logger_context()`.

        None in its place is a context without config.

        Raises:
            InvalidInvocationError: If it is not called with one context.
        """
        given = [*args, *kwargs.values()]
        if given == [None]:
            given = [InitLoggerContext(None)]
        if len(given) != 1 or not isinstance(given[0], InitLoggerContext):
            raise InvalidInvocationError(
                "A logger is called with one argument, its context: pass "
                "build_init_logger_context(), or None."
            )
        from jobnb.config import bind_value, schema_of

        context: InitLoggerContext = given[0]
        node = schema_of(self.config_schema)
        config = {} if context.logger_config is None else context.logger_config
        if node is not None:
            config = bind_value(node, config, ("config",), "the logger")
        return self.logger_fn(InitLoggerContext(config, self, context.job_def, context.run_id))


@overload
def logger(config_schema: LoggerFunction) -> LoggerDefinition: ...
@overload
def logger(
    config_schema: Any = None, description: str | None = None
) -> Callable[[LoggerFunction], LoggerDefinition]: ...
@telling_nearest
def logger(config_schema: Any = None, description: str | None = None) -> Any:
    """Define a logger with a function of an `InitLoggerContext`.

    Args:
        config_schema: The config schema; without parentheses, the function itself.
        description: A description.

    Example:
        >>> @logger
        ... def quiet(_context):
        ...     return logging.Logger("quiet", logging.ERROR)
        >>> quiet.logger_fn(None).name
        'quiet'

    Source: Dagster's `logger`.
    """
    if callable(config_schema) and not isinstance(config_schema, type):
        return LoggerDefinition(config_schema)
    return lambda fn: LoggerDefinition(fn, config_schema, description)


class _ConsoleLogger(LoggerDefinition):
    """A logger on the console; its schema is built at its first use."""

    def __init__(self, formatter: type[logging.Formatter], description: str) -> None:
        super().__init__(self._make, None, description)
        self._formatter = formatter

    @cached_property
    def config_schema(self) -> Any:
        """Its config schema."""
        from jobnb.config import Field

        return {
            "log_level": Field(
                str, default_value="INFO", description="Lines below this level are not shown."
            ),
            "name": Field(str, default_value="jobnb", description="The name of the logger."),
        }

    def _make(self, context: InitLoggerContext) -> logging.Logger:
        config: Mapping[str, Any] = context.logger_config or {}
        # Not from getLogger: its loggers are global, and would keep this run's handler.
        level = _level(config.get("log_level", "INFO"))
        made = logging.Logger(config.get("name", "jobnb"), level)  # noqa: LOG001
        handler = _StderrHandler()
        handler.setFormatter(self._formatter())
        made.addHandler(handler)
        return made


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to the current `sys.stderr`, so that lines appear above a progress bar."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """The current `sys.stderr`."""
        return sys.stderr


def _level(name: Any) -> int:
    level = logging.getLevelNamesMapping().get(str(name).upper())
    if level is None and str(name).isdigit():
        level = int(name)
    if level is None:
        known = ", ".join(logging.getLevelNamesMapping())
        raise InvalidDefinitionError(f"{name!r} is no log level: use one of {known}.")
    return level


class _ColoredFormatter(logging.Formatter):
    _COLORS = (
        (logging.CRITICAL, "\x1b[1;31m"),
        (logging.ERROR, "\x1b[31m"),
        (logging.WARNING, "\x1b[33m"),
        (logging.INFO, "\x1b[34m"),
        (0, "\x1b[2m"),
    )

    def __init__(self) -> None:
        super().__init__("%(asctime)s - %(name)s - %(levelname)s - %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Format a record in the color of its level."""
        color = next(code for level, code in self._COLORS if record.levelno >= level)
        return f"{color}{super().format(record)}\x1b[0m"


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one JSON object on one line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "name": record.name,
            "level": record.levelname,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        safe = {
            key: text.encode("utf-8", "backslashreplace").decode() for key, text in told.items()
        }
        return msgspec.json.encode(safe).decode()


colored_console_logger = _ConsoleLogger(_ColoredFormatter, "Lines on the console, in colour.")
json_console_logger = _ConsoleLogger(_JsonFormatter, "Lines on the console, each a JSON object.")


def default_loggers() -> dict[str, LoggerDefinition]:
    """Return the loggers of a job without loggers, by name.

    Source: Dagster's `default_loggers`.
    """
    return {"console": colored_console_logger}


def get_jobnb_logger(name: str | None = None) -> logging.Logger:
    """Return a Python logger whose messages a run stores in its history.

    Args:
        name: Its name.

    Example:
        >>> get_jobnb_logger("cleaning").name
        'jobnb.builtin.cleaning'

    Source: Dagster's `get_dagster_logger`.
    """
    return logging.getLogger(f"{USER_LOGGER}.{name}" if name else USER_LOGGER)
