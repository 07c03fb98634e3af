"""`define_dagstermill_op` and `define_dagstermill_asset`: notebooks with a context of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobnb.definitions.assets.asset import asset
from jobnb.definitions.ops.inout import AssetIn, In, Out
from jobnb.definitions.ops.op import OpDefinition, op
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError
from jobnb.notebook.dagstermill_step import DagstermillFunction
from jobnb.notebook.notebook_asset import notebook_file

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.ops.retry import RetryPolicy

OUTPUT_NOTEBOOK_IO_MANAGER = "output_notebook_io_manager"
"""The resource that stores executed notebooks, unless another one is named."""
_TAGS = ("kind", "notebook_path")


def define_dagstermill_op(
    name: str,
    notebook_path: str | PathLike[str],
    ins: Mapping[str, In] | None = None,
    outs: Mapping[str, Out] | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    output_notebook_name: str | None = None,
    asset_key_prefix: str | Sequence[str] | None = None,  # noqa: ARG001 - dagstermill's
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    io_manager_key: str | None = None,
    save_notebook_on_failure: bool = False,  # noqa: ARG001 - dagstermill's
) -> OpDefinition[..., Any]:
    """Define an op that a notebook of dagstermill computes.

    The cell tagged `parameters` is replaced: there, `context` becomes the context of the step, and
    each input a variable. The notebook hands outputs back with `yield_result`.

    Args:
        name: The name.
        notebook_path: The notebook.
        ins: The inputs by name.
        outs: The outputs by name, which the notebook yields.
        config_schema: The config schema, read from `context.op_config`.
        required_resource_keys: The resources that it reads from `context.resources`.
        output_notebook_name: The output that is the executed notebook, as bytes; none if None.
        asset_key_prefix: Not used, as in dagstermill 0.20.7: give it to the IO manager.
        description: A description.
        tags: Tags of the op.
        io_manager_key: The resource that stores the executed notebook.
        save_notebook_on_failure: The notebook as far as it came is kept in any case.

    Returns:
        The op.

    Raises:
        InvalidDefinitionError: If there is no such notebook, or an argument is wrong.

    Source: dagstermill's `define_dagstermill_op`.
    """
    outputs = dict(outs or {})
    required = set(required_resource_keys or ())
    function = _function(name, notebook_path, required, list(outputs), output_notebook_name)
    manager = io_manager_key or OUTPUT_NOTEBOOK_IO_MANAGER
    if output_notebook_name is not None:
        if output_notebook_name in outputs:
            raise InvalidDefinitionError(
                f"The output {output_notebook_name!r} of {name!r} is the executed notebook: name "
                "the one in outs otherwise."
            )
        required.add(manager)
        outputs[output_notebook_name] = Out(io_manager_key=manager)
    return op(
        name=name,
        ins=dict(ins or {}),
        out=outputs,
        description=description or f"This op is backed by the notebook at {function.path}",
        config_schema=config_schema,
        required_resource_keys=required,
        tags=_tags(name, tags, function.path),
    )(function)


def define_dagstermill_asset(
    name: str,
    notebook_path: str | PathLike[str],
    key_prefix: str | Sequence[str] | None = None,
    ins: Mapping[str, AssetIn] | None = None,
    deps: Iterable[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    config_schema: Any = None,
    required_resource_keys: Iterable[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    description: str | None = None,
    partitions_def: Any = None,
    op_tags: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    io_manager_key: str | None = None,
    retry_policy: RetryPolicy | None = None,
    save_notebook_on_failure: bool = False,  # noqa: ARG001 - dagstermill's
    non_argument_deps: Iterable[Any] | None = None,
) -> AssetsDefinition:
    """Define an asset that a notebook of dagstermill makes: its value is the executed notebook.

    Args:
        name: The last part of the key.
        notebook_path: The notebook.
        key_prefix: Parts of the key before the name.
        ins: More about upstream assets, by variable.
        deps: Assets that must be materialized before, and are not loaded.
        metadata: Values by name.
        config_schema: The config schema, read from `context.op_config`.
        required_resource_keys: The resources that it reads from `context.resources`.
        resource_defs: Resources by key, for this asset.
        description: A description.
        partitions_def: Its partitions.
        op_tags: Tags of the op.
        group_name: The group it belongs to.
        io_manager_key: The resource that stores the executed notebook.
        retry_policy: The retry policy.
        save_notebook_on_failure: The notebook as far as it came is kept in any case.
        non_argument_deps: An older name of `deps`.

    Returns:
        The asset. Its value is the notebook's bytes.

    Raises:
        InvalidDefinitionError: If there is no such notebook, or an argument is wrong.

    Source: dagstermill's `define_dagstermill_asset`.
    """
    required = {*(required_resource_keys or ()), *(resource_defs or ())}
    function = _function(name, notebook_path, required, (), "result")
    manager = io_manager_key or OUTPUT_NOTEBOOK_IO_MANAGER
    return asset(
        name=name,
        key_prefix=key_prefix,
        ins=dict(ins or {}),
        deps=deps,
        non_argument_deps=non_argument_deps,
        metadata=metadata,
        config_schema=config_schema,
        required_resource_keys=set(required_resource_keys or ()),
        resource_defs=resource_defs,
        description=description or f"This asset is backed by the notebook at {function.path}",
        partitions_def=partitions_def,
        op_tags=_tags(name, op_tags, function.path),
        group_name=group_name,
        io_manager_key=manager,
        retry_policy=retry_policy,
    )(function)


def _function(
    name: str,
    path: str | PathLike[str],
    resource_keys: Iterable[str],
    results: Sequence[str],
    output: str | None,
) -> DagstermillFunction:
    frame = sys._getframe(2)
    if not isinstance(path, (str, PathLike)):
        raise InvalidInvocationError(f"The notebook_path of {name!r} is {path!r}; give a path.")
    file = notebook_file(name, path, frame.f_globals.get("__file__"))
    function = DagstermillFunction(
        name,
        file,
        tuple(results),
        notebook_output=output,
        resource_keys=sorted(resource_keys),
    )
    function.__module__ = frame.f_globals.get("__name__", "")
    return function


def _tags(name: str, given: Mapping[str, Any] | None, path: Path) -> dict[str, Any]:
    """Return the tags of an op: those given, and what dagstermill adds.

    Raises:
        InvalidDefinitionError: If one is given that dagstermill adds.
    """
    taken = [each for each in _TAGS if each in (given or {})]
    if taken:
        raise InvalidDefinitionError(
            f"The tags {taken} of {name!r} are set by jobnb, from its notebook. Leave them out."
        )
    return {**(given or {}), "notebook_path": str(path), "kind": "ipynb"}
