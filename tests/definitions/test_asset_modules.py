from __future__ import annotations

import sys
import textwrap
from types import ModuleType

import pytest

from jobnb import (
    AssetSpec,
    AutoMaterializePolicy,
    AutomationCondition,
    BackfillPolicy,
    FreshnessPolicy,
    InvalidDefinitionError,
    SourceAsset,
    asset,
    load_assets_from_current_module,
    load_assets_from_modules,
    load_assets_from_package_module,
    load_assets_from_package_name,
    materialize,
)

FILES = {
    "__init__.py": "from shop_assets.a import a1",
    "a.py": """
        from jobnb import AssetSpec, SourceAsset, asset
        src = SourceAsset("src")
        far = SourceAsset(["q", "far"], group_name="own")
        spec = AssetSpec("spec")
        @asset
        def a1(src): return 1
        @asset(group_name="own")
        def a2(a1, outside): return 1
        many = [asset(name=f"m{i}")(lambda: i) for i in range(2)]
        @asset(deps=[far, a1])
        def a3(): return 2
    """,
    "sub/__init__.py": "",
    "sub/b.py": """
        from jobnb import asset
        from ..a import a1
        @asset
        def b1(a1): return 1
    """,
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "shop_assets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "shop_assets"
    for name in [each for each in sys.modules if each.split(".")[0] == "shop_assets"]:
        del sys.modules[name]


def shown(assets):
    """Keys, upstream keys and group of each."""
    rows = {}
    for each in assets:
        if isinstance(each, SourceAsset):
            rows[each.key.to_user_string()] = (None, each.group_name)
        else:
            upstream = sorted(key.to_user_string() for key in each.dependency_keys)
            rows[each.key.to_user_string()] = (upstream, *set(each.group_names_by_key.values()))
    return rows


def module(**values):
    made = ModuleType("made_here")
    vars(made).update(values)
    return made


ALL = {
    "a1": (["src"], "default"),
    "a2": (["a1", "outside"], "own"),
    "a3": (["a1", "q/far"], "default"),
    "b1": (["a1"], "default"),
    "m0": ([], "default"),
    "m1": ([], "default"),
    "q/far": (None, "own"),
    "src": (None, "default"),
}


def test_a_package_gives_what_all_its_modules_define_each_once(package):
    assert shown(load_assets_from_package_name(package)) == ALL
    found = load_assets_from_package_module(sys.modules[package])
    assert shown(found) == ALL
    assert [each.key.path[-1] for each in found] == [
        "a1", "a2", "m0", "m1", "a3", "b1", "src", "far",
    ]  # fmt: skip


def test_prefixes_go_before_what_is_made_and_what_is_taken_of_it(package):
    found = shown(load_assets_from_package_name(package, key_prefix=["k", "l"]))
    assert found["k/l/a2"] == (["k/l/a1", "outside"], "own")
    assert found["k/l/a1"] == (["src"], "default")
    both = load_assets_from_package_name(package, key_prefix="k", source_key_prefix="sp")
    found = shown(both)
    assert found["k/a3"] == (["k/a1", "sp/q/far"], "default")
    assert found["k/a1"] == (["sp/src"], "default")
    assert found["sp/q/far"] == (None, "own")


def test_a_group_is_given_to_those_without_and_another_is_told(package):
    @asset
    def base():
        return 1

    @asset
    def above(base):
        return base + 1

    found = load_assets_from_modules([module(base=base, above=above)], "g", "k")
    assert shown(found) == {"k/base": ([], "g"), "k/above": (["k/base"], "g")}
    assert materialize(found).asset_value("k/above") == 2
    with pytest.raises(InvalidDefinitionError, match="'a2' has the group 'own'"):
        load_assets_from_package_name(package, group_name="g")


def test_policies_are_given_to_all():
    @asset
    def base():
        return 1

    policy = FreshnessPolicy(maximum_lag_minutes=5)
    eager, one_run = AutoMaterializePolicy.eager(), BackfillPolicy.single_run()
    (made,) = load_assets_from_modules(
        [module(base=base)],
        freshness_policy=policy,
        auto_materialize_policy=eager,
        backfill_policy=one_run,
        automation_condition=AutomationCondition.eager(),
    )
    assert made.freshness_policies_by_key == {base.key: policy}
    assert made.auto_materialize_policies_by_key == {base.key: eager}
    assert made.automation_conditions_by_key == {base.key: AutomationCondition.eager()}
    assert made.backfill_policy == one_run


def test_specs_count_if_wanted():
    given = module(spec=AssetSpec("spec"))
    assert load_assets_from_modules([given]) == []
    assert shown(load_assets_from_modules([given], include_specs=True)) == {
        "spec": (None, "default")
    }


def test_different_assets_of_one_key_and_what_is_no_module_are_told():
    one, other = asset(name="a")(lambda: 1), asset(name="a")(lambda: 2)
    with pytest.raises(InvalidDefinitionError, match="'a' is defined in made_here and"):
        load_assets_from_modules([module(x=one), module(x=other)])
    with pytest.raises(InvalidDefinitionError, match="3 is no module"):
        load_assets_from_modules([3])
    with pytest.raises(InvalidDefinitionError, match="is no package"):
        load_assets_from_package_module(module())
    with pytest.raises(ModuleNotFoundError):
        load_assets_from_package_name("no_such_package_here")


@asset
def of_this_module():
    return 1


def test_the_current_module_is_that_of_the_caller():
    assert shown(load_assets_from_current_module(key_prefix="here")) == {
        "here/of_this_module": ([], "default")
    }
