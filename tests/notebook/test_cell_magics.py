"""`%%asset` and `%%op` cells define what the decorators do; errors are shown in the cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobnb import InvalidDefinitionError, InvalidInvocationError, Session
from jobnb.notebook.cell_completion import cell_completions
from jobnb.notebook.cell_function import CellContext, read_cell
from jobnb.notebook.cell_magics import define_cell
from jobnb.notebook.cell_options import read_cell_line
from jobnb.notebook.headless import execute_notebook
from jobnb.notebook.location import load_definitions
from tests.notebook.talk import Talk

SETUP = """
%load_ext jobnb
from jobnb import (AssetIn, Config, ResourceParam, RetryPolicy, StaticPartitionsDefinition,
    asset, asset_check, job, op, session)
session.clear()
session.show_definitions = False
session.add(resources={"warehouse": "shelf 7"})
rate = 2
class Limits(Config):
    top: int = 3
letters = StaticPartitionsDefinition(["a", "b"])
def doubled(values):
    return [value * rate for value in values]
@asset(group_name="raw")
def orders():
    return [1, 2]
@asset(key_prefix="mart")
def customers():
    return ["ann"]
"""


@pytest.fixture(scope="module")
def only_kernel(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.delenv("JOBNB_HOME", raising=False)
        talk = Talk(tmp_path_factory.mktemp("cells"))
    yield talk
    talk.end()


@pytest.fixture
def kernel(only_kernel):
    only_kernel(SETUP)
    return only_kernel


ABOUT = """
def about(made):
    node = made.node_def if hasattr(made, "node_def") else made
    parts = ["group_names_by_key", "keys_by_input_name", "metadata_by_key", "partitions_def",
        "tags_by_key", "owners_by_key", "kinds_by_key", "keys_by_output_name"]
    told = {part: repr(getattr(made, part, None)) for part in parts}
    outs = [(out.name, out.io_manager_key, repr(out.dagster_type)) for out in node.output_defs]
    retries = node.retry_policy and node.retry_policy.max_retries
    return {**told, "name": node.name, "description": node.description, "outs": outs,
        "ins": [(each.name, repr(each.dagster_type)) for each in node.input_defs],
        "code": session.entry(getattr(made, "key", made.__name__)).code_hash,
        "resources": sorted(node.required_resource_keys), "tags": dict(node.tags),
        "config": repr(node.config_schema), "retries": retries, "version": node.version}
"""
# A cell, and what one would write with the decorator.
PAIRS = {
    "plain": ("%%asset made\n[1]", "@asset\ndef made():\n    return [1]"),
    "options": (
        (
            '%%asset made --group mart --io-manager warehouse --description "The best." --kind py'
            " --tags a=b,c=d --owners team:x --metadata m=n --retries 3 --code-version v2"
            " --partitions letters --deps orders,mart/customers\ncontext.partition_key"
        ),
        (
            '@asset(group_name="mart", io_manager_key="warehouse", description="The best.",'
            ' compute_kind="py", tags={"a": "b", "c": "d"}, owners=["team:x"], metadata={"m": "n"},'
            ' retry_policy=RetryPolicy(max_retries=3), code_version="v2", partitions_def=letters,'
            ' deps=["orders", ["mart", "customers"]])\n'
            "def made(context):\n    return context.partition_key"
        ),
    ),
    "inputs": (
        "%%asset made\ntotal = sum(doubled(orders))\ntotal * len(customers) + rate",
        (
            '@asset(ins={"customers": AssetIn(key=["mart", "customers"])})\n'
            "def made(orders, customers):\n    total = sum(doubled(orders))\n"
            "    return total * len(customers) + rate"
        ),
    ),
    "set again": (
        "%%asset made\norders = [each for each in orders if each]\norders",
        (
            "@asset\ndef made(orders):\n    orders = [each for each in orders if each]\n"
            "    return orders"
        ),
    ),
    "not defined yet": (
        "%%asset made\nunknown.head(rate)",
        "@asset\ndef made(unknown):\n    return unknown.head(rate)",
    ),
    "docstring": (
        '%%asset made\n"""What it is."""\n\nimport math\n\n# Rounded.\nmath.floor(1.5)',
        '@asset\ndef made():\n    """What it is."""\n    import math\n    return math.floor(1.5)',
    ),
    "config and resource": (
        (
            "%%asset mart/made --config Limits --resources warehouse --returns list\n"
            "[warehouse] * config.top"
        ),
        (
            '@asset(key_prefix="mart")\ndef made(config: Limits, warehouse: ResourceParam[object])'
            " -> list:\n    return [warehouse] * config.top"
        ),
    ),
    "nested": (
        "%%asset made\ndef inner(x):\n    return orders[0] + x\n[inner(y) for y in orders]",
        (
            "@asset\ndef made(orders):\n    def inner(x):\n        return orders[0] + x\n"
            "    return [inner(y) for y in orders]"
        ),
    ),
    "generator": (
        "%%asset made\nfrom jobnb import Output\nyield Output(1)",
        "@asset\ndef made():\n    from jobnb import Output\n    yield Output(1)",
    ),
    "async": (
        "%%asset made\nimport asyncio\nawait asyncio.sleep(0)\n7",
        "@asset\nasync def made():\n    import asyncio\n    await asyncio.sleep(0)\n    return 7",
    ),
    "returns early": (
        "%%asset made\nif not orders:\n    return None\nmax(orders)",
        (
            "@asset\ndef made(orders):\n    if not orders:\n        return None\n"
            "    return max(orders)"
        ),
    ),
    "op": (
        "%%op made --ins orders --retries 1 --io-manager warehouse --tags a=b\ndoubled(orders)",
        (
            "from jobnb import Out\n@op(retry_policy=RetryPolicy(max_retries=1), "
            'out=Out(io_manager_key="warehouse"), tags={"a": "b"})\n'
            "def made(orders):\n    return doubled(orders)"
        ),
    ),
    "op's inputs": (
        "%%op made --returns int\nfirst + second * rate",
        "@op\ndef made(first, second) -> int:\n    return first + second * rate",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_cell_defines_what_the_decorator_does(kernel, name):
    cell, decorated = PAIRS[name]
    kernel(ABOUT)
    kernel(decorated)
    expected = kernel.text("import json; print(json.dumps(about(made)))")
    kernel("session.remove(*[e.name for e in session.catalogue.entries() if 'made' in e.name])")
    kernel("del made")
    kernel(cell)
    assert kernel.text("print(json.dumps(about(made)))") == expected


def test_it_runs_and_a_change_of_what_it_reads_makes_it_stale(kernel):
    kernel("%%asset revenue\nsum(doubled(orders))")
    kernel("_ = session.materialize('+revenue')")
    assert kernel.text("print(session.value('revenue'))") == "6\n"
    assert kernel.text("print(session.status('revenue').status.value)") == "fresh\n"
    kernel("rate = 5")
    assert kernel.text("print(session.status('revenue').status.value)") == "stale\n"
    kernel("_ = session.materialize(stale_only=True)")
    assert kernel.text("print(session.value('revenue'))") == "15\n"


def test_running_the_cell_again_replaces_what_it_defined(kernel):
    def run(cell):
        sent = kernel.client.session.msg("execute_request", ABOUT_CELL | {"code": cell})
        sent["metadata"] = {"cellId": "one-cell"}
        kernel.client.shell_channel.send(sent)
        while True:
            message = kernel.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") == sent["header"]["msg_id"]:
                assert message["msg_type"] != "error", message["content"]
                if message["content"].get("execution_state") == "idle":
                    return

    known = "print(sorted(each.name for each in session.catalogue.entries('asset')))"
    run("%%asset first\n1")
    assert "'first'" in kernel.text(known)
    run("%%asset second\n1")
    assert kernel.text(known) == "['mart/customers', 'orders', 'second']\n"


ABOUT_CELL = {
    "silent": False,
    "store_history": True,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": True,
}


def test_checks_of_the_value(kernel):
    kernel("%%asset made --check some: len(made) > 0 --check sum(made) > rate * 100\n[1, 2]")
    told = "sorted((e.check_name, e.passed) for e in result.get_asset_check_evaluations())"
    kernel("result = session.materialize('made')")
    assert kernel.text(f"print({told})") == "[('made_check', False), ('some', True)]\n"


def test_a_check_that_fails_is_shown_and_opened_with_its_own_expression(kernel):
    kernel("%%asset made --check some: len(made) > nowhere\n[1, 2]")
    (error,) = kernel("session.materialize('made')", fails=True)
    assert "----> 1 def made():  # %%asset made --check some: len(made) > nowhere" in _plain(
        "\n".join(error["traceback"])
    )
    kernel("from jobnb.display.step_cells import step_cells")
    told = kernel.text("print(*step_cells(session.debug()), sep='\\n')")
    assert 'made = step.inputs["made"]' in told
    assert "result = bool(len(made) > nowhere)\nresult\n%%asset made --check some" in told


def test_an_error_in_the_cell_is_shown_at_its_own_line(kernel):
    kernel("%%asset broken --group raw\nx = len(orders)\n\ny = x / 0\ny")
    (error,) = kernel("session.materialize('+broken')", fails=True)
    shown = "\n".join(error["traceback"])
    assert error["ename"] == "ZeroDivisionError"
    assert "broken" in shown
    assert "line 4" in shown
    assert "----> 4     y = x / 0" in _plain(shown)
    assert "cell_magics" not in shown


def _plain(text):
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize(
    ("cell", "kind", "said"),
    [
        ("%%asset made\nx = (1\n", "SyntaxError", "line 2"),
        ("%%asset made --grup x\n1", "InvalidInvocationError", "Did you mean '--group'?"),
        ("%%asset made --partitions lettres\n1", "InvalidDefinitionError", "lettres"),
        ("%%asset made\nmade + 1", "InvalidDefinitionError", "no value|reads its own"),
        ("%%asset made\nx = 1", "InvalidDefinitionError", "End it with the line `x`"),
        ("%%asset\n1", "InvalidInvocationError", "needs a name"),
    ],
)
def test_a_mistake_is_told_with_the_cell(kernel, cell, kind, said):
    if "reads its own" in said:
        kernel("%%asset made\n1")
    (error,) = kernel(cell, fails=True)
    assert error["ename"] == kind
    shown = _plain("\n".join(error["traceback"]))
    assert any(each in shown for each in said.split("|"))
    assert "Cell " in shown
    assert "cell_function" not in shown


def test_options_and_their_values_are_completed(kernel):
    kernel("%load_ext jobnb")
    assert kernel.complete("%%asset made --gr") == ["%%asset made --group"]
    assert "%%asset made --group raw" in kernel.complete("%%asset made --group ")
    assert kernel.complete("%%asset made --deps orders,mart/c") == [
        "%%asset made --deps orders,mart/customers"
    ]
    assert kernel.complete("%%asset made --io-manager w") == ["%%asset made --io-manager warehouse"]
    assert kernel.complete("%%asset made --partitions let") == ["%%asset made --partitions letters"]
    assert kernel.complete("%%asset made --config Li") == ["%%asset made --config Limits"]
    assert kernel.complete("%%op made --grou") in ([], ["%%op made --grou"])
    kernel("del orders")
    assert "%%asset made\nsum(orders" in kernel.complete("%%asset made\nsum(ord")
    assert "%%asset made\ndoubled" in kernel.complete("%%asset made\ndoub")


def test_no_asset_is_offered_after_a_dot_or_elsewhere():
    assert cell_completions("orders.he", {}) is None
    assert cell_completions("%%asset made\nframe.ord", {}) is None
    assert cell_completions("%%asset ma", {}) is None


NOTEBOOK = (
    "from jobnb import session\nrate = 2",
    "%%asset orders --group raw\n[1, 2]",
    "%%asset revenue --check revenue > 0\nsum(orders) * rate",
    "_ = session.materialize()\nseen = session.value('revenue')",
    "%%asset report\nf'{revenue} {seen}'",
    "%%op twice\nvalue * rate",
)


def test_a_notebook_is_loaded_as_a_code_location(write):
    definitions = load_definitions(write(*NOTEBOOK))
    ins = {
        each.key.to_user_string(): sorted(each.keys_by_input_name) for each in definitions.assets
    }
    assert ins == {"orders": [], "revenue": ["orders"], "report": ["revenue"]}
    assert [each.check_key.name for each in definitions.asset_checks] == ["revenue_check"]


def test_a_notebook_is_executed_headlessly(write, tmp_path):
    made = tmp_path / "out.ipynb"
    outcome = execute_notebook(write(*NOTEBOOK), output=made, selection="revenue")
    assert outcome.verdict.value == "success"


def test_a_wrong_cell_of_a_code_location_is_named(write):
    from jobnb.errors import NotebookError

    path = write("import jobnb", "%%asset orders --colour red\n1")
    with pytest.raises(NotebookError, match=r"cell \[2\], line 1 .*--colour"):
        load_definitions(path)
    path = write("import jobnb", "%%asset orders\n\nx = (")
    with pytest.raises(NotebookError, match=r"cell \[2\], line 3"):
        load_definitions(path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "needs a name"),
        ("a b", "takes one name"),
        ("class", "is no name"),
        ("a --group x --group y", "given twice"),
        ("a --group --deps b", "--group needs a value"),
        ("a --retries often", "whole number"),
        ("a --partitions x +", "Python expression"),
        ("a --tags b", "has no value"),
        ("a --ins x: int, y", r"--ins takes NAME\[=KEY\],...; 'x:' is none"),
        ("a --resources db()", r"--resources takes KEY,...; 'db\(\)' is none"),
        ("a --config rows: int = 3", "--config takes CLASS; 'rows: int = 3' is none"),
        ("a --returns list[", r"--returns takes TYPE; 'list\[' is none"),
        ("a --xyzzy 3", "It has: --group, --deps, .*--config, .*--condition"),
    ],
)
def test_a_wrong_line_is_told(line, said):
    with pytest.raises((InvalidInvocationError, InvalidDefinitionError), match=said):
        read_cell_line("asset", line).arguments()


def test_a_check_that_is_no_expression_is_told_as_it_was_typed():
    with pytest.raises(InvalidInvocationError, match="'b >' is none"):
        read_cell_line("asset", "a --check some: b >").checks()


def test_a_value_may_hold_quotes_and_what_looks_like_an_option():
    line = read_cell_line("asset", 'a --description "not --group x" --partitions Daily("2020")')
    assert line.arguments() == {
        "description": "'not --group x'",
        "partitions_def": "Daily('2020')",
    }


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        ("[a for a in a]", ["a"]),
        ("{b: c for b, c in a.items()}", ["a"]),
        ("lambda a: a", []),
        ("a += 1\na", ["a"]),
        ("for a in b:\n    pass\nb", ["b"]),
        ("b = a\na = 1\nb", ["a"]),
        ("a = 1\na + b", ["b"]),
        ("import a\na.x", []),
        ("try:\n    b\nexcept ValueError as a:\n    pass\nb", ["b"]),
        ("with a as b:\n    pass\nb", ["a"]),
        ("class K:\n    x = a\nK", ["a"]),
        ("def f(a=b):\n    c = a\n    return c\nf()", ["b"]),
        ("match a:\n    case [b, *c]:\n        pass\nc", ["a"]),
        ("(a := b) + a", ["b"]),
        ("global a\na", []),
        ("f'{a!r:>{b}}'", ["a", "b"]),
    ],
)
def test_free_names_that_are_assets_become_inputs(body, inputs):
    cell = read_cell(read_cell_line("asset", "made"), body, "x", CellContext({}, ("a", "b", "c")))
    assert sorted(cell.inputs) == inputs
    compile(f"{cell.head(annotated=True)}\n{cell.body}", "x", "exec")


def test_a_function_that_nobody_has_defined_yet_is_no_input():
    cell = read_cell(read_cell_line("asset", "made"), "clean(raw)", "x", CellContext({}))
    assert list(cell.inputs) == ["raw"]


def test_of_a_cell_with_a_mistake_nothing_is_defined():
    for line in ("--check len(made", "--partitions nowhere", "--retries often"):
        variables = {"__name__": "__main__"}
        with Session.capture() as session:
            with pytest.raises((InvalidInvocationError, InvalidDefinitionError)):
                define_cell(f"%%asset made {line}\n1", variables, "x")
            assert list(session.catalogue.entries()) == []
            assert "made" not in variables


def test_the_variables_of_the_notebook_have_the_definition():
    variables = {"__name__": "__main__", "rate": 3}
    with Session.capture() as session:
        define_cell("%%asset mart/rev-enue\nrate", variables, "x")
        assert [each.name for each in session.catalogue.entries()] == ["mart/rev-enue"]
        assert session.asset("mart/rev-enue") is variables["rev_enue"]
