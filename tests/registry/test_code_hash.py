from __future__ import annotations

import functools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb.registry.code_hash import code_hash


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


def test_a_docstring_does_not_count():
    one, other = (
        made('def f():\n    """One."""\n    return 1'),
        made('def f():\n    "Two."\n    return 1'),
    )
    assert code_hash(one) == code_hash(other)


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
    assert len(code_hash(scope["f2999"])) == 12


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
        "from jobnb.registry.code_hash import code_hash\n"
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
