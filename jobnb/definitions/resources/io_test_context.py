"""Build the contexts of IO managers by hand, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.definitions.resources.resource import ScopedResources

_TEST_RUN = "__EPHEMERAL_RUN_ID"


def _resources_of(resources: Mapping[str, Any] | None, instance: Any, owner: str) -> Any:
    if not resources:
        return ScopedResources({}, owner)
    from jobnb.definitions.engine_protocol import engine

    return ScopedResources(engine().resource_values(resources, instance), owner)


def _key(asset_key: CoercibleToAssetKey | None) -> AssetKey | None:
    return None if asset_key is None else AssetKey.from_coercible(asset_key)


def build_input_context(
    name: str | None = None,
    config: Any = None,
    metadata: Mapping[str, Any] | None = None,
    upstream_output: OutputContext | None = None,
    dagster_type: Any = None,
    resource_config: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    op_def: Any = None,
    step_context: Any = None,
    asset_key: CoercibleToAssetKey | None = None,
    partition_key: str | None = None,
    asset_partition_key_range: PartitionKeyRange | None = None,
    asset_partitions_def: Any = None,
    instance: Any = None,
    definition_metadata: Mapping[str, Any] | None = None,
) -> InputContext:
    """Build a context to test `load_input`; see `InputContext` for the arguments.

    Example:
        >>> build_input_context(asset_key="warehouse/orders").get_asset_identifier()
        ['warehouse', 'orders']

    Source: Dagster's `build_input_context`.
    """
    return InputContext(
        name=name,
        job_name=None,
        op_def=op_def,
        config=config,
        metadata=metadata,
        upstream_output=upstream_output,
        dagster_type=dagster_type,
        resource_config=resource_config,
        resources=_resources_of(resources, instance, "The input manager"),
        step_context=step_context,
        asset_key=_key(asset_key),
        partition_key=partition_key,
        asset_partitions_subset=asset_partition_key_range,
        asset_partitions_def=asset_partitions_def,
        instance=instance,
        definition_metadata=definition_metadata,
    )


def build_output_context(
    step_key: str | None = None,
    name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    mapping_key: str | None = None,
    config: Any = None,
    dagster_type: Any = None,
    version: str | None = None,
    resource_config: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    op_def: Any = None,
    asset_key: CoercibleToAssetKey | None = None,
    partition_key: str | None = None,
    asset_partitions_def: Any = None,
    asset_partition_key_range: PartitionKeyRange | None = None,
    instance: Any = None,
    definition_metadata: Mapping[str, Any] | None = None,
    asset_spec: Any = None,
    output_metadata: Mapping[str, Any] | None = None,
) -> OutputContext:
    """Build a context to test `handle_output`; see `OutputContext` for the arguments.

    Example:
        >>> context = build_output_context(name="result", step_key="load")
        >>> context.add_output_metadata({"rows": 3})
        >>> context.get_logged_metadata()["rows"].value
        3

    Source: Dagster's `build_output_context`.
    """
    return OutputContext(
        step_key=step_key,
        name=name,
        run_id=_TEST_RUN if run_id is None else run_id,
        metadata=metadata,
        mapping_key=mapping_key,
        config=config,
        dagster_type=dagster_type,
        version=version,
        resource_config=resource_config,
        resources=_resources_of(resources, instance, "The IO manager"),
        op_def=op_def,
        partition_key=partition_key,
        asset_key=_key(asset_key),
        asset_partitions_def=asset_partitions_def,
        asset_partition_keys=asset_partition_key_range,
        instance=instance,
        definition_metadata=definition_metadata,
        output_metadata=output_metadata,
        asset_spec=asset_spec,
    )
