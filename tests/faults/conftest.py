"""Histories to harm: in a file and on a server."""

from __future__ import annotations

from tests.storage.conftest import durable, on_file, place

__all__ = ["durable", "on_file", "place"]
