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
from jobnb import dagster_compat
from jobnb._names import HOME_OF

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
