"""`help()` and shift-tab ask a name for its signature: every one answers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

import msgspec
import pytest

import jobnb
from jobnb import HOME_OF, dagster_compat

PUBLIC = sorted({*HOME_OF, *dagster_compat.SPELLINGS})


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(jobnb.__path__, "jobnb."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def structs() -> list[type]:
    return [
        each
        for module in modules()
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, msgspec.Struct)
        and each.__module__ == module.__name__
    ]


def ask(thing: Any) -> None:
    """Asks for the signature; having none at all, as an exception has, is an answer."""
    with suppress(TypeError, ValueError):
        inspect.signature(thing)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_and_its_methods_have_a_signature(name):
    thing = getattr(dagster_compat, name)
    ask(thing)
    for attribute in dir(thing) if inspect.isclass(thing) else ():
        if not attribute.startswith("_"):
            ask(inspect.getattr_static(thing, attribute))


def test_every_struct_names_only_types_that_are_there_when_it_runs():
    found = structs()
    assert len(found) > 50
    for struct in found:
        assert list(inspect.signature(struct).parameters) == list(struct.__struct_fields__)


def shown(thing: Any) -> str:
    return str(inspect.signature(thing)).replace("'", "").replace(" -> None", "")


class Load(jobnb.Config):
    year: int
    day: int = 1


class LoadMore(Load):
    month: int = 2


class Database(jobnb.ConfigurableResource):
    url: str


class Holder(jobnb.ConfigurableResource):
    db: jobnb.ResourceDependency[Database]
    limit: int = 3


def test_a_config_class_shows_its_fields_before_it_is_first_used():
    assert shown(LoadMore) == "(*, year: int, day: int = 1, month: int = 2)"
    assert shown(Load) == "(*, year: int, day: int = 1)"
    assert Load(year=3).year == 3
    assert shown(Load) == "(*, year: int, day: int = 1)"


def test_a_resource_class_shows_its_fields():
    assert shown(Database) == "(*, url: str)"
    assert shown(Holder) == "(*, db: Any, limit: int = 3)"
    assert shown(jobnb.FilesystemIOManager).startswith("(*, base_dir: ")


def test_a_config_class_that_cannot_be_built_yet_still_answers():
    class Waiting(jobnb.Config):
        later: NoSuchType  # noqa: F821

    assert shown(Waiting) == "(**data: Any)"
