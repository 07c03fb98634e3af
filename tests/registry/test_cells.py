"""The session follows the cells of a real IPython shell, each test in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

import pytest

SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
said = []

def run(text, cell_id=None, fails=False):
    result = shell.run_cell(text, store_history=True, cell_id=cell_id)
    assert result.success is not fails, (text, result)

def known(kind=None):
    from jobnb.registry.session import current_session
    return sorted(e.name for e in current_session().catalogue.entries(kind))

def tell(value):
    said.append(value)
"""


def in_shell(*parts: str) -> list:
    """What a program in a fresh shell tells."""
    program = SHELL + "\n".join(map(dedent, parts)) + "\nprint('\\n' + json.dumps(said))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout.splitlines()[-1])


IMPORT = 'run("from jobnb import *\\nimport jobnb as jb", "top")\n'


def test_what_a_cell_defines_is_known_and_a_second_run_replaces_it():
    told = in_shell(
        IMPORT,
        """
        run("@asset\\ndef a(): return 1", "c1")
        run("first = session.asset('a')", "c2")
        run("@asset\\ndef a(): return 2", "c1")
        run("second = session.asset('a')", "c2")
        tell(known("asset"))
        tell(shell.user_ns["first"] is shell.user_ns["second"])
        run("e = session.entry('a')")
        tell([shell.user_ns["e"].cell.id, shell.user_ns["e"].cell.number > 1])
        """,
    )
    assert told == [["a"], False, ["c1", True]]


def test_a_cell_run_again_forgets_what_it_no_longer_defines():
    told = in_shell(
        IMPORT,
        """
        run("@asset\\ndef a(): return 1\\n@asset\\ndef b(): return 1", "c1")
        run("@asset\\ndef c(): return 1", "c2")
        run("@asset\\ndef b(): return 2", "c1")
        tell(known("asset"))
        """,
    )
    assert told == [["b", "c"]]


def test_a_cell_that_fails_forgets_nothing_and_what_it_reached_counts():
    told = in_shell(
        IMPORT,
        """
        run("@asset\\ndef a(): return 1\\n@asset\\ndef b(): return 1", "c1")
        run("@asset\\ndef c(): return 1\\nraise ValueError('no')", "c1", fails=True)
        tell(known("asset"))
        run("this is no python", "c1", fails=True)
        tell(known("asset"))
        """,
    )
    assert told == [["a", "b", "c"], ["a", "b", "c"]]


def test_what_a_failed_run_had_defined_is_forgotten_by_the_next_good_one():
    told = in_shell(
        IMPORT,
        """
        run("@asset\\ndef a(): return 1\\n1/0", "c1", fails=True)
        run("@asset\\ndef b(): return 1", "c1")
        tell(known("asset"))
        """,
    )
    assert told == [["b"]]


def test_a_definition_moved_to_another_cell_stays_when_its_first_cell_runs_again():
    told = in_shell(
        IMPORT,
        """
        run("@asset\\ndef a(): return 1", "c1")
        run("@asset\\ndef a(): return 2", "c2")
        run("x = 1", "c1")
        tell(known("asset"))
        """,
    )
    assert told == [["a"]]


def test_the_cell_that_imports_jobnb_is_followed_too():
    told = in_shell(
        """
        shell.get_parent = lambda: {"metadata": {"cellId": "c1"}}  # as a kernel's shell tells it
        run("from jobnb import asset\\n@asset\\ndef a(): ...\\n@asset\\ndef b(): ...", "c1")
        tell(known("asset"))
        run("from jobnb import asset\\n@asset\\ndef b(): return 1", "c1")
        tell(known("asset"))
        """
    )
    assert told == [["a", "b"], ["b"]]


def test_without_cell_ids_the_text_tells_cells_apart():
    told = in_shell(
        IMPORT,
        """
        run("@asset\\ndef a(): return 1")
        run("@asset\\ndef b(): return 1")
        run("@asset\\ndef a(): return 1")
        tell(known("asset"))
        """,
    )
    assert told == [["a", "b"]]


def test_a_cell_that_runs_another_keeps_its_own_definitions():
    told = in_shell(
        IMPORT,
        """
        outer = (
            "@asset\\ndef before(): return 1\\n"
            "get_ipython().run_cell('@asset\\\\ndef inside(): return 1', cell_id='inner')\\n"
            "@asset\\ndef after(): return 1"
        )
        run(outer, "outer")
        run("e = [session.entry(n).cell.id for n in ('before', 'inside', 'after')]")
        tell(shell.user_ns["e"])
        """,
    )
    assert told == [["outer", "inner", "outer"]]


def test_definitions_of_modules_do_not_register_and_can_be_added():
    told = in_shell(
        IMPORT,
        """
        import types
        module = types.ModuleType("pipeline")
        sys.modules["pipeline"] = module
        exec(
            "from jobnb import asset, job, op, SourceAsset, define_asset_job, Definitions\\n"
            "@asset\\ndef of_module(): return 1\\n"
            "@op\\ndef step(): return 1\\n"
            "@job\\ndef work(): step()\\n"
            "all_job = define_asset_job('all_job')\\nraw = SourceAsset('raw')\\n"
            "defs = Definitions(assets=[of_module], resources={'r': 1})",
            module.__dict__,
        )
        run("import pipeline", "c1")
        tell(known())
        run("_ = session.add(pipeline)", "c2")
        tell(known())
        tell(shell.user_ns["session"].resources)
        """,
    )
    assert told[0] == []
    assert told[1] == ["all_job", "of_module", "raw", "step", "work"]
    assert told[2] == {"r": 1}


def test_definitions_in_a_cell_bring_resources_and_take_them_back():
    told = in_shell(
        IMPORT,
        """
        run("@asset\\ndef a(r: ResourceParam[int]): return r", "c1")
        run("defs = Definitions(assets=[a], resources={'r': 3, 's': 4})", "c2")
        run("v = session.materialize(instance=Instance.ephemeral()).asset_value('a')", "c3")
        tell(shell.user_ns["v"])
        run("defs = Definitions(resources={'r': 5})", "c2")
        tell(shell.user_ns["session"].resources)
        run("v = session.materialize(instance=Instance.ephemeral()).asset_value('a')", "c3")
        tell(shell.user_ns["v"])
        tell(known("asset"))
        """,
    )
    assert told == [3, {"r": 5}, 5, ["a"]]


def test_jobs_in_a_cell_run_by_name_over_what_is_known_now():
    told = in_shell(
        IMPORT,
        """
        run("daily = define_asset_job('daily', '*b')", "c0")
        run("@asset\\ndef b(a): return a + 1", "c1")
        run("@asset\\ndef a(): return 1", "c2")
        run("r = session.execute_job('daily', instance=Instance.ephemeral())", "c3")
        tell(shell.user_ns["r"].asset_value("b"))
        run("@asset\\ndef a(): return 10", "c2")
        run("r = daily.execute_in_process(instance=Instance.ephemeral())", "c3")
        tell(shell.user_ns["r"].asset_value("b"))
        """,
    )
    assert told == [2, 11]


def test_a_graph_with_hooks_made_a_job_in_a_cell_is_known():
    told = in_shell(
        IMPORT,
        """
        run("@op\\ndef one(): return 1\\n@graph\\ndef g(): one()", "c1")
        run("@success_hook\\ndef hook(context): pass", "c2")
        run("j = g.with_hooks({hook}).to_job(name='hooked')\\nk = g.to_job(name='plain')", "c3")
        run("five = AssetsDefinition.from_op(one)", "c4")
        tell([known("job"), known("asset"), known("graph"), known("op")])
        """,
    )
    assert told == [[["hooked", "plain"], ["one"], ["g"], ["one"]]]


def test_the_hash_of_an_asset_follows_the_notebook_functions_it_calls():
    told = in_shell(
        IMPORT,
        """
        run("def rate(): return 1", "c1")
        run("@asset\\ndef a(): return rate()", "c2")
        run("first = session.entry('a').code_hash", "c3")
        run("def rate():  # now with a comment\\n    return 1", "c1")
        run("same = session.entry('a').code_hash", "c3")
        run("def rate(): return 2", "c1")
        run("other = session.entry('a').code_hash", "c3")
        ns = shell.user_ns
        tell([ns["first"] == ns["same"], ns["first"] == ns["other"]])
        """,
    )
    assert told == [[True, False]]


def test_values_and_runs_outlive_the_kernel(tmp_path):
    home = str(tmp_path / "home")
    define = f"session.home = {home!r}\n@asset\ndef a(): return [1, 2]"
    in_shell(IMPORT, f'run({define!r}, "c1")', 'run("session.materialize()", "c2")')
    told = in_shell(
        IMPORT,
        f'run({define!r}, "c1")',
        """
        tell(shell.user_ns["session"].value("a"))
        tell(len(shell.user_ns["session"].runs))
        """,
    )
    assert told == [[1, 2], 1]


@pytest.mark.parametrize("magic", ["%load_ext jobnb", "%load_ext jobnb\n%load_ext jobnb"])
def test_loading_the_extension_again_follows_each_cell_once(magic):
    told = in_shell(
        f"""
        run({magic!r}, "c0")
        run("from jobnb import *", "c0b")
        run("@asset\\ndef a(): return 1\\n@asset\\ndef b(): return 1", "c1")
        run("@asset\\ndef b(): return 1", "c1")
        tell(known())
        """
    )
    assert told == [["b"]]
