"""The part of a step's context that knows its assets, and records their metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.metadata import normalize
from jobnb.definitions.ops.output import DataProvenance, DataVersion, provenance_of
from jobnb.errors import InvalidDefinitionError, InvariantViolationError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.execution.run import RunScope
    from jobnb.plan.step import Step, StepOutput


class AssetContext:
    """The part of a context that knows the assets of the step."""

    _run: RunScope
    _step: Step
    _key: str
    _asset_metadata: dict[tuple[AssetKey, str | None], dict[str, Any]]
    _data_versions: dict[AssetKey, Any]

    @property
    def bound_step(self) -> Step:
        """The step; in a call outside of any run, a step of its own."""
        return self._step

    @property
    def has_assets_def(self) -> bool:
        """Whether the step materializes assets."""
        return self._step.assets_def is not None

    @property
    def assets_def(self) -> Any:
        """The definition of the step's assets.

        Raises:
            InvariantViolationError: If it makes none.
        """
        if self._step.assets_def is None:
            raise InvariantViolationError(f"{self._key!r} is an op and makes no assets.")
        return self._step.assets_def

    @property
    def selected_asset_keys(self) -> frozenset[AssetKey]:
        """The assets that the step is to materialize or observe."""
        assets_def = self._step.assets_def
        if assets_def is None:
            return frozenset(each.key for each in self._step.observes)
        return assets_def.keys

    @property
    def selected_output_names(self) -> AbstractSet[str]:
        """The outputs that are to be materialized, in their order.

        For an op of a graph that makes assets, those that are such assets, and those that other
        ops need for them.
        """
        step = self._step
        assets_def = step.assets_def
        names: Iterable[str] = step.op.output_names
        if assets_def is not None and assets_def.node_def is step.op:
            by_name = assets_def.keys_by_output_name
            names = (name for name, key in by_name.items() if key in assets_def.keys)
        elif assets_def is not None:
            names = (out.name for out in step.outputs if self._is_wanted(out))
        return dict.fromkeys(names).keys()

    def _is_wanted(self, output: StepOutput) -> bool:
        is_asset = output.asset_key is not None or output.check is not None
        return (is_asset and output.is_asked) or self._run.plan.readers[output.slot] > 0

    @property
    def selected_asset_check_keys(self) -> frozenset[AssetCheckKey]:
        """The checks that the step evaluates; those of all its steps for a graph."""
        if self._step.assets_def is not None:
            return self._step.assets_def.check_keys
        return frozenset(spec.key for spec in self._step.checks)

    @property
    def is_subset(self) -> bool:
        """Whether only some of the step's assets are to be materialized."""
        is_subset: bool = self.assets_def.is_subset
        return is_subset

    @property
    def asset_key(self) -> AssetKey:
        """The asset of the step, if there is one."""
        key: AssetKey = self.assets_def.key
        return key

    def asset_key_for_output(self, output_name: str = "result") -> AssetKey:
        """Return the asset that an output makes.

        Raises:
            InvalidDefinitionError: If it makes none.
        """
        output = self._step.output(output_name)
        if output is not None and output.asset_key is not None:
            return output.asset_key
        assets_def = self._step.assets_def
        names: Mapping[str, AssetKey] = {}
        if assets_def is not None and assets_def.node_def is self._step.op:
            names = assets_def.keys_by_output_name
        if output_name in names:
            return names[output_name]
        hint = did_you_mean(output_name, names, noun="Its assets are")
        raise InvalidDefinitionError(
            f"The output {output_name!r} of {self._key!r} is no asset. {hint}".rstrip()
        )

    def asset_key_for_input(self, input_name: str) -> AssetKey:
        """Return the asset that an input takes.

        Raises:
            InvalidDefinitionError: If it takes none.
        """
        for each in self._step.inputs:
            if each.name == input_name and each.asset_key is not None:
                return each.asset_key
        assets_def = self._step.assets_def
        known: dict[str, AssetKey] = {e.name: e.asset_key for e in self._step.inputs if e.asset_key}
        if assets_def is not None and assets_def.node_def is self._step.op:
            known |= assets_def.keys_by_input_name
        if input_name in known:
            return known[input_name]
        hint = did_you_mean(input_name, known, noun="Its asset inputs are")
        raise InvalidDefinitionError(f"{self._key!r} has no asset input {input_name!r}. {hint}")

    def output_for_asset_key(self, asset_key: Any) -> str:
        """Return the output that makes an asset."""
        name: str = self.assets_def.output_name_of(AssetKey.from_coercible(asset_key))
        return name

    def set_data_version(self, asset_key: Any, data_version: DataVersion) -> None:
        """Set the data version of an asset.

        Raises:
            InvariantViolationError: If the step does not make the asset.
        """
        key = AssetKey.from_coercible(asset_key)
        made = self.assets_def.keys_by_output_name.values()
        if key not in made:
            hint = did_you_mean(key.to_user_string(), [each.to_user_string() for each in made])
            raise InvariantViolationError(
                f"{self._key!r} does not make {key.to_user_string()!r}, so it cannot set its data "
                f"version. {hint}".rstrip()
            )
        self._data_versions[key] = data_version

    def get_asset_provenance(self, asset_key: Any) -> DataProvenance | None:
        """Return the inputs of an asset's last value, or None if unknown."""
        key = AssetKey.from_coercible(asset_key)
        entry = self._run.instance.get_latest_materialization_event(key)
        tags = getattr(entry.event, "tags", None) if entry is not None else None
        return provenance_of(tags or {})

    def add_asset_metadata(
        self,
        metadata: Mapping[str, Any],
        asset_key: CoercibleToAssetKey | None = None,
        partition_key: str | None = None,
    ) -> None:
        """Add metadata to the materialization of an asset, or of one of its partitions.

        Args:
            metadata: Values by name.
            asset_key: Which asset, where the step makes several.
            partition_key: Which partition, where the run is for several.

        Raises:
            InvariantViolationError: If the step does not make that asset, or that partition.
            InvalidDefinitionError: If a value cannot be metadata.
        """
        key = self.asset_key if asset_key is None else AssetKey.from_coercible(asset_key)
        if key not in self.selected_asset_keys:
            known = [each.to_user_string() for each in self.selected_asset_keys]
            hint = did_you_mean(key.to_user_string(), known, noun="It makes")
            raise InvariantViolationError(
                f"{self._key!r} does not make {key.to_user_string()!r}. {hint}".rstrip()
            )
        if partition_key is not None and partition_key not in self._made_partitions:
            raise InvariantViolationError(
                f"{self._key!r} does not make the partition {partition_key!r} in this run."
            )
        normalize(metadata)
        self._asset_metadata.setdefault((key, partition_key), {}).update(metadata)

    @cached_property
    def _made_partitions(self) -> frozenset[str]:
        partitions = self._run.plan.partitions
        return frozenset(partitions.keys if partitions is not None else ())

    def get_asset_metadata(self, asset_key: AssetKey, partition_key: str | None) -> dict[str, Any]:
        """Return the metadata added to an asset or to this partition of it so far."""
        found = dict(self._asset_metadata.get((asset_key, None), {}))
        if partition_key is not None:
            found.update(self._asset_metadata.get((asset_key, partition_key), {}))
        return found

    def load_asset_value(
        self, asset_key: CoercibleToAssetKey, *, python_type: Any = None, partition_key: Any = None
    ) -> Any:
        """Return the stored value of an asset that the job knows.

        Args:
            asset_key: The asset.
            python_type: What its loader is asked for.
            partition_key: Which of its partitions; those of the run if left out, where it has
                the same partitions.

        Raises:
            InvalidSubsetError: If there is no such asset.
            StepOutputNotFoundError: If it has never been stored.
        """
        from jobnb.execution.values import load_for_step

        return load_for_step(self._run, self._step, asset_key, python_type, partition_key)

    @property
    def repository_def(self) -> Definitions:
        """All assets around the job, with its resources."""
        from jobnb.definitions.locations.definitions import Definitions  # brings all definitions

        job = self._run.plan.job
        layer = job.asset_layer
        around = [*layer.assets, *layer.sources, *layer.checks] if layer is not None else []
        return Definitions.of(assets=around, resources=job.resource_defs)
