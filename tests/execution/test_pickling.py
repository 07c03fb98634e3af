"""What a notebook's cells define goes to another process: also what Python itself wraps."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import types
import weakref
from pathlib import Path
from typing import Any

import pytest

from jobnb.execution.pickling import dumps, loads
from jobnb.server.schema import served_schema

CELL = """
import functools

@functools.cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

@functools.lru_cache(maxsize=3, typed=True)
def shout(text: str) -> str:
    "Says it louder."
    return text.upper()

@functools.singledispatch
def size(value):
    return "unknown"

@size.register
def _(value: list):
    return len(value)

class Shop:
    def __init__(self, name):
        self.name = name

    @functools.cached_property
    def title(self):
        return shout(self.name)

    @functools.lru_cache
    def price(self, pieces):
        return pieces * 2

    @functools.singledispatchmethod
    def take(self, what):
        return "no"

    @take.register
    def _(self, what: int):
        return what + 1
"""


@pytest.fixture(params=["__main__", "gone_module"])
def cell(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a cell has defined, in a module that no other process finds."""
    names: dict[str, Any] = {"__name__": request.param}
    exec(CELL, names)  # as a kernel does
    return names


def sent(value: Any) -> Any:
    return loads(dumps(value))


def test_a_function_with_a_cache_begins_with_an_empty_one(cell: dict[str, Any]) -> None:
    cell["fib"](30)
    fib, shout = sent((cell["fib"], cell["shout"]))
    assert fib.cache_info().currsize == 0
    assert fib(60) == 1548008755920
    assert fib.cache_info().currsize == 61
    assert (shout("a"), shout.__doc__, shout.__name__) == ("A", "Says it louder.", "shout")
    assert shout.cache_parameters() == {"maxsize": 3, "typed": True}
    again = sent(shout)  # from there on to another one
    assert (again("b"), again.cache_parameters()) == ("B", {"maxsize": 3, "typed": True})
    assert fib.__wrapped__(1) == 1


def test_one_that_can_be_imported_stays_the_same_one() -> None:
    assert sent(served_schema) is served_schema


def test_cached_properties_and_dispatching_functions_go_along(cell: dict[str, Any]) -> None:
    shop, size = sent((cell["Shop"]("kiosk"), cell["size"]))
    assert shop.title == "KIOSK"
    assert shop.__dict__["title"] == "KIOSK"
    assert (shop.price(3), shop.take(1), shop.take("a")) == (6, 2, "no")
    assert (size([1, 2]), size(1)) == (2, "unknown")
    assert sent(size)([1]) == 1


def test_weak_collections_and_views_of_mappings_go_along() -> None:
    key = Path
    weak, view = sent((weakref.WeakKeyDictionary(), types.MappingProxyType({"a": 1})))
    weak[key] = 1
    assert dict(weak) == {key: 1}
    assert view == {"a": 1}
    with pytest.raises(TypeError):
        view["b"] = 2
    kept = type("Kept", (), {})
    held, other = sent((kept, weakref.WeakSet([kept])))
    assert list(other) == [held]


def test_a_process_of_its_own_reads_them(cell: dict[str, Any]) -> None:
    data = dumps((cell["fib"], cell["Shop"], cell["size"]))
    code = (
        "import pickle, sys; fib, Shop, size = pickle.load(sys.stdin.buffer); "
        "print(fib(20), Shop('a').title, size([1]))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert done.stdout.split() == [b"6765", b"A", b"1"]


def test_what_cannot_go_is_refused_as_before() -> None:
    with pytest.raises(TypeError, match="lock"):
        dumps(threading.Lock())
    assert pickle.loads(dumps(1)) == 1
