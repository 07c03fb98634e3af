from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    ErrorInfo,
    MetadataValue,
    TableColumnDep,
    TableColumnLineage,
    TableRecord,
    fold,
)
from jobnb.definitions.metadata import to_json
from jobnb.display.failures import error_text
from jobnb.display.metadata import entry_html, entry_text, metadata_html, metadata_text
from jobnb.display.picture import Status
from jobnb.display.run_marks import run_marks
from jobnb.events import (
    OutputYielded,
    RunFailed,
    RunStarted,
    StepFailed,
    StepStarted,
    StepSucceeded,
)
from tests.display.reading import read_html


def test_data_shows_what_json_lacks_and_the_metadata_in_it():
    given = {
        "data": {
            "ratio": float("nan"),
            "top": [float("inf")],
            "rows": MetadataValue.int(3),
            "about": MetadataValue.path("/data/x"),
            "of": AssetKey(["a", "b"]),
        },
        "table": MetadataValue.table([TableRecord({"x": float("nan")})]),
    }
    told = to_json(given)
    line = entry_text(told["data"])
    assert line.startswith('{"ratio": NaN, "top": [Infinity], "rows": 3, "about": "/data/x", "of"')
    shown = str(metadata_html(told))
    assert "$jobnb" not in shown + line
    assert "a/b" in shown


EVERY = {
    "text": MetadataValue.text("<b>bold</b>"),
    "url": MetadataValue.url("https://example.org"),
    "bad_url": MetadataValue.url("javascript:alert(1)"),
    "path": MetadataValue.path("/tmp/<x>"),
    "notebook": MetadataValue.notebook("a.ipynb"),
    "json": MetadataValue.json({"a": [1, {"b": None}]}),
    "md": MetadataValue.md("**bold** <script>"),
    "artifact": MetadataValue.python_artifact(pytest.fixture),
    "float": MetadataValue.float(0.25),
    "int": MetadataValue.int(336776),
    "bool": MetadataValue.bool(True),
    "asset": MetadataValue.asset(["a", "b"]),
    "run": MetadataValue.dagster_run("3f9c"),
    "table": MetadataValue.table([TableRecord({"carrier": "<UA>", "flights": 58665})]),
    "lineage": MetadataValue.column_lineage(
        TableColumnLineage({"total": [TableColumnDep("raw/orders", "price")]})
    ),
    "job": MetadataValue.job("daily", "shop"),
    "pool": MetadataValue.pool("database"),
    "null": MetadataValue.null(),
}


def test_every_kind_has_a_look():
    data = to_json(EVERY)
    reader = read_html(metadata_html(data))
    words = " ".join(reader.said)
    for part in ("<b>bold</b>", "336,776", "0.25", "true", "a/b", "<UA>", "58,665", "none", "3f9c",
                 "raw/orders:price", "daily of shop", "database"):  # fmt: skip
        assert part in words, part
    assert "strong" in reader.tags
    assert reader.tags.count("a") == 1


def test_every_kind_has_a_line():
    lines = metadata_text(to_json(EVERY))
    assert lines["int"] == "336,776"
    assert lines["table"] == "1 row"
    assert lines["asset"] == "a/b"
    assert all(len(line.splitlines()) == 1 for line in lines.values())


def test_long_tables_end():
    records = [TableRecord({"n": n}) for n in range(1000)]
    assert "950 more rows" in entry_html(to_json({"t": MetadataValue.table(records)})["t"])


@given(
    st.sampled_from([*{e["type"] for e in to_json(EVERY).values()}, "of a later version"]),
    st.recursive(
        st.none() | st.text() | st.integers() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
)
def test_any_entry_has_a_look(kind, value):
    entry = {"type": kind, "value": value}
    assert len(entry_text(entry).splitlines()) <= 1
    read_html(entry_html(entry).encode("utf-8", "replace").decode())


def test_marks_of_mapped_steps_are_one_mark():
    events = [RunStarted(0.0, "job", ("make", "work", "gather"))]
    events += [StepStarted(1.0, f"work[{n}]") for n in range(4)]
    events += [StepSucceeded(2.0, f"work[{n}]", 0.5) for n in range(3)]
    marks = run_marks(fold(events))
    assert marks["work"].status is Status.RUNNING
    assert marks["work"].detail == "3 of 4"
    assert marks["make"].status is Status.QUEUED


def test_marks_go_to_the_cards_of_a_step():
    events = [RunStarted(0.0, "job", ("both",)), StepSucceeded(1.0, "both", 2.0)]
    marks = run_marks(fold(events), {"both": ["a", "b"]}, {"a": "3 rows"})
    assert marks["a"].detail == "3 rows"
    assert marks["b"].duration == "2.0 s"


def test_a_cause_that_says_the_same_again_is_passed_over():
    error = ErrorInfo("KeyError", "x", cause=ErrorInfo("KeyError", "x", cause=ErrorInfo("A", "b")))
    assert error_text(error) == "KeyError: x\ncaused by\nA: b"


def test_a_failed_step_tells_its_error():
    error = ErrorInfo("ValueError", "no")
    events = [
        RunStarted(0.0, "job", ("a", "b")),
        OutputYielded(0.5, "a", "result", "Any"),
        StepFailed(1.0, "a", error, 1.0),
        RunFailed(2.0, "job", ("a",)),
    ]
    marks = run_marks(fold(events))
    assert (marks["a"].status, marks["a"].detail) == (Status.FAILED, "ValueError: no")
    assert marks["b"].status is Status.SKIPPED
