"""After a restart of the kernel everything is as fresh as it was, and a change is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from jobnb.cli.main import cli
from tests.notebook.talk import Talk

HELPERS = '''
from __future__ import annotations

import dataclasses, datetime as dt, enum, functools, typing
import numpy as np
import pandas as pd
from jobnb import Config, asset, graph_asset, op, session

START, RATES, CODES = dt.date(2013, 1, 1), {"JFK": 1.5, "LGA": 2}, frozenset({"a", "b", "c"})
TABLE = pd.DataFrame({"a": [1, 2]})
NOW = pd.Timestamp("2013-01-01")
seen = []

class Kind(enum.Enum):
    ARRIVAL = 1
    DEPARTURE = "d"

@dataclasses.dataclass(frozen=True)
class Settings:
    limit: int = 10
    names: tuple = ("x", "y")

SETTINGS = Settings(limit=3)

class Window(typing.NamedTuple):
    days: int = 3

def timed(fn):
    @functools.wraps(fn)
    def inner(*args, **kwargs):
        seen.append(fn.__name__)
        return fn(*args, **kwargs)
    return inner

@functools.lru_cache
def rate(code):
    """Remembered."""
    return RATES.get(code, 1)

def clean(rows, by=lambda row: row % 2, *, kinds={"a", "b"}):
    def odd(row):
        return by(row) and row not in {7, 9}
    return [row for row in rows if odd(row)]

class Years(Config):
    """Which years."""
    first: int = 2013
    tags: dict[str, int] = {"b": 1, "a": 2}
    kind: Kind = Kind.ARRIVAL

    def last(self) -> int:
        return self.first + Window().days
'''
ASSETS = '''
@asset
@timed
def orders():
    """What was sold."""
    return clean(range(10)) if START in {START} and "a" in CODES else f"{NOW:%Y} {TABLE.shape}"

@asset
def revenue(orders, config: Years):
    class Sum:
        "Adds."
        start = 0
        def of(self, rows): return sum(rows, self.start) * rate("JFK") + config.last()
    return Sum().of(orders) if SETTINGS.limit else np.pi

@op
def double(x): return x * 2

@op
def one(): return clean([1])

@graph_asset
def doubled(): return double(one())
'''
LOOK = "print(sorted(f'{each}' for each in session.stale().values()))"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    talks = []

    def start(seed: int) -> Talk:
        for each in talks:
            each.end()
        monkeypatch.setenv("PYTHONHASHSEED", str(seed))
        talks[:] = [Talk(tmp_path)]
        talks[0]("%load_ext jobnb")
        return talks[0]

    yield start
    for each in talks:
        each.end()


def test_a_restarted_kernel_finds_everything_fresh_until_something_changes(kernel) -> None:
    talk = kernel(1)
    talk(HELPERS)
    talk(ASSETS)
    talk("session.materialize()")
    assert talk.text(LOOK) == "[]\n"
    talk = kernel(2)
    talk("x = 1\n" * 3)
    talk("# moved\n\n" + HELPERS.replace('"""Remembered."""', "# remembered"))
    talk(
        ASSETS.replace('"Adds."', '"Adds all."').replace(
            "    return clean", "\n    # why\n    return clean"
        )
    )
    assert talk.text(LOOK) == "[]\n"
    assert talk.text("print(len(session.materialize(stale_only=True).fresh_assets))") == "3\n"
    talk(HELPERS.replace("row % 2", "row % 3"))
    told = talk.text(LOOK)
    assert "orders is stale: what the code in cell 4 uses changed" in told
    assert "doubled is stale: what the code in cell 4 uses changed" in told
    assert "revenue is stale: upstream 'orders': what the code in cell 4 uses changed" in told
    talk(HELPERS.replace("first: int = 2013", "first: int = 2014"))
    talk(ASSETS)
    told = talk.text(LOOK)
    assert "revenue is stale: config changed: first 2013 -> 2014" in told
    assert "orders" not in told
    talk(HELPERS.replace("limit=3", "limit=4"))
    talk(ASSETS)
    assert "revenue is stale: what the code" in talk.text(LOOK)
    talk(HELPERS)
    talk(ASSETS)
    assert talk.text(LOOK) == "[]\n"


def test_headless_runs_and_the_command_line_agree_with_the_kernel(write, kernel) -> None:
    path = write(
        "%load_ext jobnb", HELPERS, ASSETS, "result = session.materialize(stale_only=True)"
    )

    def jobnb(*arguments: object):
        done = CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="jobnb")
        assert done.exit_code == 0, done.output
        return done.output

    assert "missing" not in jobnb("asset", "list", path)  # no history, no status
    jobnb("execute", path)
    listed = jobnb("asset", "list", path)
    assert listed.count("fresh") == 3
    talk = kernel(3)
    talk(HELPERS)
    talk(ASSETS)
    assert talk.text(LOOK) == "[]\n"
    assert talk.text("print(len(session.runs))") == "1\n"
    jobnb("execute", path)
    assert (
        talk.text("print(session.runs.to_pandas().status.tolist())") == "['SUCCESS', 'SUCCESS']\n"
    )
    assert jobnb("asset", "list", path).count("fresh") == 3
    path.write_text(path.read_text().replace("x * 2", "x * 3"))
    assert "stale: what the code" in jobnb("asset", "list", path)
    assert "doubled" in jobnb("asset", "list", path, "--select", "status:stale")
