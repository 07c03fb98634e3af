"""The code of what reads renamed assets, as it was under their earlier names.

A function that reads a renamed asset has a parameter of the new name, and so another hash. Its
code counts as unchanged if it is what was recorded once the parameter has the earlier name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import CodeType, FunctionType

from jobnb.code.reader import code_hash
from jobnb.code.version import CodeHash
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.op import OpDefinition

Names = Mapping[AssetKey, Sequence[AssetKey]]
"""The earlier names of renamed assets."""

_MOST_COMBINATIONS = 32


def versions_under(assets: AssetsDefinition, code: str, names: Names) -> Iterator[str]:
    """Iterate over the versions of an asset's code, now and with earlier names of its inputs.

    Args:
        assets: What makes the asset.
        code: The version of its code now.
        names: The earlier names of assets.
    """
    yield code
    node = assets.node_def
    fn = node.function.fn if isinstance(node, OpDefinition) else None
    if type(fn) is not FunctionType or CodeHash.read(code) is None:
        return
    choices = [
        [(name, name), *((name, old.path[-1]) for old in names[key])]
        for name, key in assets.keys_by_input_name.items()
        if key in names and name == key.path[-1]
    ]
    for number, several in enumerate(product(*choices)):
        if 0 < number < _MOST_COMBINATIONS:
            yield code_hash(_with_parameters(fn, dict(several)))


def _with_parameters(fn: FunctionType, names: Mapping[str, str]) -> FunctionType:
    """Return a function whose parameters have other names."""
    code = _with_locals(fn.__code__, names)
    same = FunctionType(code, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    same.__kwdefaults__, same.__module__ = fn.__kwdefaults__, fn.__module__
    same.__annotations__ = fn.__annotations__
    same.__dict__.update(fn.__dict__)
    return same


def _with_locals(code: CodeType, names: Mapping[str, str]) -> CodeType:
    def other(several: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in several)

    return code.replace(
        co_varnames=other(code.co_varnames),
        co_cellvars=other(code.co_cellvars),
        co_freevars=other(code.co_freevars),
        co_consts=tuple(
            _with_locals(each, names) if isinstance(each, CodeType) else each
            for each in code.co_consts
        ),
    )
