"""The definitions that a variable or function of a module gives, as Dagster's `--attribute`."""

from __future__ import annotations

import types
from typing import Any

from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import NotebookError, did_you_mean


def definitions_of(module: types.ModuleType, attribute: str, name: str) -> Definitions:
    """Return the definitions that an attribute of a module gives.

    Args:
        module: The module.
        attribute: A `Definitions`, a repository, a job, a graph, an asset, a list of these, or a
            function without parameters that returns one of them.
        name: How messages call the module.

    Raises:
        NotebookError: If there is no such attribute, or it gives no definitions.

    Example:
        >>> import types
        >>> from jobnb import Definitions, asset
        >>> module = types.ModuleType("shop")
        >>> module.defs = lambda: Definitions(assets=[asset(name="orders")(lambda: 3)])
        >>> definitions_of(module, "defs", "shop.py")
        Definitions(1 assets)
    """
    if not hasattr(module, attribute):
        known = [each for each in vars(module) if not each.startswith("_")]
        hint = did_you_mean(attribute, known, noun="It has")
        raise NotebookError(f"{name} has no attribute {attribute!r}. {hint}".rstrip())
    found = getattr(module, attribute)
    if isinstance(found, types.FunctionType):
        found = _returned(found, attribute, name)
    if isinstance(found, Definitions):
        return found
    return _defined_by(found, attribute, name)


def _returned(function: Any, attribute: str, name: str) -> Any:
    try:
        return function()
    except Exception as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise NotebookError(f"{name}: {attribute}() raised {what}") from error


def _defined_by(found: Any, attribute: str, name: str) -> Definitions:
    from jobnb.definitions.ops.graph_definition import GraphDefinition
    from jobnb.registry.session import Session

    given = list(found) if isinstance(found, (list, tuple)) else [found]
    given = [each.to_job() if isinstance(each, GraphDefinition) else each for each in given]
    session = Session()
    try:
        session.add(*given)
    except (TypeError, ValueError) as error:
        raise NotebookError(
            f"{name}: {attribute!r} is {found!r}, which defines nothing. Name a Definitions, a "
            "job, an asset, a list of these, or a function that returns one."
        ) from error
    return session.snapshot()
