"""Why assets are stale, in words."""

from __future__ import annotations

from typing import Any

import pytest

from jobnb import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetKey,
    AssetsDefinition,
    AssetStatuses,
    Config,
    DataVersion,
    Definitions,
    Instance,
    Output,
    asset,
    graph,
    graph_asset,
    materialize,
    op,
)
from jobnb.code import reader
from jobnb.staleness.statuses import asset_statuses
from jobnb.staleness.versions import code_change


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


def named(name: str, text: str, **parameters: Any) -> Any:
    """An asset whose function is written in a notebook."""
    scope: dict[str, Any] = {"__name__": "__main__", **parameters.pop("names", {})}
    exec(text, scope)
    return asset(name=name, **parameters)(scope["f"])


def words(assets: list[Any], instance: Instance) -> dict[str, str]:
    found: AssetStatuses = asset_statuses(
        Definitions.of(assets=assets), instance, place=lambda key: f"cell of {key.path[-1]}"
    )
    return {key.path[-1]: str(status) for key, status in found.items()}


def test_a_change_is_told_where_it_began(instance: Instance) -> None:
    a, b, c = (
        named("a", "def f(): return 1"),
        named("b", "def f(a): return a"),
        named("c", "def f(b): return b"),
    )
    materialize([a, b, c], instance=instance)
    assert set(words([a, b, c], instance).values()) == {"a is fresh", "b is fresh", "c is fresh"}
    a = named("a", "def f(): return 2")
    assert words([a, b, c], instance) == {
        "a": "a is stale: code changed in cell of a",
        "b": "b is stale: upstream 'a': code changed in cell of a",
        "c": "c is stale: upstream 'a': code changed in cell of a",
    }
    materialize([a], instance=instance)
    assert words([a, b, c], instance) == {
        "a": "a is fresh",
        "b": "b is stale: upstream 'a' is newer",
        "c": "c is stale: upstream 'a' is newer",
    }


def test_what_the_code_uses_is_told_apart_from_the_code(instance: Instance) -> None:
    text = "def f(): return help_(1)"
    one, two = (named("a", text, names={"help_": lambda x, n=n: x + n}) for n in (1, 2))
    materialize([one], instance=instance)
    assert words([two], instance)["a"] == "a is stale: what the code in cell of a uses changed"


def test_a_version_of_another_way_of_reading_is_told_as_such_and_not_as_a_change(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = named("a", "def f(): return K", names={"K": 1})
    monkeypatch.setattr(reader, "READING", "1")
    materialize([one, named("b", "def f(): return 1")], instance=instance)
    monkeypatch.undo()
    now = words([one, named("b", "def f(): return 1")], instance)
    assert now["a"] == (
        "a is stale: made by another version of jobnb, "
        "which read what the code in cell of a uses differently"
    )
    assert now["b"] == "b is fresh"  # whatever uses nothing is read as ever
    assert code_change(
        "py311-0123456789-0123456789", "py311-0123456789-2.0123456789", ""
    ).startswith("made by another version of jobnb")


def test_a_step_is_not_stale_by_its_own_run_but_by_what_it_reads(instance: Instance) -> None:
    text = (
        "import heapq\ncalls, cache, heap, limit = 0, {}, [], 1\n"
        "def remember(k, v): cache[k] = v\n"
        "def f():\n    global calls\n    calls += 1\n    remember('a', 1)\n"
        "    heapq.heappush(heap, calls)\n    return len(cache) + len(heap) + limit"
    )
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(text, scope)
    a = asset(name="a")(scope["f"])
    for _ in range(3):
        assert materialize([a], instance=instance).success
        assert words([a], instance)["a"] == "a is fresh"
    scope["limit"] = 2
    assert words([a], instance)["a"] == "a is stale: what the code in cell of a uses changed"


def test_config_is_told_by_field_and_from_what_to_what(instance: Instance) -> None:
    def made(year: int) -> Any:
        C = type("C", (Config,), {"__annotations__": {"year": int}, "year": year})

        @asset
        def a(config: C):  # type: ignore[valid-type]
            return 1

        return a

    materialize([made(2013)], instance=instance)
    now = words([made(2014)], instance)
    assert now["a"] == "a is stale: config changed: year 2013 -> 2014"
    given = {"ops": {"a": {"config": {"year": 2020}}}}
    materialize([made(2013)], instance=instance, run_config=given)
    assert words([made(2014)], instance)["a"] == "a is fresh"  # that run had a year of its own


def test_versions_that_were_given_are_told(instance: Instance) -> None:
    materialize([named("a", "def f(): return 1", code_version="v1")], instance=instance)
    same = named("a", "def f(): return 2", code_version="v1")
    assert words([same], instance)["a"] == "a is fresh"
    other = named("a", "def f(): return 1", code_version="v2")
    assert "'v1' -> 'v2'" in words([other], instance)["a"]
    none = named("a", "def f(): return 1")
    assert "'v1' -> none given" in words([none], instance)["a"]


def test_dependencies_that_come_and_go_are_told(instance: Instance) -> None:
    a, d = named("a", "def f(): return 1"), named("d", "def f(): return 1")
    materialize([a, d, named("b", "def f(): return 1", deps=["a"])], instance=instance)
    b = named("b", "def f(): return 1", deps=["d"])
    assert words([a, b, d], instance)["b"] == (
        "b is stale: is now made from 'd'; is no longer made from 'a'"
    )


def test_the_same_data_version_leaves_what_is_made_of_it_fresh(instance: Instance) -> None:
    versions = {"now": "x"}

    @asset
    def a():
        return Output(1, data_version=DataVersion(versions["now"]))

    b = named("b", "def f(a): return a")
    materialize([a, b], instance=instance)
    materialize([a], instance=instance)
    assert words([a, b], instance)["b"] == "b is fresh"
    versions["now"] = "y"
    materialize([a], instance=instance)
    assert words([a, b], instance)["b"] == "b is stale: upstream 'a' is newer"
    versions["now"] = "x"
    materialize([a], instance=instance)
    assert words([a, b], instance)["b"] == "b is fresh"


def test_a_failed_attempt_is_told_until_it_is_made(instance: Instance) -> None:
    materialize([named("a", "def f(): return 1")], instance=instance)
    broken = named("a", "def f(): raise KeyError(1)")
    materialize([broken], instance=instance, raise_on_error=False)
    assert words([broken], instance)["a"] == "a failed with KeyError; code changed in cell of a"
    materialize([named("a", "def f(): return 1")], instance=instance)
    assert words([named("a", "def f(): return 1")], instance)["a"] == "a is fresh"


def test_an_upstream_that_was_wiped_makes_stale(instance: Instance) -> None:
    a, b = named("a", "def f(): return 1"), named("b", "def f(a): return a")
    materialize([a, b], instance=instance)
    instance.wipe_assets([AssetKey("a")])
    assert words([a, b], instance) == {
        "a": "a is missing",
        "b": "b is stale: upstream 'a' is missing",
    }


def test_the_ops_and_the_wiring_of_a_graph_count(instance: Instance) -> None:
    def made(number: int = 1, swap: bool = False, constant: int = 0) -> Any:
        scope: dict[str, Any] = {"__name__": "m"}
        exec(f"def one(): return {number}\ndef two(): return 2\ndef sub(x, y): return x - y", scope)
        one, two, sub = (op(name=n)(scope[n]) for n in ("one", "two", "sub"))
        add = op(name="add", ins={})(lambda x, n: x + n)

        @graph
        def a():
            x, y = (two(), one()) if swap else (one(), two())
            return add(sub(x, y), constant)

        return AssetsDefinition(
            keys_by_input_name={}, keys_by_output_name={"result": AssetKey("a")}, node_def=a
        )

    materialize([made()], instance=instance)
    assert words([made()], instance)["a"] == "a is fresh"
    assert "what the code in cell of a uses changed" in words([made(3)], instance)["a"]
    assert "code changed in cell of a" in words([made(swap=True)], instance)["a"]
    assert "code changed in cell of a" in words([made(constant=1)], instance)["a"]


def test_another_check_in_a_graph_leaves_the_asset_fresh(instance: Instance) -> None:
    @op
    def load() -> int:
        return 1

    @op
    def plus(x: int) -> int:
        return x + 1

    def made(check: str, through: Any = plus) -> AssetsDefinition:
        scope: dict[str, Any] = {"__name__": "__main__", "Result": AssetCheckResult}
        exec(f"def look(x): return Result(passed={check})", scope)
        look = op(scope["look"])

        @graph_asset(name="a", check_specs=[AssetCheckSpec("fine", asset="a")])
        def a():
            number = load()
            return {"result": plus(number), "a_fine": look(through(number))}

        return a

    materialize([made("x > 0")], instance=instance)
    other = op(name="other")(lambda x: x * 3)
    for same in (made("x > 0"), made("x > 1"), made("x > 0", other)):
        assert words([same], instance)["a"] == "a is fresh"
    plus = op(name="plus")(lambda x: x + 2)
    assert words([made("x > 0")], instance)["a"].startswith("a is stale: ")


def test_assets_that_are_made_from_each_other_have_a_status_too(instance: Instance) -> None:
    a, b = named("a", "def f(b): return 1"), named("b", "def f(a): return 1")
    assert words([a, b], instance) == {"a": "a is missing", "b": "b is missing"}


def test_another_python_is_told_as_such() -> None:
    from jobnb.staleness.versions import code_change

    assert code_change("py310-0123456789", "py311-0123456780", "cell 1") == (
        "made with Python 3.10, this is Python 3.11"
    )
