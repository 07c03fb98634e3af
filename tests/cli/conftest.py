"""Notebooks on disk, and kernels that import the jobnb under test."""

from __future__ import annotations

from tests.notebook.conftest import _kernels_find_jobnb, write

__all__ = ["_kernels_find_jobnb", "write"]
