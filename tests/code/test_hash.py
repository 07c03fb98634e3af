from __future__ import annotations

import collections
import copy
import datetime as dt
import enum
import functools
import importlib
import json
import math
import pickle
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import Session
from jobnb.code.modules import is_own
from jobnb.code.reader import code_hash
from jobnb.code.version import CodeHash


def made(source: str, name: str = "f", **names):
    """The function of a source text, as a notebook would define it."""
    scope = {"__name__": "__main__", **names}
    exec(compile(source, "<cell>", "exec"), scope)
    return scope[name]


lines = st.lists(
    st.sampled_from(["x += 1", "x *= 2", "x = abs(x)", "x -= len(str(x))", "x = [x][0]"]),
    min_size=1,
    max_size=6,
)
noise = st.lists(st.sampled_from(["", "    # a remark", "    "]), max_size=3)


def body(statements, between):
    text = "def f(x):\n"
    for each in statements:
        text += "".join(f"{line}\n" for line in between) + f"    {each}  # why\n"
    return text + "    return x\n"


@given(lines, noise, noise, st.integers(0, 5))
def test_comments_blank_lines_and_the_place_do_not_count(statements, one, other, down):
    assert code_hash(made(body(statements, one))) == code_hash(
        made("\n" * down + body(statements, other))
    )


@given(lines, lines)
def test_other_statements_give_another_hash(one, other):
    same = code_hash(made(body(one, []))) == code_hash(made(body(other, [])))
    assert same is (one == other)


@given(st.integers(), st.integers())
def test_constants_and_defaults_count(one, other):
    for text in ("def f(): return {}", "def f(x={}): return x", "def f(*, x={}): return x"):
        same = code_hash(made(text.format(one))) == code_hash(made(text.format(other)))
        assert same is (one == other)


def test_a_docstring_does_not_count_not_even_whether_there_is_one():
    body = "    if x:\n        return None\n    return ['a', 1]"
    texts = [f"def f(x):\n{doc}{body}" for doc in ('    """One."""\n', "    'Two.'\n", "")]
    assert len({code_hash(made(text)) for text in texts}) == 1


def test_the_docstring_of_an_inner_function_or_class_does_not_count():
    for head in ("def g(self)", "class g"):
        text = "def f():\n    {}:\n        {}\n        a = [1]\n    return g"
        one, two, none = (text.format(head, doc) for doc in ('"""One."""', '"""Two."""', ""))
        hashes = {code_hash(made(each)) for each in (one, two, none)}
        assert len(hashes) == 1
        assert code_hash(made(text.replace("[1]", "[2]").format(head, ""))) not in hashes


def test_the_place_of_an_inner_class_does_not_count():
    text = "def f():\n{}    class g:\n        a = 1\n    return g"
    assert code_hash(made(text.format(""))) == code_hash(made(text.format("\n\n    # why\n")))


def test_where_lines_break_does_not_count():
    one = made("def f(x):\n    return sum([x, 1, 2])")
    assert code_hash(one) == code_hash(
        made("def f(x):\n    return sum(\n        [x,\n 1, 2],\n    )")
    )


def test_annotations_do_not_count_but_for_ones_own_classes():
    assert code_hash(made("def f(x): return x")) == code_hash(
        made("def f(x: int) -> str: return x")
    )

    def taking(number: int, head: str = ""):
        return made(
            f"{head}class Tools:\n    def n(self): return {number}\ndef f(t: Tools): return t.n()"
        )

    late = "from __future__ import annotations\n"
    for head in ("", late):
        assert code_hash(taking(1, head)) != code_hash(taking(2, head))
    assert code_hash(taking(1)) == code_hash(taking(1, late))


def test_more_than_256_constants_can_come_and_go():
    numbers = ", ".join(f"'{n}'" for n in range(600))
    one, two = (made(f"def f():\n    {doc}return [{numbers}]") for doc in ("", "'doc'; "))
    assert code_hash(made(f"def f():\n    return [{numbers}, 'x']")) != code_hash(one)
    assert code_hash(two) == code_hash(two)


def test_called_notebook_functions_count_however_deep():
    def chain(last: str):
        scope = {"__name__": "__main__"}
        exec(f"def c(): return {last}\ndef b(): return c()\ndef f(): return b()", scope)
        return scope["f"]

    assert code_hash(chain("1")) == code_hash(chain("1"))
    assert code_hash(chain("1")) != code_hash(chain("2"))


def test_a_function_used_inside_a_lambda_or_comprehension_counts():
    def with_helper(number: int):
        scope = {"__name__": "__main__"}
        exec(f"def h(x): return x + {number}\ndef f(xs): return [h(x) for x in xs]", scope)
        return scope["f"]

    assert code_hash(with_helper(1)) != code_hash(with_helper(2))


def test_functions_that_call_each_other_have_a_hash():
    scope = {"__name__": "__main__"}
    exec("def f(n): return g(n - 1) if n else 0\ndef g(n): return f(n)", scope)
    assert code_hash(scope["f"]) != code_hash(scope["g"])


def test_a_very_long_chain_of_functions_has_a_hash():
    scope = {"__name__": "__main__"}
    exec("def f0(): return 1\n", scope)
    for index in range(1, 3000):
        exec(f"def f{index}(): return f{index - 1}()", scope)
    first = code_hash(scope["f2999"])
    exec("def f0(): return 2\n", scope)
    assert code_hash(scope["f2999"]) != first


def closing_over(value):
    def f():
        return value

    return f


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 2), ("a", "b"), ((1, 2), (2, 1)), ({"a": 1}, {"a": 2}), ({1, 2}, {1, 3}), (None, 0)],
)
def test_plain_values_that_are_closed_over_count(one, other):
    assert code_hash(closing_over(one)) == code_hash(closing_over(one))
    assert code_hash(closing_over(one)) != code_hash(closing_over(other))


def test_functions_that_are_closed_over_count():
    assert code_hash(closing_over(lambda: 1)) != code_hash(closing_over(lambda: 2))


def test_objects_that_are_closed_over_count_by_their_type_alone():
    assert code_hash(closing_over(object())) == code_hash(closing_over(object()))
    assert code_hash(closing_over(object())) != code_hash(closing_over(sys))


def decorated(extra: int):
    scope = {"__name__": "__main__", "functools": functools}
    exec(
        "def twice(fn):\n"
        "    @functools.wraps(fn)\n"
        f"    def inner(): return fn() + {extra}\n"
        "    return inner\n"
        "@twice\n"
        "def f(): return 1\n",
        scope,
    )
    return scope["f"]


def test_a_decorator_around_a_function_counts():
    assert code_hash(decorated(1)) == code_hash(decorated(1))
    assert code_hash(decorated(1)) != code_hash(decorated(2))


def test_a_cached_or_partial_function_is_read_through():
    for wrap in (functools.cache, lambda fn: functools.partial(fn, 1)):
        one, other = wrap(made("def f(x): return x + 1")), wrap(made("def f(x): return x + 2"))
        assert code_hash(one) != code_hash(other)
    fn = made("def f(x): return x")
    assert code_hash(functools.partial(fn, 1)) != code_hash(functools.partial(fn, 2))


def test_the_methods_of_a_notebook_class_count():
    def using(number: int):
        scope = {"__name__": "__main__"}
        exec(
            f"class Model:\n    def fit(self): return {number}\ndef f(): return Model().fit()",
            scope,
        )
        return scope["f"]

    assert code_hash(using(1)) == code_hash(using(1))
    assert code_hash(using(1)) != code_hash(using(2))


def test_the_hash_is_the_same_in_every_process():
    code = (
        "from jobnb.code.reader import code_hash\n"
        "def f(x, y={'a', 'b', 'c'}):\n"
        "    return x in {'one', 'two', 'three'} or (x, frozenset({'p', 'q'}))\n"
        "print(code_hash(f))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in range(4)
    }
    assert len(found) == 1


# --- globals ---------------------------------------------------------------


def reading(value, body="return LIMIT"):
    return made(f"def f():\n    {body}", LIMIT=value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ("a", b"a"),
        ((1, (2, 3)), (1, (2, 4))),
        ([1, 2], [2, 1]),
        ({"a": [1]}, {"a": [2]}),
        (frozenset("ab"), frozenset("ac")),
        (dt.date(2013, 1, 1), dt.date(2014, 1, 1)),
        (Decimal("1.0"), Decimal("1.00")),
        (Path("/a"), Path("/b")),
        (re.compile("a"), re.compile("b")),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (range(3), range(4)),
        (slice(1), slice(2)),
        (enum.Enum("E", "A B").A, enum.Enum("E", "A B").B),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (math.sqrt, math.sin),
        (len, max),
        (collections.Counter("aab"), collections.Counter("abb")),
        (np.float64(1), np.float64(2)),
    ],
)
def test_plain_globals_that_are_read_count(one, other):
    assert code_hash(reading(one)) == code_hash(reading(copy.copy(one)))
    assert code_hash(reading(one)) != code_hash(reading(other))


def test_a_global_of_which_only_the_name_occurs_as_an_attribute_does_not_count():
    assert code_hash(reading(1, "return (3).LIMIT")) == code_hash(reading(2, "return (3).LIMIT"))


@pytest.mark.parametrize("value", [object(), pd.DataFrame({"a": [1]}), np.zeros(3), iter([])])
def test_of_other_globals_only_the_type_counts(value):
    assert code_hash(reading(value)) == code_hash(reading(copy.copy(value)))
    assert code_hash(reading(value)) != code_hash(reading(1))


@pytest.mark.parametrize(
    "body",
    [
        "LIMIT.append(1)",
        "LIMIT.update(a=1)",
        "LIMIT['a'] = 1",
        "LIMIT['a']['b'] = 1",
        "LIMIT['a'] += 1",
        "del LIMIT['a']",
        "(lambda: LIMIT.clear())()",
        "[LIMIT.append(x) for x in 'ab']",
        "global LIMIT; LIMIT += [2]",
    ],
)
@pytest.mark.parametrize(("one", "other"), [([], [1]), ({}, {"a": 1})])
def test_where_a_function_itself_puts_things_does_not_count(one, other, body):
    assert code_hash(reading(one, body)) == code_hash(reading(other, body))


@pytest.mark.parametrize("body", ["return LIMIT['a']", "x = {}; x['a'] = LIMIT", "x.append(LIMIT)"])
def test_what_is_only_read_counts_beside_what_is_written(body):
    assert code_hash(reading({"a": 1}, body)) != code_hash(reading({"a": 2}, body))


def test_a_closed_over_list_that_is_written_to_does_not_count():
    def around(calls):
        def f():
            calls.append(1)
            return calls

        return f

    assert code_hash(around([])) == code_hash(around([1]))


def test_a_global_that_comes_or_goes_counts():
    assert code_hash(reading(None)) != code_hash(made("def f():\n    return LIMIT"))


def test_redefining_a_function_that_is_called_is_noticed_at_once():
    scope = {"__name__": "__main__"}
    exec("def h(): return 1\ndef f(): return h()", scope)
    one = code_hash(scope["f"])
    exec("def h():\n    # a remark\n    return 1", scope)
    assert code_hash(scope["f"]) == one
    exec("def h(): return 2", scope)
    assert code_hash(scope["f"]) != one


def test_swapping_two_functions_that_are_called_counts():
    scope = {"__name__": "__main__"}
    exec("def a(): return 1\ndef b(): return 2\ndef f(): return a() - b()", scope)
    one = code_hash(scope["f"])
    scope["a"], scope["b"] = scope["b"], scope["a"]
    assert code_hash(scope["f"]) != one


def test_functions_in_a_table_are_followed():
    def using(number: int):
        return made(f"def h(): return {number}\nT = {{'h': [h]}}\ndef f(): return T['h'][0]()")

    assert code_hash(using(1)) == code_hash(using(1))
    assert code_hash(using(1)) != code_hash(using(2))


# --- classes ---------------------------------------------------------------

CLASSES = {
    "a method": "class C:\n    def m(self): return {}",
    "a class attribute": "class C:\n    a = {}",
    "__call__": "class C:\n    def __call__(self): return {}",
    "a property": "class C:\n    @property\n    def p(self): return {}",
    "a classmethod": "class C:\n    @classmethod\n    def m(cls): return {}",
    "a staticmethod": "class C:\n    @staticmethod\n    def m(): return {}",
    "a cached property": (
        "import functools\nclass C:\n    @functools.cached_property\n    def p(self): return {}"
    ),
    "a base class": "class B:\n    def m(self): return {}\nclass C(B): pass",
    "an inner class": "class C:\n    class D:\n        def m(self): return {}",
    "a dataclass": "import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int = {}",
    "a post-init": (
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int\n"
        "    def __post_init__(self): self.x = {}"
    ),
    "an enum": "import enum\nclass C(enum.Enum):\n    A = {}",
    "a named tuple": "import typing\nclass C(typing.NamedTuple):\n    x: int = {}",
    "a model": "import pydantic\nclass C(pydantic.BaseModel):\n    x: int = {}",
    "a function of a method": "def h(): return {}\nclass C:\n    def m(self): return h()",
    "an instance": ("import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int\nC = D({})"),
    "a bound method": "class D:\n    def m(self): return {}\nC = D().m",
    "a wrapper": (
        "import functools\ndef w(fn):\n    @functools.wraps(fn)\n"
        "    def inner(*a): return fn(*a) + {}\n    return inner\n@w\ndef C(): return 1"
    ),
    "a cached function": "import functools\n@functools.lru_cache\ndef C(): return {}",
    "a default": "def C(x={}): return x",
    "an op": "from jobnb import op\n@op\ndef C(): return {}",
    "an asset": "from jobnb import asset\n@asset\ndef C(): return {}",
}


@pytest.mark.parametrize("what", CLASSES)
def test_what_a_used_name_stands_for_counts(what):
    with Session.capture():
        one, again, other = (
            made(CLASSES[what].format(number) + "\n\ndef f(): return C") for number in (1, 1, 2)
        )
    assert code_hash(one) == code_hash(again)
    assert code_hash(one) != code_hash(other)


def test_defaults_of_a_config_class_count_as_config_and_its_methods_as_code():
    def taking(year: int, step: int):
        return made(
            "from jobnb import Config\nclass C(Config):\n"
            f"    year: int = {year}\n    def next(self): return self.year + {step}\n"
            "def f(config: C): return config.next()"
        )

    assert code_hash(taking(2013, 1)) == code_hash(taking(2014, 1))
    assert code_hash(taking(2013, 1)) != code_hash(taking(2013, 2))


# --- modules ---------------------------------------------------------------


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A module beside the notebook, that can be edited."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    name = f"tools_{tmp_path.name}"
    file = tmp_path / f"{name}.py"

    def write(text: str):
        file.write_text(text)
        importlib.invalidate_caches()
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    yield write
    sys.modules.pop(name, None)


def test_a_module_beside_the_notebook_is_read(tools):
    for body in ("tools.clean()", "clean()"):
        hashes = []
        for text in (
            "def clean(): return 1",
            "# why\ndef clean(): return 1",
            "def clean(): return 2",
        ):
            module = tools(text)
            hashes.append(code_hash(made(f"def f(): {body}", tools=module, clean=module.clean)))
        assert hashes[0] == hashes[1]
        assert hashes[1] != hashes[2]


def test_what_a_module_has_beside_what_is_used_does_not_count(tools):
    one, other = (
        code_hash(made("def f(): tools.clean()", tools=tools(f"def clean(): pass\ndef x(): {n}")))
        for n in (1, 2)
    )
    assert one == other


def test_installed_modules_count_by_name():
    one = made("def f(): return tool.dumps", tool=json)
    assert code_hash(one) == code_hash(made("def f(): return tool.dumps", tool=json))
    assert code_hash(one) != code_hash(made("def f(): return tool.dumps", tool=pickle))
    assert not is_own("json")
    assert not is_own("pandas.core.frame")
    assert not is_own("jobnb.definitions.assets.asset")
    assert is_own("__main__")


# --- what is told of a hash ------------------------------------------------


def test_a_version_tells_what_changed():
    scope = {"__name__": "__main__"}
    exec("def h(): return 1\ndef f(): return h()", scope)
    one = CodeHash.read(code_hash(scope["f"]))
    exec("def h(): return 2", scope)
    other = CodeHash.read(code_hash(scope["f"]))
    exec("def f(): return 1 + h()", scope)
    third = CodeHash.read(code_hash(scope["f"]))
    assert one.own == other.own != third.own
    assert one.used != other.used == third.used
    assert CodeHash.read(code_hash(lambda: 1)).used == ""


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(max_size=3), inner) | st.tuples(inner, inner)
        ),
    )
)
def test_a_copy_of_any_plain_value_counts_as_the_same(value):
    assert code_hash(reading(value)) == code_hash(reading(copy.deepcopy(value)))


def test_values_that_hold_themselves_have_a_hash():
    endless: list = []
    endless.append(endless)
    assert code_hash(reading(endless)) == code_hash(reading(endless))


def test_objects_are_not_called_while_they_are_looked_at():
    class Touchy:
        def __getattr__(self, name):
            raise AssertionError(name)

        __eq__ = __len__ = __repr__ = __hash__ = __getattr__  # type: ignore[assignment]

    assert code_hash(reading(Touchy())) == code_hash(reading(Touchy()))
