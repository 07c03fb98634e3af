"""What a step changes itself is no input: it is not stale by its own run, and it is told."""

from __future__ import annotations

import sys
import types

import numpy as np
import pandas as pd
import pytest

from jobnb import Instance, Session, asset, materialize
from jobnb.code.reader import CodeReader

HEAD = """
import bisect, collections, functools, heapq, operator, random, types
from collections import deque
import numpy as np, pandas as pd
"""


def defined(text):
    scope = {"__name__": "__main__"}
    exec(compile(HEAD + text, "<cell>", "exec"), scope)
    return scope["f"]


def version(fn):
    return CodeReader().version(fn)


def not_counted(fn):
    found = [each.words for each in CodeReader().notes(fn) if each.kind == "not counted"]
    return sorted(words.partition(",")[0].strip("`") for words in found)


# What is defined, the function, and the names that it changes.
OWN_RUN = {
    "a counter": ("n = 0", "global n\n    n += 1", "n"),
    "a counter of another type": ("n = None", "global n\n    n = n and [1]", "n"),
    "a name that comes only by a run": ("", "global n\n    n = 1", ""),
    "a name that goes": (
        "n = 1", "global n\n    if 'n' in globals(): print(n)\n    n = 2\n    del n", "n"
    ),
    "a name in globals()": ("n = 0", "globals()['n'] += 1", "n"),
    "a dict": ("c = {}", "c['a'] = 1\n    return len(c)", "c"),
    "a dict in a dict": ("c = {'a': {}}", "c['a']['b'] = 1", "c"),
    "a deleted key": ("c = {'a': 1}", "if c: del c['a']", "c"),
    "a slice": ("c = [1, 2]", "c[:] = [3]", "c"),
    "an item that is added to": ("c = {'a': 0}", "c['a'] += 1", "c"),
    "a list": ("c = []", "c.append(1)", "c"),
    "a list that is added to": ("c = []", "global c\n    c += [1]", "c"),
    "a set": ("c = set()", "c.add(1)", "c"),
    "a deque": ("c = deque()", "c.appendleft(1)", "c"),
    "a counter of things": ("c = collections.Counter()", "c.update('ab')", "c"),
    "a default dict": ("c = collections.defaultdict(list)", "c['a'].append(1)", "c"),
    "an ordered dict": ("c = collections.OrderedDict(a=1, b=2)", "c.move_to_end('a')", "c"),
    "a bytearray": ("c = bytearray()", "c.extend(b'a')", "c"),
    "a heap": ("c = []", "heapq.heappush(c, 3)", "c"),
    "a heap, by another name": ("c = []\nfrom heapq import heappush as push", "push(c, 3)", "c"),
    "a sorted list": ("c = []", "bisect.insort(c, 3)", "c"),
    "a shuffled list": ("c = list(range(50))", "random.shuffle(c)", "c"),
    "an unbound method": ("c = []", "list.append(c, 1)", "c"),
    "an unbound method of a dict": ("c = {}", "dict.update(c, a=1)", "c"),
    "setitem": ("c = {}", "operator.setitem(c, 'a', 1)", "c"),
    "a local name": ("c = {}", "d = c\n    d['a'] = 1", "c"),
    "a local name of a part": ("c = {'a': []}", "d = c['a']\n    d.append(1)", "c"),
    "two local names": ("c = {}", "d = e = c\n    e['a'] = 1", "c"),
    "a walrus": ("c = []", "if (d := c) is not None: d.append(1)", "c"),
    "one of two": ("c = []", "d = c if c is not None else []\n    d.append(1)", "c"),
    "in a loop": ("c = [[], []]", "for d in c: d.append(1)", "c"),
    "in a loop over items": ("c = {'a': []}", "for k, d in c.items(): d.append(k)", "c"),
    "in a comprehension": ("c = [[], []]", "[d.append(1) for d in c]", "c"),
    "in a lambda": ("c = []", "(lambda: c.append(1))()", "c"),
    "in a function inside": ("c = []", "def g(x): x.append(1)\n    g(c)", "c"),
    "a method that is handed on": ("c = []", "list(map(c.append, 'ab'))", "c"),
    "several lines": ("c = {}", "(c\n     .setdefault('a', [])\n     .append(1))", "c"),
    "in a with": (
        "import contextlib\nc = []", "with contextlib.nullcontext(): c.append(1)", "c"
    ),
    "after a try": (
        "c = []",
        "try: 1 / 0\n    except ZeroDivisionError: c.append(1)\n    finally: c.append(2)",
        "c"
    ),
    "by a helper": ("c = {}\ndef put(k): c[k] = 1", "put('a')\n    return len(c)", "c"),
    "by a helper of a helper": (
        "c = {}\ndef put(k): c[k] = 1\ndef more(k): put(k)", "more('a')\n    return len(c)", "c"
    ),
    "by a helper that is given it": (
        "c = {}\ndef put(x, d): d[x] = 1", "put('a', c)", "c"
    ),
    "by a helper that is given it by keyword": (
        "c = {}\ndef put(x, *, d): d[x] = 1", "put('a', d=c)", "c"
    ),
    "by a helper that hands it on": (
        "c = []\ndef last(d): d.append(1)\ndef first(x, d): last(d)", "first(1, c)", "c"
    ),
    "by a decorated helper": (
        ("c = []\ndef deco(fn):\n    @functools.wraps(fn)\n    def inner(*a): return fn(*a)\n"
        "    return inner\n@deco\ndef put(d): d.append(1)"), "put(c)", "c"
    ),
    "by a helper that gives it": ("c = {}\ndef get(): return c", "get()['a'] = 1", "c"),
    "by a helper that gives a part of it": (
        "c = {}\ndef get(k): return c.setdefault(k, [])", "x = get('a')\n    x.append(1)", "c"
    ),
    "a lazy helper": (
        "c = None\ndef get():\n    global c\n    if c is None: c = {}\n    return c",
        "get()['a'] = 1", "c"
    ),
    "by a partial": (
        "c = {}\ndef put(d, k): d[k] = 1\nput_c = functools.partial(put, c)",
        "put_c('a')\n    return len(c)",
        "c"
    ),
    "by a partial alone": (
        "def put(d, k): d[k] = 1\nput_c = functools.partial(put, d={})", "put_c(k='a')", "put_c"
    ),
    "by a method that has a name": ("c = []\nappend = c.append", "append(1)", "append"),
    "by a method that has a name, beside the list": (
        "c = []\nappend = c.append", "append(1)\n    return len(c)", "append"
    ),
    "a cache of Python's": ("@functools.lru_cache\ndef g(x): return x", "g(1)", ""),
    "a cached property": (
        "class C:\n    @functools.cached_property\n    def p(self): return 1\no = C()", "o.p", ""
    ),
    "an attribute": ("class C: pass\no = C()\no.n = 0", "o.n += 1", "o.n"),
    "an attribute of a namespace": ("o = types.SimpleNamespace(n=0)", "o.n = 1", "o"),
    "a new attribute": ("class C: pass\no = C()", "o.n = 1", ""),
    "an attribute by setattr": ("class C: pass\no = C()\no.n = 0", "setattr(o, 'n', 1)", "o.n"),
    "an attribute of a class": ("class C: n = 0", "C.n += 1", "C.n"),
    "an attribute of a function": ("def g(): g.n += 1\ng.n = 0", "g()", "g.n"),
    "an attribute of itself": ("", "f.n = getattr(f, 'n', 0) + 1", ""),
    "a list in an object": (
        "class C:\n    def __init__(self): self.xs = []\no = C()", "o.xs.append(1)", "o.xs"
    ),
    "by a method": (
        "class C:\n    def __init__(self): self.n = 0\n    def up(self): self.n += 1\no = C()",
        "o.up()", "o.n"
    ),
    "by a method that a method calls": (
        ("class C:\n    def __init__(self): self.n = 0\n    def up(self): self._up()\n"
        "    def _up(self): self.n += 1\no = C()"), "o.up()", "o.n"
    ),
    "by a method of a class above": (
        ("class B:\n    def up(self): self.n = 1\nclass C(B):\n    def __init__(self): self.n = 0\n"
        "o = C()"), "o.up()", "o.n"
    ),
    "by a bound method": (
        "class C:\n    def __init__(self): self.n = 0\n    def up(self): self.n += 1\nup = C().up",
        "up()", "up.n"
    ),
    "by being called": (
        ("class Memo:\n    def __init__(self, fn): self.fn, self.known = fn, {}\n"
        "    def __call__(self, x):\n        self.known[x] = self.fn(x)\n        return x\n"
        "@Memo\ndef g(x): return x"), "g(1)", "g.known"
    ),
    "by being called, a new dict": (
        ("class Memo:\n    def __init__(self, fn): self.fn, self.known = fn, {}\n"
        "    def __call__(self, x):\n        self.known = {**self.known, x: 1}\n"
        "@Memo\ndef g(x): return x"), "g(1)", "g.known"
    ),
    "a cache in a class": (
        "class C:\n    known = {}\n    def get(self, x): self.known[x] = 1\no = C()",
        "o.get(1)", "o.known"
    ),
    "a count in a class": (
        "class C:\n    n = 0\n    def __init__(self): C.n += 1", "C()", "C.n"
    ),
    "a count by a classmethod": (
        "class C:\n    n = 0\n    @classmethod\n    def up(cls): cls.n += 1", "C.up()", "C.n"
    ),
    "a count by the type of self": (
        "class C:\n    n = 0\n    def up(self): type(self).n += 1\no = C()", "o.up()", "o.n"
    ),
    "by a property": (
        ("class C:\n    def __init__(self): self._x = None\n    @property\n    def x(self):\n"
        "        if self._x is None: self._x = 1\n        return self._x\no = C()"), "o.x", "o._x"
    ),
    "by the dict of an object": ("class C: pass\no = C()\no.n = 0", "o.__dict__['n'] = 1", "o"),
    "by vars of an object": ("class C: pass\no = C()\no.n = 0", "vars(o).update(n=1)", "o"),
    "a class that keeps its only object": (
        ("class C:\n    one = None\n    def __new__(cls):\n"
        "        if cls.one is None: cls.one = super().__new__(cls)\n        return cls.one"),
        "C()", "C.one"
    ),
    "a class that counts its objects": (
        "class C:\n    n = 0\n    def __init__(self): type(self).n += 1", "C()", "C.n"
    ),
    "a timer": (
        ("class C:\n    total = 0\n    def __enter__(self): self.begun = 1\n"
        "    def __exit__(self, *a): C.total += 1\no = C()"), "with o: pass", "o.total"
    ),
    "in a loop over two": ("a, b = [], {}", "for x in (a, b): x.clear()\n    a.append(1)", "a b"),
    "two at once": ("a, b = [], {}", "x, y = a, b\n    x.append(1)\n    y['a'] = 1", "a b"),
    "a dict of one's own": (
        "class C(dict):\n    def put(self, k): self[k] = 1\no = C()", "o.put('a')", "o"
    ),
    "a dict of one's own from outside": ("class C(dict): pass\no = C()", "o['a'] = 1", "o"),
    "a closure": (
        ("def outer():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n"
        "    return up\nup = outer()"), "up()", "n"
    ),
    "a list in a closure": (
        "def outer():\n    xs = []\n    def up(): xs.append(1)\n    return up\nup = outer()",
        "up()", "xs"
    ),
    "a cache in a decorator": (
        ("def memo(fn):\n    known = {}\n    @functools.wraps(fn)\n    def inner(x):\n"
        "        if x not in known: known[x] = fn(x)\n        return known[x]\n"
        "    inner.known = known\n    return inner\n@memo\ndef g(x): return x"), "g(1)",
        "known"
    ),
    "calls that a decorator counts": (
        ("def count(fn):\n    @functools.wraps(fn)\n    def inner(*a):\n        inner.calls += 1\n"
        "        return fn(*a)\n    inner.calls = 0\n    return inner\n@count\ndef g(): return 1"),
        "g()", "g.calls"
    ),
    "a default that keeps things": ("def g(x, known={}): known[x] = 1", "g(1)", "known"),
    "an array": ("c = np.zeros(3)", "c[0] = 1", "c"),
    "an array that is sorted": ("c = np.array([2, 1])", "c.sort()", "c"),
    "an array that is written to": ("c = np.zeros(2)", "np.add([1, 1], [1, 1], out=c)", "c"),
    "an array by a function": ("c = np.zeros(2)", "np.put(c, 0, 9)", "c"),
    "an array that is added to": ("c = np.zeros(2)", "d = c\n    d += 1", "c"),
    "a frame": ("c = pd.DataFrame(dict(a=[1]))", "c['b'] = 1", "c"),
    "a frame by loc": ("c = pd.DataFrame(dict(a=[1]))", "c.loc[0, 'a'] = 5", "c"),
    "a frame by insert": ("c = pd.DataFrame(dict(a=[1]))", "c.insert(0, f'b{len(c.T)}', 5)", "c"),
    "a frame in place": (
        "c = pd.DataFrame(dict(a=[1], b=[2]))",
        "c.drop(columns=['a'], inplace=True, errors='ignore')",
        "c"
    ),
    "a series": ("c = pd.Series([1])", "c[0] = c[0] + 1", "c"),
    "what its own results lead to": (
        "c = {}\ndef make(n):\n    def g(): return n\n    return g\ndef put(): c['a'] = make(1)",
        "put()", "c"
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize("what", OWN_RUN)
def test_a_run_changes_nothing_of_its_own_code(what):
    before, body, names = OWN_RUN[what]
    fn = defined(f"{before}\ndef f():\n    {body}\n    return 1")
    first = version(fn)
    assert not_counted(fn) == names.split()
    fn()
    assert version(fn) == first
    fn()
    assert version(fn) == first


# What is only read counts, however similar to the above it looks: `{}` is changed.
READ = {
    "a dict that is read": "c = dict(a={})\ndef f(): return c['a']",
    "a dict that is put into another": "c = dict(a={})\ndef f():\n    x = dict()\n    x['a'] = c",
    "a list that is put into another": "c = [{}]\ndef f():\n    x = []\n    x.append(c)",
    "a copy that is changed": (
        "c = dict(a={})\ndef f():\n    x = dict(c)\n    x['b'] = 1\n    return x"
    ),
    "a copy of a list": "c = [{}]\ndef f():\n    x = list(c)\n    x.append(1)\n    return x",
    "a sorted copy": "c = [{}, 2]\ndef f():\n    x = sorted(c)\n    x.sort()\n    return x",
    "a copy of a frame": (
        "c = pd.DataFrame(dict(a=[{}]))\ndef f():\n    x = c.copy()\n    x['b'] = 1\n    return x"
    ),
    "a frame that is added to": "c = pd.DataFrame(dict(a=[{}]))\ndef f(): return c.add(1)",
    "a local of the same name": (
        "c = [{}]\ndef g():\n    c = []\n    c.append(1)\ndef f():\n    g()\n    return c"
    ),
    "another argument than the one that is changed": (
        "c = dict(a={})\ndef put(d, k, v): d[k] = v\ndef f():\n    x = dict()\n    put(x, 1, c)"
    ),
    "an attribute that is copied": (
        "class S:\n    def __init__(self, n): self.n = n\ns = S({})\n"
        "def f():\n    m = types.SimpleNamespace()\n    m.n = s.n\n    return m"
    ),
    "an attribute beside the one that is set": (
        "class S:\n    def __init__(self, n): self.n, self.calls = n, 0\ns = S({})\n"
        "def f():\n    s.calls += 1\n    return s.n"
    ),
    "what a constructor sets": (
        "class S:\n    def __init__(self, n): self.set(n)\n    def set(self, n): self.n = n\n"
        "s = S({})\ndef f(): return s.n"
    ),
    "what a method would set that nobody calls": (
        "class S:\n    def __init__(self, n): self.n = n\n    def reset(self): self.n = 0\n"
        "s = S({})\ndef f(): return s.n"
    ),
    "an object of another class with such a method": (
        "class A:\n    def __init__(self): self.n = 0\n    def up(self): self.n += 1\n"
        "class B:\n    def __init__(self, n): self.n = n\na, b = A(), B({})\n"
        "def f():\n    a.up()\n    return b.n"
    ),
    "a class attribute that an object hides": (
        "class S:\n    n = {}\n    def up(self): self.n += 1\n"
        "def f():\n    s = S()\n    s.up()\n    return s.n"
    ),
    "the function of a memo": (
        "class Memo:\n    def __init__(self, fn): self.fn, self.known = fn, dict()\n"
        "    def __call__(self, x):\n        self.known[x] = self.fn(x)\n        return x\n"
        "@Memo\ndef g(x): return {}\ndef f(): return g(1)"
    ),
    "the class of a dict that is written to": (
        "class C(dict):\n    def __setitem__(self, k, v): super().__setitem__(k, {})\nc = C()\n"
        "def f(): c['a'] = 1"
    ),
    "a table of functions that others register in": (
        "T = dict()\ndef register(fn):\n    T[fn.__name__] = fn\n    return fn\n"
        "@register\ndef g(): return {}\ndef f(): return T['g']()"
    ),
    "an int that is handed to what adds in place": (
        "n = {}\ndef g(x):\n    x += 1\n    return x\ndef f(): return g(n)"
    ),
    "a list that is handed to a function of a library": (
        "c = [{}, 2]\ndef f(): return heapq.nlargest(1, c)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", READ)
def test_what_is_only_read_counts(what):
    one, other = (defined(READ[what].format(number)) for number in (1, 3))
    assert version(one) != version(other)
    assert version(one) == version(defined(READ[what].format(1)))


def test_a_name_of_a_module_that_a_step_changes_does_not_count(monkeypatch):
    state = types.ModuleType("state_of_test")
    exec("n = 0\nrows = []\nlimit = 1\ndef up():\n    global n\n    n += 1", state.__dict__)
    monkeypatch.setitem(sys.modules, "state_of_test", state)
    fn = defined(
        "import state_of_test as state\n"
        "def f():\n    state.up()\n    state.rows.append(1)\n    state.total = 1\n"
        "    return state.n + state.limit"
    )
    first = version(fn)
    fn()
    assert version(fn) == first
    state.limit = 2
    assert version(fn) != first


def test_two_names_of_one_list_are_one_place():
    fn = defined("a = []\nb = a\ndef f():\n    a.append(1)\n    return len(b)")
    first = version(fn)
    fn()
    assert version(fn) == first


def test_what_another_asset_changes_counts_for_those_that_read_it():
    with Instance.ephemeral() as instance:
        scope = {"__name__": "__main__", "asset": asset}
        exec(
            "rows = []\n@asset\ndef writes():\n    rows.append(1)\n    return 1\n"
            "@asset\ndef reads():\n    return len(rows)",
            scope,
        )
        both = [scope["writes"], scope["reads"]]
        session = Session().add(*both)
        materialize(both, instance=instance)
        session.home, session._instance = None, instance
        notes = {str(each) for each in CodeReader().notes(scope["writes"].op.compute_fn)}
    assert notes == {"not counted: `rows`, which the code changes"}


def test_values_of_many_kinds_can_be_changed_by_a_run_without_a_word_of_an_error():
    for value in (object(), np.random.default_rng(0), iter([1]), pd.NA, sys, open):
        fn = defined(
            "def f():\n    K.x = 1\n    K.append(1)\n    K['a'] = 1\n    K.a.b.c()\n"
            "    setattr(K, 'x', 1)"
        )
        fn.__globals__["K"] = value
        assert version(fn) == version(fn)
