"""Modules beside the notebook: an edit of what is used counts, however it is imported."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobnb import Session, session
from jobnb.code.modules import is_own
from jobnb.code.reader import CodeReader


class Modules:
    """A folder of modules that are edited."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.stat().st_mtime_ns if path.exists() else 0
            path.write_text(text)
            if path.stat().st_mtime_ns == before:  # as of two edits within one tick of the clock
                os.utime(path, ns=(before + 1_000_000, before + 1_000_000))
        importlib.invalidate_caches()

    def forget(self) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("hmod", "hpkg")]:
            del sys.modules[name]


@pytest.fixture
def modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Modules(tmp_path)
    yield made
    made.forget()


def defined(text, **names):
    scope = {"__name__": "__main__", **names}
    exec(compile(text, "<cell>", "exec"), scope)
    return scope["f"]


def version(fn):
    return CodeReader().version(fn)


def told(fn):
    return {str(note) for note in CodeReader().notes(fn)}


INIT = {"hpkg/__init__.py": ""}
G = "def g(): return {}"
# The files, and the function that uses them; `{}` is edited.
IMPORTS = {
    "a module": ({"hmod.py": G}, "import hmod\ndef f(): return hmod.g()"),
    "a module by another name": ({"hmod.py": G}, "import hmod as m\ndef f(): return m.g()"),
    "a function": ({"hmod.py": G}, "from hmod import g\ndef f(): return g()"),
    "all": ({"hmod.py": G}, "from hmod import *\ndef f(): return g()"),
    "a constant": ({"hmod.py": "K = {}"}, "import hmod\ndef f(): return hmod.K"),
    "a constant of a class": (
        {"hmod.py": "class C:\n    K = {}"}, "import hmod\ndef f(): return hmod.C.K"
    ),
    "a helper of a helper": (
        {"hmod.py": "def h(): return {}\ndef g(): return h()"},
        "import hmod\ndef f(): return hmod.g()",
    ),
    "a constant of a helper": (
        {"hmod.py": "K = {}\ndef g(): return K"}, "import hmod\ndef f(): return hmod.g()"
    ),
    "a module of a package": (
        {**INIT, "hpkg/sub.py": G}, "import hpkg.sub\ndef f(): return hpkg.sub.g()"
    ),
    "a module of a package by another name": (
        {**INIT, "hpkg/sub.py": G}, "import hpkg.sub as s\ndef f(): return s.g()"
    ),
    "a module from a package": (
        {**INIT, "hpkg/sub.py": G}, "from hpkg import sub\ndef f(): return sub.g()"
    ),
    "a module deep in packages": (
        {**INIT, "hpkg/a/__init__.py": "", "hpkg/a/b/__init__.py": "", "hpkg/a/b/c.py": G},
        "import hpkg.a.b.c\ndef f(): return hpkg.a.b.c.g()",
    ),
    "a package without a file": (
        {"hpkg/sub.py": G}, "import hpkg.sub\ndef f(): return hpkg.sub.g()"
    ),
    "a name that a package hands on": (
        {"hpkg/__init__.py": "from .sub import g", "hpkg/sub.py": G},
        "import hpkg\ndef f(): return hpkg.g()",
    ),
    "all that a package hands on": (
        {"hpkg/__init__.py": "from .sub import *", "hpkg/sub.py": G},
        "import hpkg\ndef f(): return hpkg.g()",
    ),
    "a module that a package hands on": (
        {"hpkg/__init__.py": "from . import sub", "hpkg/sub.py": G},
        "import hpkg\ndef f(): return hpkg.sub.g()",
    ),
    "a module that a module imports": (
        {**INIT, "hpkg/sub.py": "from . import low\ndef g(): return low.h()",
         "hpkg/low.py": "def h(): return {}"},
        "import hpkg.sub\ndef f(): return hpkg.sub.g()",
    ),
    "a module two levels up": (
        {**INIT, "hpkg/a/__init__.py": "", "hpkg/low.py": "def h(): return {}",
         "hpkg/a/b.py": "from ..low import h\ndef g(): return h()"},
        "from hpkg.a.b import g\ndef f(): return g()",
    ),
    "what a module imports in a function": (
        {**INIT, "hpkg/sub.py": "def g():\n    from .low import h\n    return h()",
         "hpkg/low.py": "def h(): return {}"},
        "import hpkg.sub\ndef f(): return hpkg.sub.g()",
    ),
    "modules that import each other": (
        {**INIT, "hpkg/a.py": "from . import b\ndef g(): return b.h()",
         "hpkg/b.py": "from . import a\nK = {}\ndef h(): return K\ndef other(): return a.g()"},
        "import hpkg.a\ndef f(): return hpkg.a.g()",
    ),
    "a class": (
        {"hmod.py": "class C:\n    def m(self): return {}"},
        "from hmod import C\ndef f(): return C().m()",
    ),
    "a class above a class": (
        {"hmod.py": "class B:\n    def m(self): return {}\nclass C(B): pass"},
        "from hmod import C\ndef f(): return C().m()",
    ),
    "a decorator": (
        {"hmod.py": "def deco(fn):\n    def inner(): return fn() + {}\n    return inner"},
        "from hmod import deco\n@deco\ndef g(): return 1\ndef f(): return g()",
    ),
    "a decorated function": (
        {"hmod.py": "import functools\n@functools.lru_cache\ndef g(): return {}"},
        "import hmod\ndef f(): return hmod.g()",
    ),
    "a case of a singledispatch": (
        {"hmod.py": "import functools\n@functools.singledispatch\ndef g(x): return 0\n"
         "@g.register\ndef _(x: int): return {}"},
        "import hmod\ndef f(): return hmod.g(1)",
    ),
    "a table": (
        {"hmod.py": "def a(): return {}\nT = dict(a=a)"},
        "import hmod\ndef f(): return hmod.T['a']()",
    ),
    "a table that is filled": (
        {"hmod.py": "T = dict()\ndef add(fn):\n    T[fn.__name__] = fn\n    return fn\n"
         "@add\ndef a(): return {}"},
        "import hmod\ndef f(): return hmod.T['a']()",
    ),
    "a module that is handed on": (
        {"hmod.py": G}, "import hmod\ndef call(m): return m.g()\ndef f(): return call(hmod)"
    ),
    "a module by a local name": (
        {"hmod.py": G}, "import hmod\ndef f():\n    m = hmod\n    return m.g()"
    ),
    "a name by getattr": ({"hmod.py": G}, "import hmod\ndef f(): return getattr(hmod, 'g')()"),
    "a name by another text": (
        {"hmod.py": G}, "import hmod\ndef f(n='g'): return getattr(hmod, n)()"
    ),
    "a name that a module makes when asked": (
        {"hmod.py": "def __getattr__(name): return lambda: {}"},
        "import hmod\ndef f(): return hmod.g()",
    ),
    "an object of a module": (
        {"hmod.py": "class S:\n    def __init__(self, n): self.n = n\nS1 = S({})"},
        "from hmod import S1\ndef f(): return S1.n",
    ),
    "one of two definitions": (
        {"hmod.py": "try:\n    import nothing_of_that_name\nexcept ImportError:\n"
         "    def g(): return {}"},
        "import hmod\ndef f(): return hmod.g()",
    ),
}  # fmt: skip


def inside(text: str) -> str:
    """The imports of a cell in the function itself."""
    head, _, body = text.partition("def f(")
    imports = [line for line in head.splitlines() if "import" in line]
    rest = [line for line in head.splitlines() if "import" not in line]
    line, _, statement = body.partition(":")
    statements = statement.strip().split("\n    ")
    return "\n    ".join(["\n".join([*rest, f"def f({line}:"]), *imports, *statements])


@pytest.mark.parametrize("what", IMPORTS)
def test_an_edit_counts_when_the_module_is_loaded_again(modules, what):
    files, text = IMPORTS[what]
    seen = []
    for number in (1, 1, 2):
        modules.forget()
        modules.write({name: each.format(number) for name, each in files.items()})
        fn = defined(text)
        seen.append((version(fn), fn()))
    assert seen[0] == seen[1]
    assert seen[0][1] != seen[2][1]
    assert seen[0][0] != seen[2][0]


@pytest.mark.parametrize("what", [each for each in IMPORTS if each not in ("all", "a decorator")])
def test_an_edit_of_what_a_function_imports_itself_counts(modules, what):
    files, text = IMPORTS[what]
    seen = []
    for number in (1, 1, 2):
        modules.forget()
        modules.write({name: each.format(number) for name, each in files.items()})
        fn = defined(inside(text))
        before = version(fn)
        assert not {"hmod", "hpkg"} & sys.modules.keys()  # nothing was run for a look at it
        result = fn()
        assert version(fn) == before  # and that it is loaded now changes nothing
        seen.append((before, result))
    assert seen[0] == seen[1]
    assert seen[0][1] != seen[2][1]
    assert seen[0][0] != seen[2][0]


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\ndef f(): return importlib.import_module('hmod').g()",
        "def f(): return __import__('hmod').g()",
        "def f():\n    try:\n        from hmod import g\n    finally:\n        1\n    return g()",
        "def f():\n    import hmod",
        "def f():\n    import hmod, json\n    return [hmod.g() for x in 'ab']",
        "def f():\n    def g():\n        import hmod\n        return hmod.g()\n    return g()",
        "async def f():\n    import hmod\n    return hmod.g()",
        (
            "class C:\n    def m(self):\n        import hmod\n        return hmod.g()\n"
            "def f(): return C().m()"
        ),
    ],
)
def test_however_a_function_imports(modules, text):
    seen = []
    for number in (1, 1, 2):
        modules.write({"hmod.py": G.format(number)})
        seen.append(version(defined(text)))
    assert seen[0] == seen[1] != seen[2]


COSMETIC = [
    "def g(): return 1",
    "# why\n\n\ndef g():\n    return 1",
    '"""About."""\ndef g():\n    """One."""\n    return (1)',
    "def g() -> int: return 1",
    "def g(): return 1\ndef other(): return 3\nUNUSED = 5\nprint\n",
    "import json\nUNUSED = json.dumps\ndef g(): return 1\nclass Other: pass",
]


@pytest.mark.parametrize("text", ["import hmod\ndef f(): return hmod.g()"])
@pytest.mark.parametrize("itself", [False, True])
def test_what_is_not_used_and_how_it_is_written_does_not_count(modules, text, itself):
    found = set()
    for file in COSMETIC:
        modules.forget()
        modules.write({"hmod.py": file})
        found.add(version(defined(inside(text) if itself else text)))
    assert len(found) == 1


def test_what_runs_is_what_is_loaded_and_an_edit_of_the_file_is_told(modules):
    modules.write({"hmod.py": "K = 1\ndef g(): return K"})
    fn = defined("import hmod\ndef f(): return hmod.g()")
    first = version(fn)
    assert told(fn) == set()
    modules.write({"hmod.py": "# a remark\nK = 1\ndef g(): return K"})
    assert version(fn) == first
    assert told(fn) == set()
    for file in ("K = 1\ndef g(): return K + 1", "K = 2\ndef g(): return K"):
        modules.write({"hmod.py": file})
        assert fn() == 1
        assert version(fn) == first
        assert told(fn) == {"edited since imported: `hmod`; what was loaded runs"}
    importlib.reload(sys.modules["hmod"])
    assert fn() == 2
    assert version(fn) != first
    assert told(fn) == set()


def test_what_a_function_imported_is_what_was_loaded_then(modules):
    modules.write({"hmod.py": "def g(): return 1"})
    fn = defined("def f():\n    from hmod import g\n    return g()")
    first = version(fn)
    assert fn() == 1
    modules.write({"hmod.py": "def g(): return 2"})
    assert fn() == 1
    assert version(fn) == first
    assert told(fn) == {"edited since imported: `hmod`; what was loaded runs"}
    importlib.reload(sys.modules["hmod"])
    assert fn() == 2
    assert version(fn) != first
    assert told(fn) == set()


def test_what_was_loaded_before_anybody_looked_is_found_out(modules):
    modules.write({"hmod.py": "def g(): return 1"})
    fn = defined("def f():\n    from hmod import g\n    return g()")
    as_loaded = version(fn)
    modules.forget()
    assert fn() == 1  # now it is loaded
    modules.write({"hmod.py": "def g(): return 2"})
    assert version(fn) == as_loaded
    modules.forget()
    modules.write({"hmod.py": "def g(): return 3"})
    assert fn() == 3
    modules.write({"hmod.py": "def g(): return 4"})
    unknown = version(fn)  # runs 3, which nobody ever saw
    assert told(fn) == {"edited since imported: `hmod`; what was loaded runs"}
    modules.forget()
    assert version(fn) != unknown


def test_modules_that_cannot_be_read_do_no_harm(modules):
    texts = ["def f():\n    import hmod\n    return hmod.g()", "def f():\n    from hmod.x import y"]
    for file in ("def g(:", "\0", "g = 1\nimport hmod", "from hmod import *"):
        modules.write({"hmod.py": file})
        assert all(version(defined(text)) for text in texts)
    for text in (
        "import nothing_of_that_name",
        "from . import x",
        "from .... import y",
        "import os",
    ):
        assert version(defined(f"def f():\n    {text}"))


def test_a_module_made_in_the_kernel_is_read_as_it_is(monkeypatch):
    for number in (1, 2):
        made = type(sys)("made_in_the_kernel")
        exec(f"def g(): return {number}", made.__dict__)
        monkeypatch.setitem(sys.modules, "made_in_the_kernel", made)
        fn = defined("def f():\n    from made_in_the_kernel import g\n    return g()")
        if number == 1:
            first = version(fn)
    assert version(fn) != first


def test_installed_modules_are_not_read_even_if_a_function_imports_them():
    text = "def f():\n    import json, numpy as np, jobnb\n    return np.zeros(json.x)"
    fn = defined(text, np=np)
    assert version(fn) == version(defined(text))
    assert told(fn) == set()
    assert [is_own(each) for each in ("numpy", "json", "jobnb", "__main__")] == [
        False, False, False, True,
    ]  # fmt: skip


def test_a_package_in_another_folder_is_ones_own_where_it_was_installed_to_be_edited(
    modules, tmp_path_factory, monkeypatch
):
    """As `pip install -e` does it with a `.pth` file, which puts the folder on the path."""
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.syspath_prepend(str(folder))
    seen = []
    for number in (1, 2):
        modules.forget()
        Modules(folder).write({"hpkg/__init__.py": "", "hpkg/sub.py": G.format(number)})
        seen.append(version(defined("from hpkg.sub import g\ndef f(): return g()")))
        modules.forget()
        seen.append(version(defined("def f():\n    from hpkg.sub import g\n    return g()")))
    assert len(set(seen)) == 4


def test_a_thousand_functions_that_use_a_large_module_are_planned_quickly(modules):
    functions = "\n".join(f"def g{n}(x): return x + {n}" for n in range(1_000))
    modules.write({"hmod.py": functions})
    texts = [f"def f():\n    from hmod import g{n}\n    return g{n}(1)" for n in range(1_000)]
    fns = [defined(text) for text in texts]
    times = []
    for _ in range(2):
        started, reader = time.process_time(), CodeReader()
        assert len({reader.version(fn) for fn in fns}) == 1_000
        times.append(time.process_time() - started)
    assert times[1] < 1  # 0.1 s on a machine with nothing else to do


def test_the_session_tells_of_an_edit_in_a_new_kernel(tmp_path):
    """The file is edited while nothing runs; hashes of Python have another seed."""
    notebook = (
        "import hmod, os\nfrom jobnb import asset, session\n"
        "K = {'a', 'b', 'c'}\n"
        "@asset\ndef one(): return hmod.g(), K\n"
        "@asset\ndef two():\n    from hmod import h\n    return h()\n"
        "print(session.stale())\n"
        "session.materialize()\n"
    )
    (tmp_path / "run.py").write_text(notebook)
    seen = []
    for seed, (g, h) in enumerate([(1, 1), (1, 1), (2, 1), (2, 2)]):
        (tmp_path / "hmod.py").write_text(
            f"def g(): return {g}\ndef h(): return {h}\n" + "#" * seed
        )
        done = subprocess.run(
            [sys.executable, str(tmp_path / "run.py")],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PYTHONHASHSEED": str(seed),
                "PYTHONPATH": ":".join([str(tmp_path), *sys.path]),
                "JOBNB_HOME": str(tmp_path / "home"),
            },
        )
        seen.append(
            [line for line in done.stdout.splitlines() if line.startswith(("one", "two", "<"))]
        )
    changed = "is stale: what the code uses changed"
    assert seen[1:] == [["<All assets are fresh.>"], [f"one {changed}"], [f"two {changed}"]]


edits = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "K"]), st.integers(0, 2)), min_size=1, max_size=4
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits, used=st.sampled_from(["a", "b", "c"]), itself=st.booleans())
def test_edits_of_modules_against_running_them(modules, edits, used, itself):
    """`a` calls `b` of another module, `b` uses a constant; `c` stands alone."""
    numbers = dict.fromkeys("abcK", 0)

    def write():
        modules.forget()
        modules.write(
            {
                "hpkg/__init__.py": "from .up import a",
                "hpkg/up.py": f"from . import low\ndef a(): return low.b(), {numbers['a']}",
                "hpkg/low.py": (
                    f"K = {numbers['K']}\ndef b(): return K, {numbers['b']}\n"
                    f"def c(): return {numbers['c']}"
                ),
            }
        )

    line = {"a": "from hpkg import a", "b": "from hpkg.low import b", "c": "from hpkg.low import c"}
    text = f"{line[used]}\ndef f(): return {used}()"
    seen: dict[object, set[str]] = {}
    for name, number in [("a", 0), *edits, ("K", 0)]:
        numbers[name] = number
        write()
        fn = defined(inside(text) if itself else text)
        found = version(fn)
        seen.setdefault(fn(), set()).add(found)
    assert all(len(each) == 1 for each in seen.values())  # the same program, the same hash
    assert len(set.union(*seen.values())) == len(seen)  # another result, another hash


def test_the_session_of_a_notebook_is_told_what_is_edited(modules, tmp_path):
    modules.write({"hmod.py": "def g(): return 1"})
    with Session.capture() as captured:
        captured.home = str(tmp_path / "home")
        exec(
            "import hmod\nfrom jobnb import asset\n@asset\ndef one(): return hmod.g()",
            {"__name__": "__main__"},
        )
        assert captured.materialize().success
        assert repr(captured.stale()) == "<All assets are fresh.>"
        modules.write({"hmod.py": "def g(): return 2"})
        words = "edited since imported: `hmod`; what was loaded runs"
        assert repr(captured.stale()) == f"<All assets are fresh.>\none: {words}"
        assert str(captured.status("one")) == f"one is fresh ({words})"
        captured.instance.dispose()
    assert session is not captured
