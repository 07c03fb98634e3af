"""Views of errors and metadata values on their own."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.metadata import to_json
from jobnb.display.failures import error_html, error_text, exception_html, exception_text
from jobnb.display.metadata import entry_html, entry_text
from jobnb.display.view import View
from jobnb.errors import JobnbError
from jobnb.events import ErrorInfo


def error_view(error: ErrorInfo) -> View:
    """Return an error that a run kept."""
    return View(error.cls_name, error_text(error), error_html(error))


def exception_view(error: JobnbError) -> View:
    """Return an error of ours, not raised but looked at."""
    return View(type(error).__name__, exception_text(error), exception_html(error))


def metadata_view(value: Any) -> View:
    """Return a metadata value as it will be seen beside its label."""
    entry = to_json({"value": value})["value"]
    return View("metadata", entry_text(entry), entry_html(entry))
