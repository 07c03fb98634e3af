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
assert jobnb.materialize([one]).success
print([name for name in {HEAVY} if name in sys.modules])
"""


def loaded_by(code: str) -> list[str]:
    """The modules of jobnb that a process of its own has loaded after `code`."""
    code += "\nimport sys; print(*sorted(m for m in sys.modules if m.split('.')[0] == 'jobnb'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_plain_import_loads_the_list_of_names_and_the_protocol_only():
    assert loaded_by("import jobnb") == [
        "jobnb",
        "jobnb.definitions",
        "jobnb.definitions.engine_protocol",
    ]


def test_defining_an_asset_loads_no_room_that_plans_runs_or_stores():
    rooms = {
        name.split(".")[1] for name in loaded_by("from jobnb import asset, op, job") if "." in name
    }
    assert rooms == {"definitions", "errors"}


def test_defining_and_running_in_memory_loads_no_heavy_library():
    folder = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_star_import_takes_no_name_of_python_or_pydantic():
    code = (
        "import builtins\n"
        "from enum import Enum\nfrom typing import Any, Dict, List, Optional\n"
        "from pydantic import Field\n"
        "before = (Enum, Any, Dict, List, Optional, Field)\n"
        "from jobnb import *\n"
        "assert before == (Enum, Any, Dict, List, Optional, Field)\n"
        "assert not {name for name in globals() if not name.startswith('_')} & set(dir(builtins))\n"
        "import jobnb\n"
        "assert jobnb.Field is not Field and asset\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


OPS = """
import jobnb
@jobnb.op
def one():
    return 1
@jobnb.op
def two(one):
    return one + 1
@jobnb.job
def short():
    two(one())
"""
ASSETS = """
import jobnb
@jobnb.asset
def orders():
    return 1
@jobnb.asset
def revenue(orders):
    return orders + 1
"""


def test_a_first_run_of_ops_loads_nothing_that_only_assets_partitions_or_selections_need():
    loaded = loaded_by(f"{OPS}\nassert short.execute_in_process().success")
    rooms = {tuple(name.split(".")[1:3]) for name in loaded if name.count(".") > 1}
    assert not {room for room, _ in rooms} & {"automation", "code", "staleness", "registry"}
    inside = {room for floor, room in rooms if floor == "definitions"}
    assert not inside & {"assets", "automation", "locations", "selections"}
    only_some = {
        "definitions.partitions.partition",
        "execution.executors.coordinator",
        "execution.executors.threads",
        "execution.lineage",
        "execution.partition_reader",
        "execution.provenance",
        "execution.reexecution",
        "plan.asset_job",
        "plan.partitions",
        "plan.selection_resolution",
    }
    assert not only_some & {name.removeprefix("jobnb.") for name in loaded}
    assert len(loaded) <= 136


def test_a_first_run_of_assets_loads_nothing_that_only_repeated_or_fresh_runs_need():
    loaded = loaded_by(f"{ASSETS}\nassert jobnb.materialize([orders, revenue]).success")
    only_some = {
        "execution.executors.coordinator",
        "execution.reexecution",
        "definitions.partitions.multi_partitions",
        "staleness.choice",
        "staleness.survey",
        "staleness.verdicts",
    }
    assert not only_some & {name.removeprefix("jobnb.") for name in loaded}
    assert len(loaded) <= 200


def test_who_names_an_instance_loads_what_runs_before_the_first_run():
    code = f"import jobnb, sys\njobnb.Instance\n{OPS}\nbefore = set(sys.modules)\n"
    code += "short.execute_in_process(instance=jobnb.Instance.ephemeral())\n"
    code += "assert not {m for m in set(sys.modules) - before if m.startswith('jobnb.execution')}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_short_run_in_a_script_does_not_load_what_draws_pictures():
    code = f"{OPS}\nassert short.execute_in_process().success\n"
    loaded = loaded_by(f"{code}import sys\nassert 'html' not in sys.modules")
    assert "jobnb.display.picture" not in loaded
