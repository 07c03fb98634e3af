"""IO managers that store an executed notebook as an `.ipynb` file, under dagstermill's names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.resources.configurable_resource import ConfigurableIOManagerFactory
from jobnb.definitions.resources.io import IOManager, IOManagerDefinition
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.definitions.resources.resource import InitResourceContext
from jobnb.definitions.user_events import AssetMaterialization
from jobnb.errors import StepOutputNotFoundError
from jobnb.notebook.document import write_whole
from jobnb.storage.executed_notebook import ExecutedNotebook

EXECUTED = "Executed notebook"
"""The name of the metadata that says where the notebook is."""


class OutputNotebookIOManager(IOManager):
    """Stores executed notebooks, and loads them as bytes.

    Args:
        asset_key_prefix: Parts of the key, before the name, of the asset that an op's notebook is.

    Source: dagstermill's `OutputNotebookIOManager`.
    """

    def __init__(self, asset_key_prefix: Sequence[str] | None = None) -> None:
        self.asset_key_prefix = list(asset_key_prefix or ())

    def get_output_asset_key(self, context: OutputContext) -> AssetKey:
        """Return the key of the asset that the notebook of an op is."""
        return AssetKey([*self.asset_key_prefix, f"{context.op_def.name}_output_notebook"])

    @abstractmethod
    def handle_output(self, context: OutputContext, obj: Any) -> Iterator[Any]:
        """Store a notebook.

        Args:
            context: Describes the output.
            obj: The notebook's bytes, or an `ExecutedNotebook`.
        """

    @abstractmethod
    def load_input(self, context: InputContext) -> bytes:
        """Load the bytes of a notebook.

        Args:
            context: Describes the output that it comes from.
        """


class LocalOutputNotebookIOManager(OutputNotebookIOManager):
    """Stores executed notebooks in a folder.

    Args:
        base_dir: The folder.
        asset_key_prefix: Parts of the key, before the name, of the asset that an op's notebook is.

    Source: dagstermill's `LocalOutputNotebookIOManager`.
    """

    def __init__(self, base_dir: str, asset_key_prefix: Sequence[str] | None = None) -> None:
        super().__init__(asset_key_prefix)
        self.base_dir = base_dir

    def handle_output(self, context: OutputContext, obj: Any) -> Iterator[Any]:
        """Store a notebook, and tell where it is in the metadata of the asset."""
        path = self._path(context)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = obj.text if isinstance(obj, ExecutedNotebook) else bytes(obj).decode("utf-8")
        write_whole(path, text)
        told = {EXECUTED: MetadataValue.notebook(str(path))}
        if context.has_asset_key:
            context.add_output_metadata(told)
        else:
            yield AssetMaterialization(self.get_output_asset_key(context), metadata=told)

    def load_input(self, context: InputContext) -> bytes:
        """Load the bytes of a notebook.

        Raises:
            StepOutputNotFoundError: If none is stored.
        """
        assert context.upstream_output is not None
        path = self._path(context.upstream_output)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise StepOutputNotFoundError(
                f"There is no executed notebook {path}. Run what makes it first."
            ) from None

    def _path(self, context: OutputContext) -> Path:
        is_asset = context.has_asset_key
        parts = context.get_asset_identifier() if is_asset else context.get_identifier()
        *folders, name = parts
        return Path(self.base_dir, *folders, f"{name}.ipynb")


class ConfigurableLocalOutputNotebookIOManager(ConfigurableIOManagerFactory):
    """Makes IO managers that store executed notebooks in a folder.

    Attributes:
        base_dir: The folder; where the instance stores values if None.
        asset_key_prefix: Parts of the key, before the name, of the asset that an op's notebook is.

    Example:
        >>> ConfigurableLocalOutputNotebookIOManager(asset_key_prefix=["reports"]).base_dir is None
        True

    Source: dagstermill's `ConfigurableLocalOutputNotebookIOManager`.
    """

    base_dir: str | None = None
    asset_key_prefix: list[str] = []  # noqa: RUF012 - a config class copies its defaults

    def create_io_manager(self, context: InitResourceContext) -> LocalOutputNotebookIOManager:
        """Return the IO manager of a run."""
        return _manager(context, self.base_dir, self.asset_key_prefix)


def _of_config(context: InitResourceContext) -> LocalOutputNotebookIOManager:
    config = context.resource_config
    return _manager(context, config["base_dir"], config["asset_key_prefix"])


def _manager(
    context: InitResourceContext, folder: str | None, prefix: Sequence[str]
) -> LocalOutputNotebookIOManager:
    instance: Any = context.instance
    return LocalOutputNotebookIOManager(folder or instance.storage_directory(), prefix)


def _schema() -> dict[str, Any]:
    from jobnb.config import Field, Noneable

    return {
        "base_dir": Field(Noneable(str), default_value=None, is_required=False),
        "asset_key_prefix": Field([str], default_value=[], is_required=False),
    }


local_output_notebook_io_manager = IOManagerDefinition(
    _of_config, _schema(), "Stores executed notebooks as .ipynb files in a folder."
)
"""Dagstermill's IO manager with a config schema: `base_dir` and `asset_key_prefix`."""
