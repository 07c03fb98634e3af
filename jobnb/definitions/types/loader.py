"""Loaders: load an input from run config."""

from __future__ import annotations

import json
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jobnb.definitions.arguments import check_resource_keys
from jobnb.errors import InvalidConfigError, InvalidDefinitionError

LoaderFunction = Callable[["DataTypeLoaderContext", Any], Any]


class DataTypeLoaderContext:
    """The context of a loader.

    Args:
        resources: The resources that the loader requires.
        job_def: The job that runs.
        op_def: The op whose input is loaded.
        log: The log manager.

    Source: Dagster's `DagsterTypeLoaderContext`.
    """

    __slots__ = ("job_def", "log", "op_def", "resources")

    def __init__(
        self, resources: Any = None, job_def: Any = None, op_def: Any = None, log: Any = None
    ) -> None:
        self.resources = resources
        self.job_def = job_def
        self.op_def = op_def
        self.log = log


class DataTypeLoader(ABC):
    """Loads a value of some type from run config.

    Source: Dagster's `DagsterTypeLoader`.
    """

    @property
    @abstractmethod
    def schema_type(self) -> Any:
        """The config schema of the loader."""

    @property
    def config_schema(self) -> Any:
        """The config schema of the loader."""
        return self.schema_type

    def required_resource_keys(self) -> frozenset[str]:
        """Return the resources that the loader uses."""
        return frozenset()

    @abstractmethod
    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""


class _FunctionLoader(DataTypeLoader):
    def __init__(self, load: LoaderFunction, schema: Any, keys: frozenset[str]) -> None:
        self._load = load
        self._schema = schema
        self._keys = keys

    @property
    def schema_type(self) -> Any:
        """The config schema of the loader."""
        return self._schema

    def required_resource_keys(self) -> frozenset[str]:
        """Return the resources that the loader uses."""
        return self._keys

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""
        return self._load(context, config_value)


def data_type_loader(
    config_schema: Any,
    required_resource_keys: Iterable[str] | None = None,
    loader_version: str | None = None,  # noqa: ARG001
    external_version_fn: Callable[[Any], str] | None = None,  # noqa: ARG001
) -> Callable[[LoaderFunction], DataTypeLoader]:
    """Define a loader for a `DataType` with a function of context and config.

    Args:
        config_schema: The config that the function takes.
        required_resource_keys: Resources that the function uses.
        loader_version: Accepted for code written against Dagster; it has no effect.
        external_version_fn: Accepted for code written against Dagster; it has no effect.

    Example:
        >>> @data_type_loader({"year": int})
        ... def load_year(_context, config):
        ...     return config["year"]
        >>> load_year.construct_from_config_value(None, {"year": 2013})
        2013

    Source: Dagster's `dagster_type_loader`.
    """

    def make(load: LoaderFunction) -> DataTypeLoader:
        code = getattr(load, "__code__", None)
        if code is not None and code.co_argcount < 2 and not code.co_flags & 0x04:
            raise InvalidDefinitionError(
                f"The loader {load.__name__!r} takes two arguments: the context and the config."
            )
        keys = check_resource_keys(required_resource_keys, "loader of a type")
        return _FunctionLoader(load, config_schema, keys)

    return make


def _from_source(source: Mapping[str, Any]) -> Any:
    """Return the value behind {value: ...}, {json: {path: ...}} or {pickle: {path: ...}}."""
    ((how, what),) = source.items()
    if how == "value":
        return what
    path = Path(what["path"])
    try:
        if how == "json":
            content = json.loads(path.read_text(encoding="utf-8"))
            # Files of Dagster hold {"value": ...}; others hold the value itself.
            named = isinstance(content, dict) and content.keys() == {"value"}
            return content["value"] if named else content
        return pickle.loads(path.read_bytes())  # noqa: S301 - the user's own file, named in config
    except (OSError, ValueError, pickle.UnpicklingError, EOFError) as error:
        raise InvalidConfigError(
            f"The {how} file {str(path)!r} given for an input cannot be read: {error}."
        ) from error


def _is_source(config: Any) -> bool:
    if not isinstance(config, Mapping) or len(config) != 1:
        return False
    ((how, what),) = config.items()
    if how == "value":
        return True
    return how in ("json", "pickle") and isinstance(what, Mapping) and set(what) == {"path"}


class AnyLoader(DataTypeLoader):
    """A value as it stands in the config, or under `value`, or in a `json` or `pickle` file."""

    @property
    def schema_type(self) -> Any:
        """The config schema of the loader."""
        return Any

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""
        return _from_source(config_value) if _is_source(config_value) else config_value


class ScalarLoader(DataTypeLoader):
    """A scalar as it stands in the config, or under `value`, or in a `json` or `pickle` file."""

    def __init__(self, scalar: type) -> None:
        self._scalar = scalar

    @property
    def schema_type(self) -> Any:
        """The config schema of the loader."""
        from jobnb.config import ScalarUnion, Selector

        file = {"path": str}
        sources = Selector({"value": self._scalar, "json": file, "pickle": file})
        return ScalarUnion(self._scalar, sources)

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""
        return _from_source(config_value) if _is_source(config_value) else config_value


class ListLoader(DataTypeLoader):
    """A list, item by item, converted by `collect`."""

    def __init__(
        self, inner: DataTypeLoader, collect: Callable[[Iterable[Any]], Any] = list
    ) -> None:
        self._inner = inner
        self._collect = collect

    @property
    def schema_type(self) -> Any:
        """The config schema of the loader."""
        from jobnb.config import Array

        return Array(self._inner.schema_type)

    def required_resource_keys(self) -> frozenset[str]:
        """Return the resources that the items' loader uses."""
        return self._inner.required_resource_keys()

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""
        load = self._inner.construct_from_config_value
        return self._collect(load(context, item) for item in config_value)


class DictLoader(DataTypeLoader):
    """A mapping as it stands in the config."""

    @property
    def schema_type(self) -> Any:
        """The config schema of the loader."""
        from jobnb.config import Permissive

        return Permissive()

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""
        return dict(config_value)


class MapLoader(DataTypeLoader):
    """A mapping from keys of one scalar type to values of one type."""

    def __init__(self, key: type, inner: DataTypeLoader) -> None:
        self._key = key
        self._inner = inner

    @property
    def schema_type(self) -> Any:
        """The config schema of the loader."""
        from jobnb.config import Map

        return Map(self._key, self._inner.schema_type)

    def required_resource_keys(self) -> frozenset[str]:
        """Return the resources that the values' loader uses."""
        return self._inner.required_resource_keys()

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""
        load = self._inner.construct_from_config_value
        return {key: load(context, value) for key, value in config_value.items()}


class NullableLoader(DataTypeLoader):
    """None, or the value of the inner loader."""

    def __init__(self, inner: DataTypeLoader) -> None:
        self._inner = inner

    @property
    def schema_type(self) -> Any:
        """The config schema of the loader."""
        from jobnb.config import Noneable

        return Noneable(self._inner.schema_type)

    def required_resource_keys(self) -> frozenset[str]:
        """Return the resources that the inner loader uses."""
        return self._inner.required_resource_keys()

    def construct_from_config_value(self, context: Any, config_value: Any) -> Any:
        """Return the value that `config_value` describes."""
        if config_value is None:
            return None
        return self._inner.construct_from_config_value(context, config_value)
