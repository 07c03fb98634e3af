"""Views of errors: the user's own line first, then the message, the rest folded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.definitions.user_events import Failure
from jobnb.display.environment import attempt
from jobnb.display.html import Html, folded, join, pre, preformatted, table, tag
from jobnb.display.metadata import json_metadata, metadata_html, metadata_text
from jobnb.display.text import counted, shorten
from jobnb.errors import InvalidConfigError, JobnbError
from jobnb.events import ErrorInfo


def error_html(error: ErrorInfo, metadata: Mapping[str, Any] | None = None) -> Html:
    """Return a stored error: place, source with the failing line marked, message, traceback.

    Args:
        error: The error.
        metadata: What a `Failure` told beside its description, in JSON form.
    """
    first, *causes = (_one_error(each, place == 0) for place, each in enumerate(error.chain))
    return tag("div", first, metadata_html(metadata or {}), *causes, css="jn-error")


def _one_error(error: ErrorInfo, first: bool) -> Html:
    stack, frames = "".join(error.stack), counted(len(error.stack), "frame")
    return join(
        [
            None if first else tag("div", "caused by", css="jn-muted"),
            tag("div", error.where, css="jn-muted") if error.where else None,
            _source(error.source),
            tag("div", _says(error), css="jn-says"),
            folded(f"traceback, {frames}", preformatted(stack)) if stack else None,
        ]
    )


def _says(error: ErrorInfo) -> str:
    message = error.message if len(error.message) <= 4000 else error.message[:4000] + "…"
    return f"{error.cls_name}: {message}" if message else error.cls_name


def _source(source: str) -> Html | None:
    if not source:
        return None
    lines = source.splitlines()[:40]
    shown = (
        tag("span", line, css="jn-line") if line.lstrip().startswith(("→", "-->", ">")) else line
        for line in lines
    )
    return pre(join(shown, "\n"))


def error_text(error: ErrorInfo, metadata: Mapping[str, Any] | None = None) -> str:
    """Return a kept error as text: the same in the same order, without the traceback."""
    parts: list[str] = []
    for place, each in enumerate(error.chain):
        parts += ["caused by"] if parts else []
        parts += [part for part in (each.where, each.source, _says(each)) if part]
        if place == 0:
            told = metadata_text(metadata or {})
            parts += [f"  {shorten(name, 80)}: {line}" for name, line in told.items()]
    return "\n".join(parts)


def exception_html(error: BaseException) -> Html:
    """Return an exception of ours: what it says, and every problem of a config in a table."""
    problems = error.problems if isinstance(error, InvalidConfigError) else ()
    message = _message(error)
    if problems:
        message = message.split("\n", 1)[0]
    rows = [[" › ".join(p.path), p.message, p.kind] for p in problems]
    says = f"{type(error).__name__}: {message}"
    return tag(
        "div",
        tag("div", says, css="jn-says"),
        table(["where", "what", "kind"], rows) if rows else None,
        metadata_html(_failure_metadata(error)),
        _user_exception(error),
        css="jn-error",
    )


def _failure_metadata(error: BaseException) -> dict[str, Any]:
    return json_metadata(error.metadata) if isinstance(error, Failure) else {}


def _user_exception(error: BaseException) -> Html | None:
    user: Any = getattr(error, "user_exception", None)
    if not isinstance(user, BaseException):
        return None
    says = f"{type(user).__name__}: {_message(user)}"
    told = metadata_html(_failure_metadata(user))
    return tag("div", tag("span", "in your code: ", css="jn-muted"), says, told)


def _message(error: BaseException) -> str:
    said = attempt(lambda: str(error), "(its message could not be read)")
    return said if len(said) <= 4000 else said[:4000] + "…"


def exception_text(error: BaseException) -> str:
    """Return an exception as text."""
    says = f"{type(error).__name__}: {_message(error)}"
    told = [f"  {name}: {line}" for name, line in metadata_text(_failure_metadata(error)).items()]
    return "\n".join([says, *told]) if isinstance(error, JobnbError) else shorten(says, 400)
