"""Loading stored values of assets outside of any run."""

from __future__ import annotations

import pytest

from jobnb import (
    Definitions,
    Instance,
    InvalidConfigError,
    IOManager,
    SourceAsset,
    io_manager,
)


def test_an_io_manager_is_told_its_config_its_resources_and_the_type():
    class Told(IOManager):
        def handle_output(self, context, obj):
            raise AssertionError

        def load_input(self, context):
            config, kind = context.resource_config, context.dagster_type.display_name
            return config, context.resources.base, kind, dict(context.metadata)

    @io_manager(config_schema={"n": int}, required_resource_keys={"base"})
    def told(_context):
        return Told()

    stored = SourceAsset("stored", io_manager_key="told")
    defs = Definitions(assets=[stored], resources={"told": told, "base": 7})
    with Instance.ephemeral() as instance, defs.get_asset_value_loader(instance) as loader:

        def load(n, **more):
            return loader.load_asset_value(
                "stored", resource_config={"told": {"config": {"n": n}}}, **more
            )

        assert load(1) == ({"n": 1}, 7, "Any", {})
        assert load(2, python_type=int) == ({"n": 2}, 7, "Int", {})  # another config counts
        more = {"metadata": {"a": 1}, "input_definition_metadata": {"b": 2}}
        assert load(1, **more)[3] == {"a": 1, "b": 2}
        with pytest.raises(InvalidConfigError):
            load("one")
