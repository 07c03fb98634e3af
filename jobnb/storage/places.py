"""Which value is meant: the same answer for whoever stores it and whoever loads it."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.definitions.resources.io_context import InputContext, OutputContext

__all__ = ["maker_of", "place_of"]

Context = InputContext | OutputContext


def maker_of(context: Context) -> Context:
    """The context that tells whose value it is: an input of an op is the output it came from."""
    if isinstance(context, InputContext) and not context.has_asset_key:
        return context.upstream_output or context
    return context


def place_of(context: Context) -> Sequence[str]:
    """The parts that tell a value from every other: an asset's key, else run, step and output."""
    maker = maker_of(context)
    return maker.get_asset_identifier() if maker.has_asset_key else maker.get_identifier()
