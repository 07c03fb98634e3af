"""`import jobnb` loads what every run needs, and nothing that only some need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("IPython", "asyncio", "ipywidgets", "lark", "nbclient", "pandas", "pydantic", "sqlalchemy")
CODE = f"""
import sys
import jobnb

@jobnb.asset
def one():
    return 1

assert jobnb.materialize_to_memory([one]).success
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_defining_and_running_in_memory_loads_no_heavy_library():
    folder = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
