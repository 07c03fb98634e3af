"""Config mappings and `configured`: simple config outside, the real one inside."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from jobnb import (
    Config,
    ConfigMapping,
    ConfigMappingFunctionError,
    Enum,
    EnumValue,
    EnvVar,
    Field,
    InvalidConfigError,
    InvalidDefinitionError,
    RunConfig,
    config_mapping,
    configured,
)
from jobnb.config import Section, bind, bind_value, configured_schema, schema_of


class Colour(enum.Enum):
    RED = 1


class Simple(Config):
    n: int = 9


class Inner(Config):
    a: int
    b: str = "q"


def inner_of(n: Any) -> dict[str, Any]:
    return {"ops": {"o": {"config": {"a": n}}}}


def test_a_mapping_checks_its_own_config_and_fills_defaults() -> None:
    @config_mapping(config_schema={"n": Field(int, default_value=5)})
    def mapping(val: Any) -> Any:
        return inner_of(val["n"])

    assert isinstance(mapping, ConfigMapping)
    assert mapping.resolve_from_unvalidated_config({"n": 3}) == inner_of(3)
    assert mapping.resolve_from_unvalidated_config({}) == inner_of(5)
    assert mapping.resolve_from_unvalidated_config(None) == inner_of(5)
    assert mapping.resolve_from_validated_config({"n": 4}) == inner_of(4)
    with pytest.raises(InvalidConfigError, match="config mapping 'mapping' has 2 problems"):
        mapping.resolve_from_unvalidated_config({"n": "x", "z": 1})


def test_problems_of_a_mapping_within_a_graph_have_its_path() -> None:
    mapping = ConfigMapping(lambda val: inner_of(val["n"]), {"n": int})
    with pytest.raises(InvalidConfigError, match="job 'daily'") as caught:
        mapping.resolve_from_unvalidated_config(
            {"n": "x"}, what="job 'daily'", path=("ops", "graph", "config")
        )
    assert caught.value.problems[0].path == ("ops", "graph", "config", "n")


def test_a_mapping_may_take_and_return_typed_config() -> None:
    @config_mapping
    def mapping(val: Simple) -> RunConfig:
        return RunConfig(ops={"o": Inner(a=val.n)})

    def whole(n: int) -> Any:
        return {"o": {"config": {"a": n, "b": "q"}}}

    assert mapping.resolve_from_unvalidated_config({"n": 3})["ops"] == whole(3)
    assert mapping.resolve_from_unvalidated_config(Simple(n=2))["ops"] == whole(2)
    assert mapping.resolve_from_unvalidated_config({})["ops"] == whole(9)
    assert mapping.resolve_from_validated_config({"n": 1})["ops"] == whole(1)
    assert mapping(Simple(n=1)).ops == {"o": Inner(a=1)}


def test_a_mapping_without_schema_gets_what_is_given() -> None:
    mapping = ConfigMapping(lambda val: inner_of(val["n"]))
    assert mapping.resolve_from_unvalidated_config({"n": 3}) == inner_of(3)


def test_values_or_raw_config_as_wanted() -> None:
    seen: list[Any] = []
    schema = {"e": Enum.from_python_enum(Colour)}
    for wanted in (None, True, False):
        ConfigMapping(
            lambda val: seen.append(val) or {}, schema, wanted
        ).resolve_from_unvalidated_config({"e": "RED"})
    assert seen == [{"e": Colour.RED}, {"e": Colour.RED}, {"e": "RED"}]


def test_a_mapping_that_breaks_says_so_and_keeps_the_error() -> None:
    mapping = ConfigMapping(lambda val: inner_of(val["n"]))
    with pytest.raises(ConfigMappingFunctionError, match="raised KeyError: 'n'") as caught:
        mapping.resolve_from_unvalidated_config({})
    assert isinstance(caught.value.user_exception, KeyError)
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ConfigMappingFunctionError, match="returned 3"):
        ConfigMapping(lambda _: 3).resolve_from_unvalidated_config({})


def test_a_mapping_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="must be a function"):
        ConfigMapping({"n": int})  # type: ignore[arg-type]

    with pytest.raises(InvalidDefinitionError, match="both a config_schema"):

        @config_mapping(config_schema={"n": int})
        def both(val: Simple) -> Any:
            return {}


INNER = {"a": int, "b": str}


def test_configured_with_values_takes_no_more_config() -> None:
    schema = configured_schema(INNER, {"a": 1, "b": "x"}, what="op 'o'")
    assert bind_value(schema) == {"a": 1, "b": "x"}
    assert bind_value(schema, {}) == {"a": 1, "b": "x"}
    with pytest.raises(InvalidConfigError, match="a: is not a field here"):
        bind_value(schema, {"a": 2})
    assert bind_value(configured_schema(Inner, Inner(a=1))) == Inner(a=1)


def test_configured_with_a_function_maps_values() -> None:
    def by_number(cfg: Any) -> Any:
        return {"a": cfg["n"], "b": "q"}

    schema = configured_schema(INNER, by_number, {"n": int}, "op 'o'")
    assert bind_value(schema, {"n": 4}) == {"a": 4, "b": "q"}

    def typed(cfg: Simple) -> Any:
        return Inner(a=cfg.n)

    assert bind_value(configured_schema(Inner, typed)) == Inner(a=9)
    assert bind_value(configured_schema(None, lambda cfg: cfg), 3) == 3
    seen: list[Any] = []
    bind_value(configured_schema(INNER, lambda cfg: seen.append(cfg) or {"a": 1, "b": ""}))
    assert seen == [None]


def test_configured_again_goes_through_both() -> None:
    once = configured_schema(INNER, lambda n: {"a": n, "b": "x"}, int)
    twice = configured_schema(once, lambda text: len(text), str)
    assert bind_value(twice, "four") == {"a": 4, "b": "x"}


def test_problems_of_configured_config_have_the_path_of_the_op() -> None:
    schema = configured_schema(INNER, lambda cfg: {"a": "bad"}, {"n": int}, "op 'o'")
    field = schema_of(schema)
    assert field is not None
    tree = Section({"ops": Section({"o": Section({"config": field})})})
    with pytest.raises(InvalidConfigError) as caught:
        bind(tree, {"ops": {"o": {"config": {"n": 1}}}})
    assert [problem.path[-1] for problem in caught.value.problems] == ["a", "b"]
    assert caught.value.problems[0].path == ("ops", "o", "config", "a")
    assert "in what op 'o' is configured with" in caught.value.problems[0].message

    broken = configured_schema(INNER, lambda cfg: 1 / 0, {"n": int}, "op 'o'")
    with pytest.raises(ConfigMappingFunctionError, match="op 'o', raised ZeroDivisionError"):
        bind_value(broken, {"n": 1})


def test_configured_may_name_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("J_WORD", "w")
    assert bind_value(configured_schema({"b": str}, {"b": EnvVar("J_WORD")})) == {"b": "w"}


def test_fixed_values_and_a_schema_together_are_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="fixed values"):
        configured_schema(INNER, {"a": 1, "b": ""}, {"n": int}, "op 'o'")


def test_the_decorator_hands_the_function_over() -> None:
    class Named:
        def configured(
            self,
            config_or_config_fn: Any,
            name: str,
            config_schema: Any = None,
            description: str | None = None,
        ) -> Any:
            return name, config_or_config_fn({"n": 1}), config_schema, description

    class Nameless:
        def configured(self, config_or_config_fn: Any, config_schema: Any = None) -> Any:
            return config_or_config_fn({"n": 2}), config_schema

    @configured(Named(), config_schema=int, description="d")
    def first(cfg: Any) -> Any:
        return cfg["n"]

    assert first == ("first", 1, int, "d")
    assert configured(Named(), name="other")(lambda cfg: 0)[0] == "other"
    assert configured(Nameless(), int)(lambda cfg: cfg["n"]) == (2, int)
    with pytest.raises(InvalidDefinitionError, match="cannot be configured"):
        configured(3)


@pytest.mark.parametrize("value", [5, 0, -3])
def test_the_outer_config_need_not_be_a_mapping(value) -> None:
    mapping = ConfigMapping(inner_of, config_schema=int)
    assert mapping.resolve_from_unvalidated_config(value) == inner_of(value)


def test_an_outer_value_is_checked_and_asked_for() -> None:
    mapping = ConfigMapping(inner_of, config_schema=int)
    path = ("ops", "load", "config")
    with pytest.raises(InvalidConfigError, match="ops > load > config: must be an integer"):
        mapping.resolve_from_unvalidated_config("x", path=path)
    with pytest.raises(InvalidConfigError, match="ops > load > config: is required"):
        mapping.resolve_from_unvalidated_config({}, path=path)


@pytest.mark.parametrize("processed", [None, True, False])
def test_an_outer_value_may_have_a_default(processed) -> None:
    mapping = ConfigMapping(inner_of, Field(int, default_value=4), processed)
    assert mapping.resolve_from_unvalidated_config({}) == inner_of(4)
    assert mapping.resolve_from_unvalidated_config(0) == inner_of(0)


def test_outer_lists_and_choices_are_values_too() -> None:
    numbers = ConfigMapping(inner_of, [int])
    assert numbers.resolve_from_unvalidated_config([1, 2]) == inner_of([1, 2])
    assert numbers.resolve_from_unvalidated_config([]) == inner_of([])
    colour = ConfigMapping(inner_of, Enum("Colour", [EnumValue("RED")]))
    assert colour.resolve_from_unvalidated_config("RED") == inner_of("RED")
