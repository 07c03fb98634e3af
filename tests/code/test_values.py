"""Values that code uses: every change of one counts, or it is told that it is not looked into."""

from __future__ import annotations

import argparse
import array
import collections
import copy
import datetime as dt
import enum
import fractions
import functools
import ipaddress
import itertools
import logging
import operator
import pathlib
import random
import re
import string
import subprocess
import sys
import threading
import types
import typing
import uuid
import zoneinfo
from decimal import Decimal

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import AssetKey, DailyPartitionsDefinition, StaticPartitionsDefinition
from jobnb.code.reader import CodeReader
from tests.code.test_hash import made

HEAD = """
import array, collections, dataclasses, datetime as dt, enum, functools, itertools, operator, re
import types, typing
import numpy as np, pandas as pd, pydantic
"""


def reading(value):
    return made("def f():\n    return K", K=value)


def version(fn):
    return CodeReader().version(fn)


def blind(fn):
    return [note.words for note in CodeReader().notes(fn) if note.is_blind]


def cell(text):
    """A function that uses K, which a cell defines."""
    return made(f"{HEAD}{text}\n\ndef f():\n    return K")


def frame(**columns):
    return pd.DataFrame(columns or {"a": [1, 2]})


BERLIN, LONDON = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("Europe/London")
VALUES = [
    (10**5000, 10**5000 + 1),
    ([10**5000], [10**5000 + 1]),
    ("a" * 100_000 + "x", "a" * 100_000 + "y"),
    (list(range(150_000)), [*range(149_999), 0]),
    (set(range(100)), set(range(101))),
    ({n: n for n in range(100)}, {**{n: n for n in range(99)}, 99: 0}),
    ([[n] for n in range(300)], [*([n] for n in range(299)), [0]]),
    (collections.deque([1], maxlen=1), collections.deque([1], maxlen=2)),
    (collections.defaultdict(int, a=1), collections.defaultdict(list, a=1)),
    (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
    (collections.ChainMap({"a": 1}), collections.ChainMap({"a": 2})),
    (collections.UserDict(a=1), collections.UserDict(a=2)),
    (types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 2})),
    (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
    (types.SimpleNamespace(a=1), types.SimpleNamespace(b=1)),
    (argparse.Namespace(a=[1]), argparse.Namespace(a=[2])),
    (array.array("i", [1]), array.array("i", [2])),
    (bytearray(b"a"), bytearray(b"b")),
    (memoryview(b"a"), memoryview(b"b")),
    (re.compile("z" * 200 + "|x"), re.compile("z" * 200 + "|y")),
    (re.compile("a").sub, re.compile("b").sub),
    ("a".join, "b".join),
    ({"a": 1}.get, {"a": 2}.get),
    ((1).__add__, (2).__add__),
    (str.upper, str.lower),
    (int.__add__, int.__mul__),
    (dict.fromkeys, collections.OrderedDict.fromkeys),
    (operator.itemgetter(0), operator.itemgetter(1)),
    (operator.attrgetter("a"), operator.attrgetter("b.c")),
    (operator.methodcaller("a", 1), operator.methodcaller("a", 2)),
    (operator.methodcaller("a", x=1), operator.methodcaller("a", x=2)),
    (functools.partial(print, sep="a"), functools.partial(print, sep="b")),
    (functools.partialmethod(print, 1), functools.partialmethod(print, 2)),
    (string.Template("$a"), string.Template("$b")),
    (Decimal(1), Decimal(2)),
    (fractions.Fraction(1, 3), fractions.Fraction(1, 4)),
    (uuid.UUID(int=1), uuid.UUID(int=2)),
    (pathlib.Path("a"), pathlib.PureWindowsPath("a")),
    (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("10.0.0.0/16")),
    (dt.timedelta(1), dt.timedelta(2)),
    (dt.time(1), dt.time(1, fold=1)),
    (dt.datetime(2020, 1, 1, tzinfo=BERLIN), dt.datetime(2020, 1, 1, tzinfo=LONDON)),
    (dt.timezone(dt.timedelta(hours=1)), dt.timezone(dt.timedelta(hours=2))),
    (BERLIN, LONDON),
    (slice(1, 2), slice(1, 3)),
    (enum.Enum("E", {"A": 1}).A, enum.Enum("E", {"A": 2}).A),
    (re.ASCII, re.IGNORECASE),
    (ValueError("a"), ValueError("b")),
    (list[int], list[str]),
    (typing.Optional[int], typing.Optional[str]),  # noqa: UP045
    (int | str, int | bytes),
    (typing.Literal["a"], typing.Literal["b"]),
    (AssetKey("a"), AssetKey("b")),
    (DailyPartitionsDefinition("2020-01-01"), DailyPartitionsDefinition("2020-01-02")),
    (StaticPartitionsDefinition(["a"]), StaticPartitionsDefinition(["b"])),
    # numpy
    (np.int64(3), np.int64(5)),
    (np.int64(3), np.int32(3)),
    (np.bool_(True), np.bool_(False)),
    (np.float32("nan"), np.float32(0)),
    (np.datetime64("2020-01-01"), np.datetime64("2021-01-01")),
    (np.datetime64("2020-01-01"), np.datetime64("2020-01-01", "ns")),
    (np.timedelta64(1, "D"), np.timedelta64(2, "D")),
    (np.str_("a"), np.str_("b")),
    (np.dtype("f8"), np.dtype("f4")),
    (np.dtype([("a", "i4")]), np.dtype([("b", "i4")])),
    (np.array([1, 2]), np.array([1, 3])),
    (np.array([1, 2]), np.array([[1, 2]])),
    (np.array([1, 2]), np.array([1, 2], dtype="i2")),
    (np.array([1, "a"], dtype=object), np.array([1, "b"], dtype=object)),
    (np.array([(1, 2)], dtype=[("a", "i1"), ("b", "i8")]),
     np.array([(1, 3)], dtype=[("a", "i1"), ("b", "i8")])),
    (np.arange(6).reshape(2, 3).T, np.arange(6).reshape(3, 2)),
    (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    (np.poly1d([1, 2]), np.poly1d([1, 3])),
    (np.polynomial.Polynomial([1, 2]), np.polynomial.Polynomial([1, 3])),
    (np.add, np.multiply),
    (np.add.reduce, np.multiply.reduce),
    (np.mean, np.sum),
    (functools.partial(np.add, 2), functools.partial(np.multiply, 2)),
    # pandas
    (pd.Timestamp("2020"), pd.Timestamp("2021")),
    (pd.Timestamp("2020", tz="Europe/Berlin"), pd.Timestamp("2020", tz="Europe/Paris")),
    (pd.Timestamp(1), pd.Timestamp(2)),
    (pd.Timedelta(1), pd.Timedelta(2)),
    (pd.Period("2020-01", "M"), pd.Period("2020-01-01", "D")),
    (pd.Interval(0, 1), pd.Interval(0, 1, closed="both")),
    (pd.offsets.MonthEnd(1), pd.offsets.MonthEnd(2)),
    (pd.DateOffset(months=1), pd.DateOffset(months=2)),
    (pd.offsets.Week(weekday=1), pd.offsets.Week(weekday=2)),
    (pd.NA, pd.NaT),
    (pd.CategoricalDtype(["a"]), pd.CategoricalDtype(["b"])),
    (pd.Categorical(["a"]), pd.Categorical(["b"])),
    (frame(), frame(a=[1, 3])),
    (frame(), frame(b=[1, 2])),
    (frame(), frame().set_index([[5, 6]])),
    (frame(), frame().rename_axis("x")),
    (frame(a=["x", None]), frame(a=["y", None])),
    (frame(a=[1, "x"]), frame(a=["1", "x"])),
    (frame(a=pd.to_datetime(["2020"])), frame(a=pd.to_datetime(["2021"]))),
    (frame(a=pd.to_datetime(["2020"], utc=True)), frame(a=pd.to_datetime(["2020"]))),
    (frame(a=pd.array([1, None])), frame(a=pd.array([2, None]))),
    (frame(a=pd.Categorical(["a", "b"])), frame(a=pd.Categorical(["b", "a"]))),
    (frame(a=pd.period_range("2020", periods=2)), frame(a=pd.period_range("2021", periods=2))),
    (pd.Series([1], name="a"), pd.Series([1], name="b")),
    (pd.Series([1.5]), pd.Series([2.5])),
    (pd.RangeIndex(3), pd.RangeIndex(4)),
    (pd.Index(["a"]), pd.Index(["b"])),
    (pd.MultiIndex.from_tuples([(1, 2)]), pd.MultiIndex.from_tuples([(1, 3)])),
    (pd.date_range("2020", periods=2), pd.date_range("2020", periods=2, freq="2D")),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(VALUES)))
def test_another_value_counts_and_a_copy_does_not(place):
    one, other = VALUES[place]
    try:
        again = copy.deepcopy(one)
    except TypeError:
        again = one
    for around in (lambda x: x, lambda x: [x], lambda x: functools.partial(max, x)):
        assert version(reading(around(one))) == version(reading(around(again)))
        assert version(reading(around(one))) != version(reading(around(other)))
        assert blind(reading(around(one))) == []


CELLS = {
    "vectorize": "K = np.vectorize(lambda v: v + {})",
    "a singledispatch case": (
        "@functools.singledispatch\ndef K(v): return 0\n@K.register\ndef _(v: int): return {}"
    ),
    "the default of a singledispatch": (
        "@functools.singledispatch\ndef K(v): return {}\n@K.register\ndef _(v: int): return 0"
    ),
    "a singledispatch method": (
        "class C:\n    @functools.singledispatchmethod\n    def m(self, v): return 0\n"
        "    @m.register\n    def _(self, v: int): return {}\nK = C()"
    ),
    "a class as a decorator": (
        "class Memo:\n    def __init__(self, fn): self.fn = fn\n"
        "    def __call__(self, v): return self.fn(v)\n@Memo\ndef K(v): return v + {}"
    ),
    "a class as a decorator with slots": (
        "class Memo:\n    __slots__ = ('fn',)\n    def __init__(self, fn): self.fn = fn\n"
        "    def __call__(self, v): return self.fn(v)\n@Memo\ndef K(v): return v + {}"
    ),
    "a class decorator": (
        "def add(cls):\n    cls.extra = lambda self: {}\n    return cls\n@add\nclass K: pass"
    ),
    "a parameter of a decorator": (
        "def plus(n):\n    def deco(fn):\n        @functools.wraps(fn)\n"
        "        def inner(*a): return fn(*a) + n\n        return inner\n    return deco\n"
        "@plus({})\ndef K(): return 1"
    ),
    "a decorator without wraps": (
        "def deco(fn):\n    def inner(*a): return fn(*a)\n    return inner\n"
        "@deco\ndef K(): return {}"
    ),
    "a function that a library wraps": (
        "import contextlib\n@contextlib.contextmanager\ndef K():\n    yield {}"
    ),
    "a partial of one's own": "def h(a, b): return a + b + {}\nK = functools.partial(h, 1)",
    "an argument of a partial": "def h(a, b): return a + b\nK = functools.partial(h, {})",
    "a partialmethod": (
        "class K:\n    def m(self, a): return a\n    n = functools.partialmethod(m, {})"
    ),
    "the state of a bound method": (
        "class C:\n    def __init__(self, n): self.n = n\n    def m(self): return self.n\n"
        "K = C({}).m"
    ),
    "a bound classmethod": "class C:\n    @classmethod\n    def m(cls): return {}\nK = C.m",
    "a lambda in a table": "K = {{'a': lambda: {}}}",
    "a lambda in a default": "def K(f=lambda: {}): return f()",
    "a default that is a table": "def K(a={{'x': [{}]}}): return a",
    "a keyword default": "def K(*, a={}): return a",
    "a closure": "def outer(n):\n    def inner(): return n\n    return inner\nK = outer({})",
    "a closure of a closure": (
        "def outer(n):\n    def mid():\n        def inner(): return n\n        return inner\n"
        "    return mid()\nK = outer({})"
    ),
    "a nested function": "def K():\n    def inner(): return {}\n    return inner()",
    "a comprehension": "def K(): return [x + {} for x in 'ab']",
    "a generator": "def K():\n    yield {}",
    "a coroutine": "async def K(): return {}",
    "an attribute of a function": "def K(): return K.limit\nK.limit = {}",
    "a plain object": (
        "class C:\n    def __init__(self, n): self.n = n\nK = C({})"
    ),
    "an object with slots": (
        "class C:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n\nK = C({})"
    ),
    "an object in an object": (
        "class C:\n    def __init__(self, n): self.n = n\nK = C([C({})])"
    ),
    "an object in a dict of a namespace": (
        "class C:\n    def __init__(self, n): self.n = n\n"
        "K = types.SimpleNamespace(a=dict(b=C({})))"
    ),
    "a class attribute of an object": "class C:\n    n = {}\nK = C()",
    "a special method that is no function": (
        "class C:\n    def m(self, n): return n\n"
        "    __call__ = functools.partialmethod(m, {})\nK = C()"
    ),
    "a special method that is cached": (
        "class C:\n    @functools.lru_cache\n    def __call__(self): return {}\nK = C()"
    ),
    "a metaclass": "class M(type):\n    def m(cls): return {}\nclass K(metaclass=M): pass",
    "a mixin": "class M:\n    def m(self): return {}\nclass B: pass\nclass K(B, M): pass",
    "a descriptor": (
        "class D:\n    def __init__(self, n): self.n = n\n"
        "    def __get__(self, *a): return self.n\nclass K:\n    d = D({})"
    ),
    "a dataclass": "@dataclasses.dataclass\nclass C:\n    x: int\nK = C({})",
    "a frozen dataclass with slots": (
        "@dataclasses.dataclass(frozen=True, slots=True)\nclass C:\n    x: int\nK = C({})"
    ),
    "a default factory": (
        "@dataclasses.dataclass\nclass K:\n    x: list = dataclasses.field("
        "default_factory=lambda: [{}])"
    ),
    "a made dataclass": "K = dataclasses.make_dataclass('C', ['x'])({})",
    "a dict of one's own": "class C(dict): pass\nK = C(a={})",
    "a method of a dict of one's own": "class C(dict):\n    def m(self): return {}\nK = C()",
    "a float of one's own": "class C(float):\n    def m(self): return {}\nK = C(1)",
    "a str of one's own": "class C(str): pass\nK = C('{}')",
    "a list of one's own with a note": "class C(list): pass\nK = C()\nK.note = {}",
    "a named tuple": "class C(typing.NamedTuple):\n    x: int\nK = C({})",
    "a method of a named tuple": (
        "class C(typing.NamedTuple):\n    x: int\n    def m(self): return {}\nK = C(1)"
    ),
    "an old named tuple": "K = collections.namedtuple('C', 'x')({})",
    "a default of a named tuple": "K = collections.namedtuple('C', 'x', defaults=[{}])",
    "a value of an enum": "class E(enum.Enum):\n    A = {}\nK = E.A",
    "a method of an enum": "class E(enum.Enum):\n    A = 1\n    def m(self): return {}\nK = E.A",
    "an int enum": "class E(enum.IntEnum):\n    A = 1\n    B = {} + 1\nK = E.A",
    "a flag": "class E(enum.Flag):\n    A = 1\n    B = 2\n    C = 4\nK = E.A | E({} * 2)",
    "an error of one's own": "class E(Exception): pass\nK = E({})",
    "a model": "class P(pydantic.BaseModel):\n    a: int\nK = P(a={})",
    "a default of a model": "class K(pydantic.BaseModel):\n    a: int = {}",
    "a bound of a field": "class K(pydantic.BaseModel):\n    a: int = pydantic.Field(gt={})",
    "a validator": (
        "class K(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a')\n"
        "    def check(cls, v): return v + {}"
    ),
    "when a validator runs": (
        "class K(pydantic.BaseModel):\n    a: int\n    b: int = 0\n"
        "    @pydantic.field_validator(['a', 'b'][{} - 1])\n    def check(cls, v): return v + 1"
    ),
    "a private attribute of a model": (
        "class P(pydantic.BaseModel):\n    _n: int = 0\nK = P()\nK._n = {}"
    ),
    "an extra field of a model": (
        "class P(pydantic.BaseModel, extra='allow'): pass\nK = P(n={})"
    ),
    "the config of a model": (
        "class K(pydantic.BaseModel, str_max_length={}):\n    a: str"
    ),
    "a computed field": (
        "class K(pydantic.BaseModel):\n    @pydantic.computed_field\n    @property\n"
        "    def a(self) -> int: return {}"
    ),
    "a field of a model in a model": (
        "class I(pydantic.BaseModel):\n    a: int\nclass P(pydantic.BaseModel):\n    i: I\n"
        "K = P(i=I(a={}))"
    ),
    "a class in an annotation": (
        "class C:\n    def m(self): return {}\ndef K(c: list[C]): return c[0].m()"
    ),
    "a class in a text as annotation": (
        "class C:\n    def m(self): return {}\ndef K(c: 'list[C]'): return c[0].m()"
    ),
    "a set of functions": "def a(): return 1\ndef b(): return {}\nK = {{a, b}}",
    "a set of tuples": "K = {{(1, 2), (3, {})}}",
    "a cached function": "@functools.lru_cache(maxsize={})\ndef K(x): return x",
    "a name in globals()": "M = {}\ndef K(): return globals()['M']",
    "a getattr of an object": (
        "class C:\n    n = {}\ndef K(): return getattr(C, 'n')"
    ),
    "a subclass of an array": (
        "class C(np.ndarray): pass\nK = np.array([{}]).view(C)"
    ),
    "a subclass of a frame": "class C(pd.DataFrame): pass\nK = C(dict(a=[{}]))",
    "a function in an object column": "K = pd.Series([lambda: {}])",
    "a type alias": "class C:\n    def m(self): return {}\nK = typing.Annotated[int, C]",
}  # fmt: skip


@pytest.mark.parametrize("what", CELLS)
def test_an_edit_of_the_cell_that_defines_a_name_counts(what):
    one, again, other = (cell(CELLS[what].format(number)) for number in (1, 1, 2))
    assert version(one) == version(again)
    assert version(one) != version(other)
    assert blind(one) == []


# --- what is not looked into -----------------------------------------------


class Lazy:
    """A stand-in that must not be woken up."""

    def __getattribute__(self, name):
        raise AssertionError(name)

    def __reduce__(self):
        raise AssertionError

    __eq__ = __len__ = __iter__ = __repr__ = __hash__ = __reduce__  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (np.random.default_rng(1), "numpy.random._generator.Generator"),
        (random.Random(1), "random.Random"),
        (itertools.count(), "itertools.count"),
        (iter([1]), "list_iterator"),
        ((x for x in "ab"), "generator"),
        (pydantic.SecretStr("x"), "pydantic.types.SecretStr"),
        (np.frompyfunc(lambda x: x, 1, 1), "numpy.ufunc"),
        (sys.stdout, type(sys.stdout).__qualname__),
    ],
)
def test_what_is_not_looked_into_is_told_with_its_class(value, named):
    (words,) = blind(reading(value))
    assert words.startswith("`K`, an object of class ")
    assert words.endswith(named)
    assert version(reading(value)) == version(reading(value))


@pytest.mark.parametrize(
    "make", [lambda: logging.getLogger("x"), threading.Lock, threading.RLock, object, Lazy]
)
def test_what_nothing_can_depend_on_is_not_told(make):
    one, other = make(), make()
    assert blind(reading(one)) == []
    assert version(reading(one)) == version(reading(other))


def test_where_something_is_that_is_not_looked_into_is_told():
    text = (
        "import random\nclass C:\n    def __init__(self): self.rng = random.Random()\n"
        "settings = C()\ndef helper(): return settings\ndef f(): return helper()"
    )
    assert blind(made(text)) == ["`settings.rng`, an object of class random.Random in `helper`"]
    both = "import random\nrng = random.Random()\ndef f(): return rng.random(), eval('rng')"
    assert sorted(blind(made(both))) == [
        "`rng`, an object of class random.Random",
        "the code that `eval` runs",
    ]


def test_very_large_values_are_read_in_part_which_is_told():
    array_, floats = np.zeros(9_000_000), [0.5] * 400_000
    for value, other in ((array_, array_ + 1), (floats, floats[:-1]), ("a" * 40_000_000, "b")):
        (words,) = blind(reading(value))
        assert "read only in part" in words
        assert version(reading(value)) != version(reading(other))
    objects = [[n] for n in range(30_000)]
    assert "of 30,000 that is read only in part" in blind(reading(objects))[0]


@pytest.mark.timeout(20)
def test_values_that_lead_to_themselves_or_to_very_much_take_no_time():
    twice: list = []
    for _ in range(40):
        twice = [twice, twice]
    assert version(reading(twice))
    assert "read only in part" in blind(reading(twice))[0]
    ring = types.SimpleNamespace()
    ring.ring = ring
    assert version(reading(ring)) == version(reading(ring))
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    assert version(reading(deep))


def test_objects_that_know_each_other_have_one_hash():
    text = (
        "class N:\n    def __init__(self, n): self.n, self.up, self.down = n, None, []\n"
        "def tree(n):\n    top = N(0)\n    for i in range(50):\n        low = N(i)\n"
        "        low.up = top\n        top.down.append(low)\n    low.n = n\n    return top\n"
        "K = tree({})"
    )
    assert version(cell(text.format(1))) == version(cell(text.format(1)))
    assert version(cell(text.format(1))) != version(cell(text.format(2)))


def test_running_one_of_two_cells_again_with_the_same_text_changes_nothing():
    scope = {"__name__": "__main__"}
    exec("def h(): return 1\nclass C:\n    def m(self): return h()", scope)
    exec("T = [h, C()]\ndef f(): return T, h, C", scope)
    before = version(scope["f"])
    exec("def h(): return 1\nclass C:\n    def m(self): return h()", scope)
    assert version(scope["f"]) == before


def test_hashes_are_the_same_in_every_process(tmp_path):
    """All of the cells above, and values in sets, with several seeds of the hashes of Python."""
    texts = [text.format(1) for text in CELLS.values()]
    texts += ["K = {'a', ('b', 'c'), frozenset({'d', 'e'})}", "K = {str, int, list, dict}"]
    texts += [
        "K = {lambda: 1, lambda: 2, len, max}",
        "K = {dt.date(2020, 1, d) for d in (1, 2, 3)}",
    ]
    program = tmp_path / "program.py"
    program.write_text(
        "from tests.code.test_values import cell, version\n"
        f"for text in {texts!r}:\n    print(version(cell(text)))\n"
        "from tests.code.test_values import VALUES, reading\n"
        "for one, _ in VALUES:\n    print(version(reading(one)))\n"
    )
    found = [
        subprocess.run(
            [sys.executable, str(program)],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout.splitlines()
        for seed in ("0", "77")
    ]
    here = [version(cell(text)) for text in texts]
    here += [version(reading(one)) for one, _ in VALUES]
    labels = [*CELLS, *texts[len(CELLS) :], *map(str, range(len(VALUES)))]
    for each in found:
        assert dict(zip(labels, each, strict=True)) == dict(zip(labels, here, strict=True))


# --- against running the function ------------------------------------------

plain = st.one_of(
    st.integers(-3, 3),
    st.sampled_from(["a", "b"]),
    st.sampled_from([0.5, -0.0, 0.0]),
    st.none(),
    st.booleans(),
)
numpy_texts = st.builds(
    "np.{}({!r})".format, st.sampled_from(["int64", "float32", "array", "int8"]), st.integers(0, 3)
)
pandas_texts = st.one_of(
    st.builds("pd.Timestamp({!r})".format, st.sampled_from(["2020", "2021"])),
    st.builds("pd.Timedelta({}, 'h')".format, st.integers(1, 3)),
    st.builds("pd.Series([{}, {}])".format, st.integers(0, 2), st.integers(0, 2)),
    st.builds("pd.DataFrame(dict(a=[{}]))".format, st.integers(0, 2)),
)
leaves = st.one_of(st.builds(repr, plain), numpy_texts, pandas_texts)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("dict(x={})".format, inner),
        st.builds("types.SimpleNamespace(x={})".format, inner),
        st.builds("Own({})".format, inner),
        st.builds("Data({})".format, inner),
    ),
    max_leaves=4,
)
WAYS = [
    "K = {value}\ndef f(): return show(K)",
    "def outer(k):\n    def f(): return show(k)\n    return f\nf = outer({value})",
    "def f(k={value}): return show(k)",
    "def f(*, k={value}): return show(k)",
    "g = functools.partial(show, {value})\ndef f(): return g()",
    "class C:\n    k = {value}\n    def m(self): return show(self.k)\ndef f(): return C().m()",
    "o = Own({value})\ndef f(): return o.show()",
    "b = Own({value}).show\ndef f(): return b()",
    "@functools.lru_cache\ndef g(): return show({value})\ndef f(): return g()",
    "@Own\ndef g(): return {value}\ndef f(): return show(g.x())",
    "def g(n=3): return show({value}) if n == 0 else g(n - 1)\ndef f(): return g()",
    "T = dict(a=lambda: {value})\ndef f(): return show(T['a']())",
    "def f(): return [show(k) for k in [{value}]]",
]
TOOLS = (
    HEAD
    + "class Own:\n    def __init__(self, x): self.x = x\n    def show(self): return show(self.x)\n"
    "@dataclasses.dataclass\nclass Data:\n    x: object\n"
    "def show(k):\n"
    "    if isinstance(k, (list, tuple)): return [show(e) for e in k]\n"
    "    if isinstance(k, dict): return [(e, show(v)) for e, v in k.items()]\n"
    "    if isinstance(k, (Own, Data, types.SimpleNamespace)): return type(k).__name__, show(k.x)\n"
    "    return type(k).__name__, str(getattr(k, 'dtype', '')), repr(k)\n"
)


@given(st.sampled_from(WAYS), values, values)
def test_another_result_has_another_hash_and_the_same_text_the_same(way, one, other):
    programs = [TOOLS + way.format(value=value) for value in (one, one, other)]
    first, again, second = map(made, programs)
    assert version(first) == version(again)
    if first() != second():
        assert version(first) != version(second) or blind(second)
    before = version(second)
    second()
    assert version(second) == before
