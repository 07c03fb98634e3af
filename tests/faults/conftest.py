"""Histories to harm: in a file and on a server."""

from __future__ import annotations

from tests.storage.conftest import durable, instance, on_file, place

__all__ = ["durable", "instance", "on_file", "place"]
