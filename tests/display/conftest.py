"""Texts that try to break out, as a fixture."""

from __future__ import annotations

import pytest

from tests.display.reading import HOSTILE


@pytest.fixture(params=HOSTILE, ids=range(len(HOSTILE)))
def hostile(request):
    """A text that tries to break out of where it is shown."""
    return request.param
