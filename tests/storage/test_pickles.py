"""Values whose classes a notebook defines come back as instances of the classes that it has now."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from jobnb import Definitions, FilesystemIOManager, Instance, asset, materialize
from jobnb.storage import pickles

CLASSES = """
import abc
import enum
from collections import namedtuple
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import attrs
import pandas as pd
from pydantic import BaseModel

from jobnb import Config

T = TypeVar("T")

class Color(enum.Enum):
    RED = 1
    BLUE = "b"

class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()

@dataclass
class Thing:
    n: int
    color: Color = Color.RED
    tags: list[str] = field(default_factory=list)

@dataclass(frozen=True)
class Child(Thing):
    pass

@dataclass(frozen=True, slots=True)
class Slotted:
    x: int
    y: int

class Bare:
    __slots__ = ("value",)

class Plain:
    def __init__(self, value):
        self.value = value
        self.itself = self

Pair = namedtuple("Pair", "left right")

class Point(NamedTuple):
    x: int
    y: int = 0

@dataclass
class Box(Generic[T]):
    item: T

class Model(BaseModel):
    name: str
    thing: Thing

class Settings(Config):
    size: int = 3

class Odd(ValueError):
    def __init__(self, why, number=0):
        super().__init__(why, number)

class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

class Square(Shape):
    def area(self):
        return 4

class Outer:
    class Inner:
        class Core:
            value = 1

    class Mode(enum.Enum):
        ON = 1

@attrs.define
class Attrs:
    x: int

def bare():
    made = Bare()
    made.value = 7
    return made

def local():
    class Local:
        value = 5
    return Local()
""".replace("@dataclass(frozen=True)\nclass Child", "@dataclass\nclass Child")

VALUES = {
    "enum": "Color.RED",
    "flag": "Access.READ | Access.WRITE",
    "dataclass": "Thing(4, Color.BLUE, ['a'])",
    "subclass": "Child(5)",
    "slots": "Slotted(1, 2)",
    "bare slots": "bare()",
    "plain": "Plain(Color.RED)",
    "namedtuple": "Pair(1, Thing(2))",
    "NamedTuple": "Point(3)",
    "generic": "Box[int](Box(3))",
    "pydantic": "Model(name='m', thing=Thing(1))",
    "config": "Settings(size=4)",
    "exception": "Odd('why', 3)",
    "abstract": "Square()",
    "nested": "Outer.Inner()",
    "nested twice": "Outer.Inner.Core()",
    "nested enum": "Outer.Mode.ON",
    "attrs": "Attrs(8)",
    "class": "Thing",
}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts a kernel that has run some code: a new `__main__`."""

    def start(code: str = "") -> dict[str, Any]:
        module = types.ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", module)
        exec(compile(code, "<cell>", "exec", dont_inherit=True), vars(module))
        return vars(module)

    return start


def store(path: Path, value: Any) -> Path:
    with path.open("wb") as file:
        pickles.dump(value, file)
    return path


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(
    "around", ["{}", "[{}, {}]", "{{'k': ({},)}}", "pd.DataFrame({{'o': [{}]}})"]
)
def test_an_instance_is_one_of_the_class_that_the_new_kernel_has(
    tmp_path: Path, kernel: Any, name: str, around: str
) -> None:
    text = VALUES[name]
    path = store(tmp_path / "value", eval(around.format(text, text), kernel(CLASSES)))
    now = kernel(CLASSES)
    back = pickles.load(path)
    if around.startswith("pd"):
        back = back["o"][0]
    elif around != "{}":
        back = (
            next(iter(back[0] if isinstance(back, list) else back["k"]), None)
            if isinstance(back, dict)
            else back[0]
        )
    expected = eval(text, now)
    if name == "class":
        assert back is expected
        return
    assert type(back) is type(expected)
    if name in ("enum", "nested enum"):
        assert back is expected
    elif name == "bare slots":
        assert back.value == 7
    elif name == "plain":
        assert back.value is now["Color"].RED
        assert back.itself is back
    elif name == "exception":
        assert back.args == ("why", 3)
    elif name not in ("abstract", "nested", "nested twice"):
        assert back == expected
    if name == "dataclass":
        assert back.color is now["Color"].BLUE


@pytest.mark.parametrize("name", VALUES)
def test_whoever_does_not_define_the_class_reads_the_value_too(
    tmp_path: Path, kernel: Any, name: str
) -> None:
    value = eval(VALUES[name], kernel(CLASSES))
    path = store(tmp_path / "value", value)
    kernel()
    back = pickles.load(path)
    with path.open("rb") as file:
        assert type(pickle.load(file)) is type(back)  # any other tool can read it
    assert type(back).__qualname__ == type(value).__qualname__


def test_files_of_earlier_versions_come_back_as_the_classes_of_today_too(
    tmp_path: Path, kernel: Any
) -> None:
    path = tmp_path / "value"
    path.write_bytes(cloudpickle.dumps(eval("[Thing(1), Color.BLUE]", kernel(CLASSES))))
    now = kernel(CLASSES)
    assert pickles.load(path) == [now["Thing"](1), now["Color"].BLUE]


def test_a_class_that_a_function_made_and_functions_stay_as_they_were_stored(
    tmp_path: Path, kernel: Any
) -> None:
    before = kernel(CLASSES + "\ndef half(x):\n    return x / 2, Thing(1)\n")
    path = store(tmp_path / "value", [before["local"](), before["half"]])
    now = kernel(CLASSES + "\ndef half(x):\n    return 'changed'\nclass Local: ...\n")
    local, half = pickles.load(path)
    assert local.value == 5
    assert type(local) is not now["Local"]
    assert half(4) == (2, now["Thing"](1))


def test_an_instance_of_a_class_whose_cell_was_run_again_becomes_one_of_the_new_class(
    tmp_path: Path, kernel: Any
) -> None:
    names = kernel(CLASSES)
    old = names["Thing"](1)
    exec(CLASSES, names)  # in the same kernel
    path = store(tmp_path / "value", old)
    assert type(pickles.load(path)) is names["Thing"] is not type(old)


def test_a_method_that_was_mended_since_is_the_one_of_today(tmp_path: Path, kernel: Any) -> None:
    code = "class Rate:\n    value = 3\n    def percent(self): return {}\n"
    path = store(tmp_path / "value", kernel(code.format("1"))["Rate"]())
    kernel(code.format("self.value * 100"))
    assert pickles.load(path).percent() == 300


def test_a_class_that_went_from_the_notebook_into_a_module_is_found_by_its_name(
    tmp_path: Path, kernel: Any
) -> None:
    path = store(tmp_path / "value", kernel("class Path:\n    ...")["Path"]())
    names = kernel("from pathlib import Path")
    assert isinstance(pickles.load(path), names["Path"])


# -- another definition of the same name

THING = "from dataclasses import dataclass\n@dataclass{}\nclass Thing:\n"


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ("    n: int\n", "    n: int\n    m: int = 0\n", "n: int and are n: int, m: int"),
        ("    n: int\n    m: int\n", "    n: int\n", "n: int, m: int and are n: int"),
        ("    n: int\n", "    n: str\n", "n: int and are n: str"),
    ],
)
def test_other_fields_are_told_and_the_value_is_one_of_the_class_of_today(
    tmp_path: Path, kernel: Any, then: str, now: str, said: str
) -> None:
    names = kernel(THING.format("") + then)
    path = store(tmp_path / "value", names["Thing"](*[4] * then.count(":")))
    names = kernel(THING.format("") + now)
    with pytest.warns(UserWarning, match=f"another definition of 'Thing': the fields were {said}"):
        back = pickles.load(path)
    assert type(back) is names["Thing"]
    assert back.n == 4


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ("self.x = 1", "self.x = 1; self.y = 2", "attributes were x and are x, y"),
        ("self.x = 1; self.y = 2", "self.x = 1", "attributes were x, y and are x"),
        ("self.x, self.y = 1, 2", "self.x, self.z = (lambda: self, 2)", "were x, y and are x, z"),
        ("self.x = 1", "pass", "attributes were x and are none"),
    ],
)
def test_other_attributes_of_a_plain_class_are_told(
    tmp_path: Path, kernel: Any, then: str, now: str, said: str
) -> None:
    code = "class Plain:\n    def __init__(self): self.set()\n    def set(self):\n        {}\n"
    path = store(tmp_path / "value", kernel(code.format(then))["Plain"]())
    names = kernel(code.format(now))
    with pytest.warns(UserWarning, match=f"another definition of 'Plain': the .*{said}"):
        back = pickles.load(path)
    assert type(back) is names["Plain"]
    assert back.__dict__.get("x", 1) == 1


def test_a_plain_class_that_has_become_a_dataclass_is_told_only_where_it_holds_other_things(
    tmp_path: Path, kernel: Any
) -> None:
    plain = "class Thing:\n    def __init__(self, n): self.n = n\n"
    path = store(tmp_path / "value", kernel(plain)["Thing"](3))
    names = kernel(THING.format("") + "    n: int\n")
    assert pickles.load(path) == names["Thing"](3)
    kernel(THING.format("") + "    n: int\n    m: int = 0\n")
    with pytest.warns(UserWarning, match="the attributes were n and are m, n"):
        pickles.load(path)


def test_what_a_dataclass_sets_after_its_fields_is_told_too(tmp_path: Path, kernel: Any) -> None:
    code = THING.format("") + "    n: int\n    def __post_init__(self): self.{} = 2 * self.n\n"
    path = store(tmp_path / "value", kernel(code.format("twice"))["Thing"](3))
    assert pickles.load(path).twice == 6
    kernel(code.format("double"))
    with pytest.warns(UserWarning, match="fields were n: int, twice and are n: int, double"):
        pickles.load(path)


@pytest.mark.parametrize(
    ("code", "then", "now"),
    [
        ("class P:\n    def __init__(self): {}\n", "self.x = 1", "self.x = self.y = 1"),
        (THING.format("") + "    x: int = 1\n{}P = Thing\n", "", "    y: int = 1\n"),
        (
            "from enum import Enum\nclass C(Enum):\n    {}\nP = lambda: C.A\n",
            "A = 1",
            "A, B = 1, 2",
        ),
    ],
)
def test_a_script_is_told_that_its_class_is_not_the_stored_one(
    tmp_path: Path, code: str, then: str, now: str
) -> None:
    made = "from jobnb import Instance, asset, materialize\n@asset\ndef p(): return P()\n"
    home = f"instance = Instance(home={str(tmp_path)!r})\n"
    make = "materialize([p], instance=instance)"
    load = f"import jobnb\njobnb.session.home = {str(tmp_path)!r}\njobnb.session.value('p')"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    said = []
    for definition, end in ((then, make), (then, load), (now, load)):
        script = tmp_path / "script.py"
        script.write_text(code.format(definition) + made + home + end)
        done = subprocess.run(
            [sys.executable, script], capture_output=True, text=True, env=env, check=False
        )
        assert done.returncode == 0, done.stderr
        said.append("another definition of" in done.stderr)
    assert said == [False, False, True]


@pytest.mark.parametrize(
    ("code", "then", "now", "shown"),
    [
        (THING.format("(slots=True, frozen=True)"), "    a: int\n    b: int\n",
         "    b: int\n    a: int\n", {"a": 1, "b": 2}),
        ("from typing import NamedTuple\nclass Thing(NamedTuple):\n", "    a: int\n    b: int\n",
         "    b: int\n    a: int\n", {"a": 1, "b": 2}),
        ("from typing import NamedTuple\nclass Thing(NamedTuple):\n", "    a: int\n    b: int\n",
         "    a: int\n    b: int\n    c: int\n", {"a": 1, "b": 2}),
        ("class Thing(Exception):\n", "    def __init__(self, a, b): super().__init__(a, b)\n",
         "    def __init__(self, a): super().__init__(a)\n", {"args": (1, 2)}),
    ],
)  # fmt: skip
def test_a_value_that_the_class_of_today_would_misread_stays_as_it_was(
    tmp_path: Path, kernel: Any, code: str, then: str, now: str, shown: dict[str, Any]
) -> None:
    path = store(tmp_path / "value", kernel(code + then)["Thing"](1, 2))
    names = kernel(code + now)
    with pytest.warns(UserWarning, match="another definition of 'Thing'.*instance of the old"):
        back = pickles.load(path)
    assert type(back) is not names["Thing"]
    assert {name: getattr(back, name) for name in shown} == shown


@pytest.mark.parametrize(
    ("now", "stays"),
    [
        ("RED = 1; BLUE = 2; GREEN = 3", False),
        ("RED = 1", False),
        ("RED = 2; BLUE = 1", True),
        ("BLUE = 2", True),
        ("PINK = 1; BLUE = 2", True),
    ],
)
def test_a_member_of_an_enum_never_becomes_another_one(
    tmp_path: Path, kernel: Any, now: str, stays: bool
) -> None:
    code = "import enum\nclass Color(enum.Enum):\n    {}\n"
    path = store(tmp_path / "value", kernel(code.format("RED = 1; BLUE = 2"))["Color"].RED)
    names = kernel(code.format(now))
    with pytest.warns(UserWarning, match="another definition of 'Color': the members were RED"):
        back = pickles.load(path)
    assert back.name == "RED"
    assert (type(back) is names["Color"]) is not stays


def test_the_same_annotations_written_in_another_way_are_no_other_definition(
    tmp_path: Path, kernel: Any
) -> None:
    code = THING.format("") + "    n: int\n    more: list[int]\n    maybe: 'int | None' = None\n"
    path = store(tmp_path / "value", kernel(code)["Thing"](1, [2]))
    names = kernel("from __future__ import annotations\n" + code.replace("'", ""))
    assert pickles.load(path) == names["Thing"](1, [2])


def test_a_name_that_is_no_class_any_more_is_not_taken_for_one(tmp_path: Path, kernel: Any) -> None:
    path = store(tmp_path / "value", [kernel(CLASSES)["Thing"](1)])
    kernel("def Thing(): ...\nclass Color: ...")
    (back,) = pickles.load(path)
    assert (back.n, back.color.name) == (1, "RED")


def test_a_damaged_file_tells_what_is_wrong_with_it(tmp_path: Path, kernel: Any) -> None:
    path = store(tmp_path / "value", [kernel(CLASSES)["Thing"](1)])
    path.write_bytes(path.read_bytes()[:-30])
    kernel(CLASSES)
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        pickles.load(path)


# -- through the roof

STORE = """
import enum
from dataclasses import dataclass

from jobnb import asset, materialize

class Color(enum.Enum):
    RED = 1

@dataclass
class Thing:
    n: int
    color: Color = Color.RED

@dataclass
class Child(Thing):
    pass

@asset
def thing() -> Thing:
    return Thing(4, Color.RED)

@asset
def things() -> list[Thing]:
    return [Child(1), Thing(2)]
"""

USE = (
    STORE
    + """
@asset
def used(thing: Thing, things: list[Thing]) -> str:
    assert thing.color is Color.RED
    assert thing == Thing(4)
    assert [type(each) for each in things] == [Child, Thing]
    return "used"
"""
)


def test_a_new_process_uses_what_another_one_stored(tmp_path: Path) -> None:
    environment = os.environ | {"JOBNB_HOME": str(tmp_path / "home")}

    def run(code: str, last: str) -> str:
        file = tmp_path / "notebook.py"
        file.write_text(f"{code}\nfrom jobnb import session\n{last}\n")
        done = subprocess.run(
            [sys.executable, str(file)], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(STORE, "assert session.materialize().success")
    run(USE, "assert session.materialize('used').success")
    # Neither the classes nor the assets as they were: a reader that only knows the names.
    plain = "from jobnb import asset\n@asset\ndef thing(): ...\n"
    told = run(plain, "value = session.value('thing'); print(type(value), value.color.name)")
    assert told.split() == ["<class", "'__main__.Thing'>", "RED"]


def test_the_classes_are_those_that_the_function_knows_which_the_value_is_for(
    tmp_path: Path, kernel: Any
) -> None:
    names = kernel(USE)
    resources = {"io_manager": FilesystemIOManager(base_dir=str(tmp_path))}
    materialize([names["thing"], names["things"]], resources=resources)
    names = kernel(USE)
    kernel()  # a notebook is read as a module, and `__main__` is another one when it runs
    made = [names[each] for each in ("thing", "things", "used")]
    assert materialize(made, resources=resources, selection="used").success


def test_what_was_stored_by_another_definition_is_told_where_it_is_loaded(
    tmp_path: Path, kernel: Any
) -> None:
    code = THING.format("") + "    n: int\n"
    names = kernel(code)

    @asset(name="thing")
    def made() -> Any:
        return names["Thing"](1)

    with Instance.local_temp(str(tmp_path)) as instance:
        materialize([made], instance=instance)
        kernel(code + "    m: int = 0\n")
        with pytest.warns(UserWarning, match=r"thing'.*another definition of 'Thing'"):
            Definitions([made]).load_asset_value("thing", instance=instance)
