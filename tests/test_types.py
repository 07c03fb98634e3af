"""What a user holds has a type, so that an editor completes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def test_what_a_user_holds_has_a_real_type():
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "tests/typing/held.py"],
        cwd=PROJECT,
        env={**os.environ, "MYPYPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
