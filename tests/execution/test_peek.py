"""A look at the beginning of a stored value reads only the beginning, where the format allows."""

from __future__ import annotations

import pandas as pd
import pyarrow.parquet as pq
import pytest

from jobnb import (
    Instance,
    IOManager,
    Session,
    StaticPartitionsDefinition,
    StepOutputNotFoundError,
    asset,
    materialize,
)
from jobnb.display.value_words import value_line
from jobnb.display.widgets.previews import preview
from jobnb.storage.formats import Peek

ROWS = 200_000


@asset
def large() -> pd.DataFrame:
    return pd.DataFrame({"n": range(ROWS), "text": ["x"] * ROWS})


@asset
def small():
    return {"a": 1}


@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def parts(context) -> pd.DataFrame:
    return pd.DataFrame({"key": [context.partition_key] * 3})


class Plain(IOManager):
    def handle_output(self, context, obj): ...

    def load_input(self, context):
        return "loaded"


@asset(io_manager_def=Plain())
def elsewhere():
    return 1


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    session = Session(home=str(home)).add(large, small, parts, elsewhere)
    materialize([large, small, elsewhere], instance=session.instance)
    materialize([parts], instance=session.instance, partition_key="b")
    yield session
    session.instance.dispose()


def test_of_a_large_table_a_few_rows_are_read(session, monkeypatch):
    monkeypatch.setattr(pq, "read_table", lambda *_: pytest.fail("all of it was read"))
    found = session.peek("large", rows=3)
    assert isinstance(found, Peek)
    assert found.shape == (ROWS, 2)
    assert list(found.head["n"]) == [0, 1, 2]
    assert value_line(found) == "DataFrame, 200,000 × 2"


def test_it_is_shown_as_the_whole_would_be(session):
    whole, beginning = preview(session.value("large")), preview(session.peek("large"))
    assert beginning == whole
    assert beginning["note"] == "DataFrame · 200,000 rows × 2 columns, the first 10 shown"


def test_what_has_no_beginning_is_loaded(session):
    assert session.peek("small") == {"a": 1}
    assert session.peek("elsewhere") == "loaded"


def test_one_partition_is_looked_at(session):
    assert list(session.peek("parts", partition="b").head["key"]) == ["b", "b", "b"]
    with pytest.raises(StepOutputNotFoundError, match="partition 'a'"):
        session.peek("parts", partition="a")


def test_an_empty_table_has_an_empty_beginning(tmp_path):
    @asset
    def nothing() -> pd.DataFrame:
        return pd.DataFrame({"n": pd.Series([], dtype="int64")})

    with Instance.local_temp(str(tmp_path)) as instance:
        materialize([nothing], instance=instance)
        session = Session().add(nothing)
        found = session.snapshot().get_asset_value_loader(instance).peek_asset_value("nothing")
    assert (found.shape, len(found.head)) == ((0, 1), 0)
