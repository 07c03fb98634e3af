"""A cell that ends with a definition shows what it has defined, once."""

from __future__ import annotations

import pytest

from tests.notebook.talk import Talk

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    talk = Talk(tmp_path_factory.mktemp("defined"))
    talk("from jobnb import asset, asset_check, graph, job, op, session")
    yield talk
    talk.end()


def shown(outputs):
    """The titles of the static pictures, and how many live views there are."""
    assert {output["type"] for output in outputs} <= {"display_data"}
    live = [output for output in outputs if WIDGET in output["data"]]
    texts = [output["data"]["text/plain"] for output in outputs if WIDGET not in output["data"]]
    return [text.splitlines()[0] for text in texts], len(live)


def test_an_asset_is_shown_with_its_place_in_the_graph(kernel):
    titles, live = shown(kernel("@asset\ndef lines():\n    return [1, 2]"))
    assert (len(titles), live) == (1, 1)
    assert titles[0].startswith("asset lines")
    outputs = kernel("@asset\ndef total(lines):\n    return sum(lines)")
    assert shown(outputs)[0][0].startswith("asset total")
    assert "lines" in outputs[0]["data"]["image/svg+xml"]


def test_many_definitions_are_shown_as_one_graph(kernel):
    cell = "\n".join(f"@asset\ndef a{n}({f'a{n - 1}' if n else ''}): return {n}" for n in range(10))
    outputs = kernel(cell)
    titles, live = shown(outputs)
    assert (len(titles), live) == (1, 1)
    assert all(f"a{n}" in outputs[0]["data"]["text/plain"] for n in range(10))


def test_ops_and_the_job_of_them_are_shown_as_the_job(kernel):
    cell = "@op\ndef one(): return 1\n@op\ndef two(x): return x\n@job\ndef both():\n    two(one())"
    titles, live = shown(kernel(cell))
    assert (len(titles), live) == (1, 1)
    assert "both" in titles[0]
    assert "alone" in shown(kernel("@op\ndef alone(): return 1"))[0][0]
    assert "inner" in shown(kernel("@graph\ndef inner():\n    alone()"))[0][0]


@pytest.mark.parametrize(
    "cell",
    [
        "x = 1",
        "@asset\ndef lines():\n    return [1, 2]\nlen('ab');",
        "@asset\ndef lines():\n    return [1, 2]\nif True:\n    pass",
        "def plain(): return 1",
    ],
    ids=["no definition", "an expression", "a statement", "a function"],
)
def test_a_cell_that_does_not_end_with_a_definition_of_its_own_shows_nothing(kernel, cell):
    assert [each for each in kernel(cell) if each["type"] == "display_data"] == []


def test_an_expression_after_a_definition_is_all_that_is_shown(kernel):
    outputs = kernel("@asset\ndef lines():\n    return [1, 2]\n1 + 1")
    assert [each["type"] for each in outputs] == ["execute_result"]


def test_the_switch_turns_it_off_and_on(kernel):
    define = "@asset\ndef lines():\n    return [1, 2]"
    kernel("session.show_definitions = False")
    assert kernel(define) == []
    kernel("session.show_definitions = True")
    assert shown(kernel(define))[1] == 1


def test_a_cell_that_fails_shows_its_error_alone(kernel):
    kernel("@asset\ndef lines():\n    return [1, 2]\n1 / 0\nx = 1", fails=True)
    assert [each for each in kernel.shown if each["type"] == "display_data"] == []


@pytest.mark.parametrize(
    ("name", "value"), [("JOBNB_DISPLAY", "static"), ("SERVER_SOFTWARE", "voila/0.5.8")]
)
def test_nothing_is_shown_or_loaded_where_nobody_looks_at_cells(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    talk = Talk(tmp_path)
    try:
        talk("from jobnb import asset")
        assert talk("@asset\ndef lines():\n    return [1, 2]") == []
        loaded = talk.text("import sys\nprint('jobnb.display.cell_definitions' in sys.modules)")
        assert loaded.strip() == "False"
    finally:
        talk.end()


def test_nbconvert_keeps_what_cells_ask_for_and_nothing_else(tmp_path):
    """Whoever answers no question, as nbclient says, runs a notebook for its outputs."""
    import nbformat
    from nbclient import NotebookClient

    cells = ["from jobnb import asset", "@asset\ndef lines():\n    return [1, 2]", "lines"]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [len(cell.outputs) > 0 for cell in notebook.cells] == [False, False, True]


def test_the_graph_of_a_cell_follows_what_is_made_later(tmp_path):
    from jobnb import Session, asset
    from jobnb.display.widgets.asset import AssetsGraph

    @asset
    def lines():
        return [1, 2]

    @asset
    def total(lines):
        return sum(lines)

    session = Session(str(tmp_path)).add(lines, total)
    graph = AssetsGraph([lines.key, total.key], session)
    assert graph.marks["lines"]["status"] == "none"
    session.materialize("lines")
    assert graph.behind
    graph.answer("keep_up")
    assert not graph.behind
    stand = {key: mark["status"] for key, mark in graph.marks.items()}
    assert stand == {"lines": "succeeded", "total": "none"}
