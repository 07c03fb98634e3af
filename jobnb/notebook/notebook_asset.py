"""`notebook_asset` and `notebook_op`: a notebook as the code of an asset or op."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobnb.definitions.assets.asset import asset
from jobnb.definitions.ops.inout import AssetIn, In, Out
from jobnb.definitions.ops.op import OpDefinition, op
from jobnb.definitions.ops.output import Output
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    NotebookError,
    did_you_mean,
)
from jobnb.notebook.code_cells import plain_cells
from jobnb.notebook.notebook_step import NotebookFunction
from jobnb.notebook.parameter_source import defaults_of, schema_of

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.ops.retry import RetryPolicy

_SUFFIXES = (".ipynb", ".py", ".md")
NOTEBOOK_OUTPUT = "notebook"
"""The output of a `notebook_op` that is the executed notebook."""


def notebook_asset(
    name: str,
    path: str | PathLike[str],
    ins: Mapping[str, AssetIn | str] | Iterable[str] | None = None,
    config: Any = None,
    kernel: str | None = None,
    *,
    results: Iterable[str] = (),
    deps: Iterable[Any] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    description: str | None = None,
    group_name: str | None = None,
    partitions_def: Any = None,
    io_manager_key: str | None = None,
    retry_policy: RetryPolicy | None = None,
    **more: Any,
) -> AssetsDefinition:
    r"""Define an asset that a notebook makes.

    The notebook is executed in a kernel of its own, in its folder. Its config and the upstream
    assets become variables, in a cell right after the one tagged `parameters`. The value of the
    asset is the executed notebook, an `ExecutedNotebook`, with the results that it hands back.

    If a cell fails, so does the step: the error names the cell, and the notebook as far as it came
    is kept with the values of the run.

    Args:
        name: The last part of the key.
        path: The notebook: an `.ipynb` file, or a `.py` or `.md` file of jupytext. A relative path
            starts at the working folder, or else at the file that defines the asset.
        ins: The upstream assets, by the variable that they become; or names that are both.
        config: The config schema; if None, the parameters that the cell tagged `parameters`
            assigns, with their defaults.
        kernel: The kernel to execute it with; the notebook's own if None. A run's tag
            `jobnb/kernel` names another one for that run.
        results: The variables that it hands back; `value["total"]` reads one.
        deps: Assets that must be materialized before, and are not loaded.
        key_prefix: Parts of the key before the name.
        description: A description; the notebook's first Markdown cell if not given.
        group_name: The group it belongs to.
        partitions_def: Its partitions; a parameter called `partition_key` is the partition's key.
        io_manager_key: The resource that stores it.
        retry_policy: The retry policy.
        more: Any other argument of `@asset`.

    Returns:
        The asset. Editing the notebook's code makes it stale.

    Raises:
        InvalidDefinitionError: If there is no such notebook, or an argument is wrong.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name, "sales.py")
        >>> text = '# %% tags=["parameters"]\nyear = 2013\n# %%\ntotal = year + 1'
        >>> _ = file.write_text(text)
        >>> sales = notebook_asset("sales", file, results=["total"])
        >>> sales.key.to_user_string(), list(sales.op.config_schema)
        ('sales', ['year'])
        >>> folder.cleanup()
    """
    _see_known(notebook_asset, more, asset, {"outs": "results"})
    function = _function(name, path, results, kernel)
    _, cells = plain_cells(function.path)
    return asset(
        name=name,
        key_prefix=key_prefix,
        ins=_asset_ins(ins),
        deps=deps,
        description=description or _description(cells),
        config_schema=_schema(config, function, _names(ins)),
        group_name=group_name,
        partitions_def=partitions_def,
        io_manager_key=io_manager_key,
        retry_policy=retry_policy,
        **{"compute_kind": "notebook", **more},
    )(function)


def notebook_op(
    name: str,
    path: str | PathLike[str],
    ins: Mapping[str, In] | Iterable[str] | None = None,
    config: Any = None,
    kernel: str | None = None,
    *,
    outs: Mapping[str, Out] | Iterable[str] = (),
    description: str | None = None,
    retry_policy: RetryPolicy | None = None,
    **more: Any,
) -> OpDefinition[..., Any]:
    """Define an op that a notebook computes.

    Its config and its inputs become variables, as with `notebook_asset`. Each output in `outs` is
    the variable of that name at the notebook's end; one more output, `notebook`, is the executed
    notebook.

    Args:
        name: The name.
        path: The notebook, as with `notebook_asset`.
        ins: The inputs, by the variable that they become.
        config: The config schema; if None, the parameters of the notebook.
        kernel: The kernel to execute it with; the notebook's own if None.
        outs: The variables that are outputs.
        description: A description; the notebook's first Markdown cell if not given.
        retry_policy: The retry policy.
        more: Any other argument of `@op`.

    Returns:
        The op. If it has no `outs`, its only output `notebook` is the executed notebook.

    Raises:
        InvalidDefinitionError: If there is no such notebook, or an argument is wrong.
    """
    _see_known(notebook_op, more, op, {"results": "outs"})
    declared = dict(outs) if isinstance(outs, Mapping) else {each: Out() for each in outs}
    if NOTEBOOK_OUTPUT in declared:
        raise InvalidDefinitionError(
            f"The output {NOTEBOOK_OUTPUT!r} of {name!r} is the executed notebook. Name the "
            "variable otherwise."
        )
    function = _function(name, path, list(declared), kernel)
    _, cells = plain_cells(function.path)
    given = ins if isinstance(ins, Mapping) else {each: In() for each in ins or ()}
    return op(
        name=name,
        ins=given,
        out={**declared, NOTEBOOK_OUTPUT: Out()},
        description=description or _description(cells),
        config_schema=_schema(config, function, _names(ins)),
        retry_policy=retry_policy,
        **more,
    )(_Outputs(function, tuple(declared)))


def _see_known(
    called: Callable[..., Any],
    more: Iterable[str],
    passed_to: Callable[..., Any],
    otherwise: Mapping[str, str],
) -> None:
    """Check the names of the arguments that are passed on to a decorator.

    Raises:
        InvalidInvocationError: If one is none of its, with what is meant.
    """
    own = list(inspect.signature(called).parameters)
    names = [*own[:-1], *inspect.signature(passed_to).parameters]
    for wrong in more:
        if wrong in otherwise or wrong not in names:
            here = otherwise.get(wrong)
            near = did_you_mean(wrong, names, noun="It takes")
            hint = f"It is called {here!r} here." if here else near
            raise InvalidInvocationError(f"{called.__name__}() takes no {wrong!r}. {hint}")


class _Outputs:
    """Makes outputs of what a notebook hands back."""

    def __init__(self, function: NotebookFunction, names: tuple[str, ...]) -> None:
        self._function, self._names = function, names
        self.__name__ = self.__qualname__ = function.name
        self.__module__ = function.__module__
        self.__doc__ = None
        self.path, self.code_cells = function.path, function.code_cells

    def code_hash(self) -> str:
        """Return the hash of the notebook's code."""
        return self._function.code_hash()

    def __call__(self, context: Any, **inputs: Any) -> Any:
        """Execute the notebook; yields each output."""
        done = self._function(context, **inputs)
        for name in self._names:
            yield Output(done.results.pop(name), name)
        yield Output(done, NOTEBOOK_OUTPUT)


def _function(
    name: str, path: str | PathLike[str], results: Iterable[str], kernel: str | None
) -> NotebookFunction:
    frame = sys._getframe(2)
    if isinstance(results, str):
        raise InvalidDefinitionError(
            f"The results of the notebook {name!r} are {results!r}; give a list: [{results!r}]."
        )
    file = notebook_file(name, path, frame.f_globals.get("__file__"))
    try:
        _, cells = plain_cells(file)
    except NotebookError as error:
        raise InvalidDefinitionError(f"{name!r} cannot be made by a notebook: {error}") from error
    function = NotebookFunction(name, file, tuple(results), kernel, defaults=defaults_of(cells))
    function.__module__ = frame.f_globals.get("__name__", "")
    return function


def notebook_file(name: str, path: str | PathLike[str], beside: str | None) -> Path:
    """Return the notebook's whole path.

    Raises:
        InvalidDefinitionError: If there is no such file, or it is no notebook.
    """
    given = Path(path).expanduser()
    if given.suffix not in _SUFFIXES:
        raise InvalidDefinitionError(
            f"{given} cannot make {name!r}: name a notebook, which ends in .ipynb, or in .py or "
            ".md as jupytext writes it."
        )
    places = [given.absolute(), *([Path(beside).absolute().parent / given] if beside else [])]
    found = next((each for each in places if each.is_file()), None)
    if found is None:
        raise InvalidDefinitionError(
            f"There is no notebook {places[0]}, which {name!r} is to be made by."
        )
    return found


def _names(ins: Mapping[str, Any] | Iterable[str] | None) -> frozenset[str]:
    return frozenset(ins or ())


def _asset_ins(ins: Mapping[str, Any] | Iterable[str] | None) -> dict[str, AssetIn]:
    if isinstance(ins, str):
        raise InvalidDefinitionError(f"ins is {ins!r}; give a list: [{ins!r}].")
    if not isinstance(ins, Mapping):
        return {each: AssetIn() for each in ins or ()}
    return {
        name: each if isinstance(each, AssetIn) else AssetIn(key=each) for name, each in ins.items()
    }


def _schema(config: Any, function: NotebookFunction, inputs: frozenset[str]) -> Any:
    """Return the config schema: the one given, or that of the parameters that are no inputs."""
    if config is not None:
        return config
    left_out = inputs | {"partition_key"}
    return schema_of({n: v for n, v in function.defaults.items() if n not in left_out}) or None


def _description(cells: list[Any]) -> str | None:
    """Return the text of the first Markdown cell."""
    first = next((cell for cell in cells if cell["cell_type"] == "markdown"), None)
    return first["source"].strip() or None if first is not None else None
