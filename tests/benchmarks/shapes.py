"""Jobs of any size, one for each way in which steps can hang together."""

from __future__ import annotations

from typing import Any

from jobnb import (
    AssetIn,
    Definitions,
    DynamicOut,
    DynamicOutput,
    asset,
    define_asset_job,
    job,
    mem_io_manager,
    op,
)

__all__ = ["SHAPES", "asset_definitions", "assets", "chain", "dynamic", "fan", "increase", "source"]

IN_MEMORY = {"io_manager": mem_io_manager}


@op
def source() -> int:
    return 0


@op
def increase(x: int) -> int:
    return x + 1


@op
def gather(xs: list) -> int:
    return len(xs)


def chain(n: int) -> Any:
    """Each step takes the value of the one before."""

    @job(resource_defs=IN_MEMORY)
    def chained() -> None:
        x = source()
        for i in range(n):
            x = increase.alias(f"increase_{i}")(x)

    return chained


def fan(n: int) -> Any:
    """One step feeds all, and one gathers them in a list."""

    @job(resource_defs=IN_MEMORY)
    def fanned() -> None:
        x = source()
        gather([increase.alias(f"increase_{i}")(x) for i in range(n)])

    return fanned


def dynamic(n: int) -> Any:
    """A step is mapped over a dynamic output, and one collects it."""

    @op(out=DynamicOut())
    def spread():
        for i in range(n):
            yield DynamicOutput(i, mapping_key=f"k{i}")

    @job(resource_defs=IN_MEMORY)
    def mapped() -> None:
        gather(spread().map(increase).collect())

    return mapped


def assets(n: int) -> Any:
    """Each asset is made from the one before."""
    return asset_definitions(n).get_job_def("everything")


def asset_definitions(n: int) -> Definitions:
    """The same, before a job is made of them."""
    made = [_asset(i) for i in range(n)]
    return Definitions(assets=made, jobs=[define_asset_job("everything")], resources=IN_MEMORY)


def _asset(i: int) -> Any:
    if i == 0:

        @asset(name="a_0")
        def first() -> int:
            return 0

        return first

    @asset(name=f"a_{i}", ins={"x": AssetIn(f"a_{i - 1}")})
    def following(x: int) -> int:
        return x + 1

    return following


SHAPES = {"chain": chain, "fan": fan, "asset": assets, "dynamic": dynamic}
