"""What has changed between two states of definitions, and what becomes stale because of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import jsonschema
import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_notebook

import jobnb
from jobnb import Instance, JobRun, Session, SkipReason, asset, job, op, sensor
from jobnb.cli.main import cli
from jobnb.display.diff_views import diff_markdown, diff_picture, diff_text, diff_view
from jobnb.display.widgets.diff import DiffView
from jobnb.errors import NotebookError, RunNotFoundError
from jobnb.events import RunStarted, StepSucceeded
from jobnb.notebook.revisions import diff_of_files
from jobnb.staleness.differences import compare

SCHEMAS = json.loads((Path(jobnb.__file__).parent / "cli" / "outputs.schema.json").read_text())
BEFORE = (
    "from jobnb import Config, StaticPartitionsDefinition, asset, job, op, schedule",
    "rate = 2\nletters = StaticPartitionsDefinition(['a', 'b'])",
    "class Limits(Config):\n    top: int = 3",
    "@asset\ndef orders():\n    return [1]",
    "@asset(group_name='raw')\ndef customers():\n    return ['ann']",
    "@asset(partitions_def=letters)\ndef letter(context, orders):\n    return orders * rate",
    "@asset\ndef report(letter, config: Limits):\n    return config.top",
    "@asset\ndef old_name():\n    return 'the same'",
    "@op\ndef greet():\n    return 1\n@job\ndef greeting():\n    greet()",
    "@schedule(job=greeting, cron_schedule='@daily')\ndef daily(): return {}",
)
AFTER = (
    BEFORE[0],
    "rate = 3\nletters = StaticPartitionsDefinition(['a', 'b'])",
    "class Limits(Config):\n    top: int = 4",
    "# only a comment\n@asset\ndef orders():\n    # another\n    return [1]",
    "@asset(group_name='clean', description='All of them.')\ndef customers():\n    return ['ann']",
    *BEFORE[5:6],
    "@asset\ndef report(letter, customers, config: Limits):\n    return config.top",
    "@asset\ndef new_name():\n    return 'the same'",
    (
        "@op\ndef greet():\n    return 2\n@op\ndef again():\n    pass\n@job\ndef greeting():\n"
        "    greet()\n    again()"
    ),
    "@schedule(job=greeting, cron_schedule='@weekly')\ndef daily(): return {}",
)
CHANGES = [
    "~ asset customers: group: raw -> clean; description changed",
    "~ asset letter: what the code uses changed",
    "+ asset new_name: the code is that of 'old_name', which is removed",
    "- asset old_name",
    "~ asset report: code changed; is now made from 'customers'; config changed: top 3 -> 4",
    "~ job greeting: ops: greet -> again, greet; code changed",
    "+ op again",
    "~ op greet: code changed",
    "~ schedule daily: cron: @daily -> @weekly",
]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    for name, cells in (("a.ipynb", BEFORE), ("b.ipynb", AFTER)):
        node = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        nbformat.write(node, tmp_path / name)
    return tmp_path / "a.ipynb", tmp_path / "b.ipynb"


def words(diff):
    return [str(each).replace(" in cell 1", "") for each in diff.changes]


def test_two_notebooks(files):
    before, after = files
    diff = diff_of_files(before, str(after))
    assert words(diff) == CHANGES
    assert [str(each.key.path[-1]) for each in diff.stale] == ["letter", "report"]
    assert diff.counts == "2 added, 1 removed, 6 changed"
    assert not diff_of_files(before, str(before))
    assert repr(diff_of_files(before, str(before))) == "a.ipynb -> a.ipynb: no differences"


def test_a_module_that_imports_another_when_it_is_looked_at(files, monkeypatch):
    class Lazy(ModuleType):
        def __getattr__(self, name):
            monkeypatch.setitem(sys.modules, f"lazy_{name}", ModuleType(f"lazy_{name}"))
            raise AttributeError(name)

    monkeypatch.setitem(sys.modules, "lazy", Lazy("lazy"))
    before, after = files
    assert words(diff_of_files(before, str(after))) == CHANGES


def test_with_a_history_only_what_was_made_is_stale_and_its_time_is_known(files):
    before, after = files
    from jobnb.notebook.location import load_definitions

    definitions = load_definitions(before)
    with Instance.from_home(before.parent / ".jobnb") as instance:
        made = Session().add(definitions)
        for letter in "ab":
            made.materialize("orders or letter", partition=letter, instance=instance)
    (stale,) = diff_of_files(before, str(after)).stale
    assert stale.key.path == ["letter"]
    assert stale.because == "what the code uses changed"
    assert stale.partitions == 2
    assert stale.seconds is not None
    assert stale.total_seconds == 2 * stale.seconds


def commit(folder, subject):
    """Commit all files of a folder."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", subject]):
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def test_a_revision(files):
    before, after = files
    after = after.rename(after.with_suffix(".new"))
    commit(before.parent, "first")
    before.write_bytes(after.read_bytes())
    diff = diff_of_files(before, "HEAD")
    assert words(diff) == CHANGES
    assert (diff.before, diff.after) == ("a.ipynb at HEAD", "a.ipynb")
    with pytest.raises(NotebookError, match="'HEAD~7' is no file, and no revision"):
        diff_of_files(before, "HEAD~7")


def test_a_revision_has_its_own_modules_and_what_git_does_not_follow_is_that_of_now(tmp_path):
    folder = tmp_path / "flows"
    (folder / "shop").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "data" / "rates.txt").write_text("7")
    (folder / ".gitignore").write_text("data\n")
    module = folder / "shop" / "prices.py"
    (folder / "shop" / "__init__.py").touch()
    flow = folder / "flow.py"
    flow.write_text(
        "from pathlib import Path\nfrom jobnb import asset\nfrom shop.prices import price\n"
        "rates = Path('data/rates.txt').read_text()\n"
        "@asset\ndef orders(): return price(rates)\n"
    )
    for factor in (1, 2, 3):
        module.write_text(f"def price(rates): return rates * {factor}\n")
        commit(tmp_path, f"factor {factor}")
    why = "what the code uses changed"

    def reasons(*revisions):
        diff = diff_of_files(flow, revisions[0], until=(*revisions, None)[1])
        lines = [line for each in diff.changes for line in each.code if "return rates" in line]
        return [reason for each in diff.changes for reason in each.reasons], lines

    modules, paths = dict(sys.modules), list(sys.path)
    assert reasons("HEAD") == ([], [])
    changed = ["-def price(rates): return rates * 2", "+def price(rates): return rates * 3"]
    assert reasons("HEAD~1") == reasons("HEAD~1..") == reasons("HEAD~1", "HEAD") == ([why], changed)
    assert reasons("HEAD~2...HEAD~1")[1][-1] == "+def price(rates): return rates * 2"
    assert reasons("HEAD", "HEAD~2")[1][-1] == "+def price(rates): return rates * 1"
    module.write_text("def price(rates): return rates *\n")
    commit(tmp_path, "broken")
    with pytest.raises(NotebookError, match="flow.py at HEAD, line 3 raised SyntaxError") as told:
        diff_of_files(flow, "HEAD~1", until="HEAD")
    assert "/tmp/jobnb-" not in str(told.value)
    assert [name for name in sys.modules if name.startswith("shop")] == []
    assert (set(modules) - set(sys.modules), sys.path) == (set(), paths)
    with pytest.raises(NotebookError, match="'nowhere' is no file, and no revision"):
        diff_of_files(flow, "HEAD...nowhere")
    with pytest.raises(NotebookError, match="Name one notebook and two revisions"):
        diff_of_files(flow, str(module), until="HEAD")
    with pytest.raises(NotebookError, match="first, .* jobnb diff flow.py HEAD~1"):
        diff_of_files("HEAD~1", "HEAD", until="flow.py")


def test_notebooks_of_two_folders_have_each_its_own_modules(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "prices.py").write_text(f"def price(): return {name!r}\n")
        text = (
            "from jobnb import asset\nfrom prices import price\n@asset\ndef a(): return price()\n"
        )
        (tmp_path / name / "flow.py").write_text(text)
    diff = diff_of_files(tmp_path / "old" / "flow.py", str(tmp_path / "new" / "flow.py"))
    assert words(diff) == ["~ asset a: what the code uses changed"]


def test_the_command_prints_text_json_and_markdown(files):
    before, after = map(str, files)
    shown = CliRunner().invoke(cli, ["diff", before, after]).output
    assert "a.ipynb -> b.ipynb: 2 added, 1 removed, 6 changed" in shown
    assert "2 assets become stale." in shown
    found = json.loads(CliRunner().invoke(cli, ["diff", before, after, "--json"]).output)
    schema = SCHEMAS["properties"]["diff"] | {"$defs": SCHEMAS["$defs"]}
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
    assert found["changes"][0] == {
        "kind": "asset",
        "name": "customers",
        "change": "changed",
        "reasons": ["group: raw -> clean", "description changed"],
        "code": [
            "-@asset(group_name='raw')",
            "+@asset(group_name='clean', description='All of them.')",
            " def customers():",
            "     return ['ann']",
        ],
    }
    assert [each["asset"] for each in found["stale"]] == ["letter", "report"]
    text = CliRunner().invoke(cli, ["diff", before, after, "--markdown"]).output
    assert "### a.ipynb → b.ipynb: 2 added, 1 removed, 6 changed" in text
    assert "| changed | asset `letter` | what the code uses changed |" in text
    wrong = CliRunner().invoke(cli, ["diff", before, "nowhere"])
    assert wrong.exit_code == 2
    assert "no revision" in wrong.output


def test_markdown_is_read_as_it_is_written(files):
    from markdown_it import MarkdownIt

    before, after = files
    text = diff_markdown(diff_of_files(before, str(after)))
    html = MarkdownIt().enable("table").render(text)
    assert html.count("<tr>") == 1 + len(CHANGES) + 1 + 2
    assert "the code is that of 'old_name', which is removed" in html.replace("&quot;", '"')


def test_the_code_of_what_changed_is_compared_with_what_it_uses(files):
    before, after = files
    code = {(e.kind, e.name): list(e.code) for e in diff_of_files(before, str(after)).changes}
    assert code["asset", "letter"][-2:] == ["-rate = 2", "+rate = 3"]
    assert code["asset", "new_name"] == ["+@asset", "+def new_name():", "+    return 'the same'"]
    assert "-    return 1" in code["op", "greet"]
    assert "+    return 2" in code["op", "greet"]
    assert code["schedule", "daily"][0] == "-@schedule(job=greeting, cron_schedule='@daily')"


def test_a_changed_function_of_a_sensor_is_told():
    def watching(cursor):
        @sensor(target="*", name="watch")
        def watch(context):
            return SkipReason(cursor)

        return Session().add(watch)

    (change,) = compare(watching("a"), watching("b")).changes
    assert (change.kind, change.name) == ("sensor", "watch")
    assert change.reasons == ("what the code uses changed",)
    assert not compare(watching("a"), watching("a"))


def test_texts_that_code_uses_are_told_by_a_hash_alone(tmp_path):
    home = str(tmp_path / "home")

    def session_with(token):
        @asset
        def reading():
            return len(token)

        return Session(home=home).add(reading)

    session_with("first-secret").materialize()
    (change,) = session_with("second-secret").diff().changes
    assert [line.partition("#")[0] for line in change.code if line[0] in "+-"] == [
        "-token = ...  ",
        "+token = ...  ",
    ]
    assert b"first-secret" not in b"".join(
        each.read_bytes() for each in (tmp_path / "home").glob("history.db*")
    )


def test_the_graph_shows_what_changed_what_becomes_stale_and_what_it_is_made_from(files):
    before, after = files
    diff = diff_of_files(before, str(after))
    marks = {name: mark.detail for name, mark in diff_picture(diff).marks.items()}
    assert marks == {
        "orders": "",
        "customers": "changed",
        "letter": "changed, stale",
        "report": "changed, stale",
        "new_name": "added",
        "old_name": "removed",
    }
    edges = {(edge.start, edge.end) for edge in diff_picture(diff).edges}
    assert edges == {("orders", "letter"), ("letter", "report"), ("customers", "report")}


def test_its_view_escapes_and_says_the_same(files):
    before, after = files
    diff = diff_of_files(before, str(after))
    view = diff_view(diff)
    assert view.text == diff_text(diff)
    assert "-&gt;" in view.html
    for each in diff.changes:
        assert each.name in view.html


def test_a_run_compared_with_now(tmp_path):
    known = Session(home=str(tmp_path / "home"))

    @asset
    def apples():
        return 1

    @asset
    def pears(apples):
        return 2

    @asset
    def plums():
        return 3

    known.add(apples, pears, plums)
    result = known.materialize("*pears")
    run = known.instance.get_run_by_id(result.run_id)
    assert [str(each) for each in known.diff(run).changes] == ["+ asset plums"]
    assert known.diff(result.run_id).stale == ()

    @asset(name="apples")
    def other():
        return 10

    known.add(other).remove("plums")
    diff = known.diff(result)
    assert [(e.name, e.change, e.reasons[0].partition(" in ")[0]) for e in diff.changes] == [
        ("apples", "changed", "code changed")
    ]
    assert list(diff.changes[0].code) == [
        "-@asset",
        "-def apples():",
        "-    return 1",
        '+@asset(name="apples")',
        "+def other():",
        "+    return 10",
    ]
    assert known.diff() == diff
    assert [each.key.path[-1] for each in diff.stale] == ["apples", "pears"]
    assert diff.stale[1].because.startswith("upstream 'apples': code changed")
    known.remove("pears")
    assert ("pears", "removed") in {(e.name, e.change) for e in known.diff(result).changes}
    with pytest.raises(RunNotFoundError):
        known.diff("nothing")


def test_a_view_of_a_run_compared_with_now_keeps_up_with_what_is_defined(tmp_path):
    session = Session(str(tmp_path / "home"))

    @asset
    def orders():
        return 1

    session.add(orders).materialize()
    view = DiffView(session.diff())
    assert (view.told["counts"], view.behind) == ("no differences", False)
    assert view.answer("keep_up") is False

    @asset(name="orders")
    def others():
        return 2

    session.add(others)
    assert view.behind
    assert view.answer("keep_up") is True
    assert (view.told["counts"], view.behind) == ("1 changed", False)
    assert [card["key"] for card in view.drawing["cards"]] == ["orders"]
    assert "+    return 2" in view.answer("code", kind="asset", name="orders")


def test_a_run_of_ops_compared_with_now(tmp_path):
    known = Session(home=str(tmp_path / "home"))

    @op
    def first():
        return 1

    @op
    def second():
        return 1

    @job
    def work():
        first()

    known.add(work)
    result = known.execute_job("work")
    assert not known.diff(result)

    @job(name="work")
    def more():
        second()

    known.add(more)
    assert [str(each) for each in known.diff(result).changes] == ["- op first", "+ op second"]


def test_without_any_run_there_is_nothing_to_compare_with(tmp_path):
    session = Session()
    session.home = str(tmp_path)
    with pytest.raises(RunNotFoundError, match="no run to compare with yet"):
        session.diff()


def counting(result, *, version=None):
    @op(code_version=version)
    def count():
        return result

    @op
    def tell(count):
        return count

    @job
    def work():
        tell(count.alias("first")())

    return work


def test_a_run_tells_which_ops_have_changed_since(tmp_path):
    known = Session(home=str(tmp_path / "home"))
    known.add(counting(1))
    result = known.execute_job("work")
    known.add(counting(1))
    assert known.diff(result.run_id[:8]).counts == "no differences"
    known.add(counting(2))
    (change,) = known.diff(result).changes
    assert (change.kind, change.name, change.change) == ("op", "count", "changed")
    assert change.reasons[0].startswith("what the code uses changed")
    known.add(counting(2, version="v2"))
    (change,) = known.diff(result).changes
    assert "-> 'v2'" in change.reasons[0]


def test_of_a_run_of_some_ops_only_these_are_compared(tmp_path):
    known = Session(home=str(tmp_path / "home")).add(counting(1))
    result = known.execute_job("work", op_selection=["first"])
    assert not known.diff(result)
    known.add(counting(2))
    assert [str(each).partition(":")[0] for each in known.diff(result).changes] == ["~ op count"]


def test_an_asset_that_failed_is_compared_by_its_code(tmp_path):
    known = Session(home=str(tmp_path / "home"))

    @asset
    def broken():
        raise ValueError("no")

    known.add(broken)
    result = known.materialize(raise_on_error=False)
    assert not known.diff(result)

    @asset(name="broken")
    def mended():
        return 1

    known.add(mended)
    assert [str(each) for each in known.diff(result).changes] == [
        "~ asset broken: code changed in tests.staleness.test_differences"
    ]


def test_a_run_of_an_earlier_version_is_compared_by_the_names_of_its_ops(tmp_path):
    known = Session(home=str(tmp_path / "home")).add(counting(1))
    log = known.instance.open_log(known.instance.create_run(JobRun("work")))
    log.events += [RunStarted(1.0, "work", ("count", "before"))]
    log.events += [StepSucceeded(2.0, name, 1.0) for name in ("count", "before")]
    log.close()
    changes = [str(each) for each in known.diff(log.run.run_id).changes]
    assert changes == ["- op before", "+ op tell"]
