"""A whole run config is read at once: values with defaults, or every problem with its path."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

import pydantic.dataclasses
import pytest
from pydantic import BaseModel, Discriminator, SecretStr
from pydantic import Field as PydanticField

from jobnb import (
    Config,
    ConfigurableResource,
    Field,
    InvalidConfigDefinitionError,
    InvalidConfigError,
    Noneable,
    RunConfig,
    job,
    op,
)
from jobnb.config import (
    BoundConfig,
    ConfigField,
    Section,
    bind,
    bind_value,
    model_of,
    raw_config,
    schema_of,
)
from jobnb.config import binding as binding_module


class Load(Config):
    year: int
    origins: tuple[str, ...] = ("JFK",)


class Tuned(Config):
    n: int = 1


ANYTHING = ConfigField(Any, is_required=False)


def leaf(schema: Any) -> Section:
    field = schema_of(schema)
    assert field is not None
    return Section({"config": field})


def tree() -> Section:
    inner = Section({"ops": Section({"square": leaf({"y": int})})})
    ops = Section({"load": leaf(Load), "tuned": leaf(Tuned), "graph": inner})
    database = leaf({"host": str, "user": Field(str, default_value="me")})
    return Section(
        {
            "ops": ops,
            "resources": Section({"db": database}),
            "loggers": Section({"console": leaf({"log_level": Noneable(str)})}),
            "execution": Section({"config": ANYTHING}),
        }
    )


RIGHT = {
    "ops": {
        "load": {"config": {"year": 2013}},
        "graph": {"ops": {"square": {"config": {"y": 2}}}},
    },
    "resources": {"db": {"config": {"host": "h"}}},
}


def problems(raw: Any) -> dict[tuple[str, ...], tuple[str, str]]:
    with pytest.raises(InvalidConfigError) as caught:
        bind(tree(), raw, "job 'daily'")
    assert str(caught.value).startswith("The config of job 'daily' has ")
    return {p.path: (p.message, p.kind) for p in caught.value.problems}


def test_values_come_out_with_defaults() -> None:
    bound = bind(tree(), RIGHT)
    assert bound.at("ops", "load", "config") == Load(year=2013)
    assert bound.at("ops", "tuned", "config") == Tuned()
    assert bound.at("ops", "graph", "ops", "square", "config") == {"y": 2}
    assert bound.at("resources", "db", "config") == {"host": "h", "user": "me"}
    assert bound.at("loggers", "console", "config") == {"log_level": None}
    assert bound.at("execution", "config", default=7) == 7
    assert bound.stored == RIGHT


def test_a_run_config_is_as_good_as_a_dictionary() -> None:
    given = RunConfig(
        ops={"load": Load(year=2013), "graph": {"ops": {"square": {"config": {"y": 2}}}}},
        resources={"db": {"config": {"host": "h"}}},
    )
    assert bind(tree(), given) == bind(tree(), RIGHT)


def test_what_is_missing_is_named_to_the_last_field() -> None:
    assert problems(None) == {
        ("ops", "load", "config", "year"): ("is required.", "missing"),
        ("ops", "graph", "ops", "square", "config", "y"): ("is required.", "missing"),
        ("resources", "db", "config", "host"): ("is required.", "missing"),
    }


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({"op": {}}, ("op",), "Did you mean 'ops'?"),
        ({"ops": {"laod": {}}}, ("ops", "laod"), "Did you mean 'load'?"),
        ({"resources": {"bd": {}}}, ("resources", "bd"), "There is: 'db'."),
        ({"ops": {"load": {"confg": {}}}}, ("ops", "load", "confg"), "Did you mean 'config'?"),
        (
            {"ops": {"load": {"config": {"yeer": 1}}}},
            ("ops", "load", "config", "yeer"),
            "Did you mean 'year'?",
        ),
        (
            {"ops": {"graph": {"ops": {"sqare": {}}}}},
            ("ops", "graph", "ops", "sqare"),
            "Did you mean 'square'?",
        ),
    ],
)
def test_a_misspelt_name_gets_the_nearest_at_every_level(
    raw: dict[str, Any], path: tuple[str, ...], words: str
) -> None:
    message, kind = problems(raw)[path]
    assert message == f"is not a field here. {words}"
    assert kind == "unexpected"


@pytest.mark.parametrize("shape", [[], "x", 3, True])
def test_a_section_of_the_wrong_shape_is_told(shape: Any) -> None:
    assert problems({**RIGHT, "ops": shape})[("ops",)][0].startswith("must be a mapping (got ")


def test_an_empty_section_in_yaml_is_no_mistake() -> None:
    bare = {**RIGHT, "loggers": None, "execution": None}
    assert bind(tree(), bare) == bind(tree(), RIGHT)


def test_what_is_no_config_at_all_is_refused() -> None:
    for raw in ([], 3, "ops: {}"):
        with pytest.raises(InvalidConfigError, match="must be a RunConfig"):
            bind(tree(), raw)


def test_a_value_that_no_store_can_keep_is_refused_with_its_path() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        bind(tree(), {"ops": {"load": {"config": {"year": object()}}}}, "job 'daily'")
    (problem,) = caught.value.problems
    assert problem.path == ("ops", "load", "config", "year")
    assert "cannot be written as JSON" in problem.message


def test_problems_keep_the_offending_value() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        bind_value({"a": [int]}, {"a": ["x"]}, ("ops", "load", "config"), "op 'load'")
    (problem,) = caught.value.errors
    assert problem.path == ("ops", "load", "config", "a", "0")
    assert problem.value == "x"
    assert "\n  ops > load > config > a > 0: must be an integer (got 'x')." in str(caught.value)


def test_a_job_without_config_builds_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    ops = {f"op_{i}": Section({"config": ANYTHING}) for i in range(1000)}
    silent = Section({"ops": Section(ops), "execution": Section({"config": ANYTHING})})
    monkeypatch.setattr(binding_module, "TypeAdapter", None)
    assert bind(silent, {}) == {}
    assert bind(silent, RunConfig()) == {}
    assert bind(Section({}), None) == {}


def test_a_silent_tree_still_refuses_unknown_sections() -> None:
    silent = Section({"ops": Section({"a": Section({"config": ANYTHING})})})
    with pytest.raises(InvalidConfigError, match="Did you mean 'ops'"):
        bind(silent, {"op": {}})
    assert bind(silent, {"ops": {"a": {"config": [1]}}}).at("ops", "a", "config") == [1]


def test_ops_that_share_a_schema_share_its_model() -> None:
    field = schema_of(Tuned)
    assert field is not None
    many = Section({f"op_{i}": Section({"config": field}) for i in range(50)})
    model = model_of("Run", many)
    kinds = {info.annotation for info in model.model_fields.values()}
    assert len(kinds) == 1
    assert model_of("Run", many) is model


def test_any_pydantic_model_can_be_bound() -> None:
    class Whole(BaseModel):
        n: int

    assert bind(Whole, {"n": 3}) == {"n": 3}
    with pytest.raises(InvalidConfigError, match="n: must be an integer"):
        bind(Whole, {"n": "x"})


def test_the_model_of_a_tree_binds_as_the_tree_does() -> None:
    sections = tree()
    assert bind(model_of("Daily", sections), RIGHT) == bind(sections, RIGHT)


def test_a_class_that_pydantic_cannot_build_is_a_mistake_in_the_definition() -> None:
    class Unfinished(Config):
        part: NotThere  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(InvalidConfigDefinitionError, match="op 'x' cannot be used"):
        bind_value(Unfinished, {"part": 1}, what="op 'x'")


def test_no_schema_takes_anything() -> None:
    assert bind_value(None, {"a": object}) == {"a": object}
    assert bind_value(None) is None


def test_looking_up_a_path_never_fails() -> None:
    bound = BoundConfig({"ops": {"a": 3}}, {})
    assert bound.at("ops", "a") == 3
    assert bound.at("ops", "a", "config") is None
    assert bound.at("resources", default=1) == 1


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"a": "\ud800"}, r"\n  a: holds half a character"),
        ({"a": [{"b": "x\udead"}]}, r"\n  a > 0 > b: holds half a character"),
        ({"\ud800": 1}, r"\n  \\ud800: holds half a character"),
        ({"a": 10**5000}, r"\n  a: has more than 4,300 digits"),
        ({1: "x", "1": "y"}, r"\n  1: is a key that is given twice"),
    ],
)
def test_what_cannot_be_stored_is_refused_at_its_path(raw: Any, words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words):
        bind_value(dict, raw)


def test_what_is_within_itself_is_refused() -> None:
    raw: dict[str, Any] = {"a": []}
    raw["a"] += [raw, raw]
    with pytest.raises(InvalidConfigError, match="a > 0 > a: is nested more than 100 deep"):
        bind_value(dict, raw)


def test_a_variable_of_bytes_that_are_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBNB_BYTES", os.fsdecode(b"ab\xff"))
    with pytest.raises(InvalidConfigError, match=r"\n  a: holds half a character"):
        bind_value({"a": str}, {"a": {"env": "JOBNB_BYTES"}})


# Discriminated unions: flat as pydantic has them, or as Dagster's selectors


class Cat(Config):
    kind: Literal["cat"] = "cat"
    meows: int = 1


class Dog(Config):
    kind: Literal["dog", "puppy"] = "dog"
    barks: float
    token: SecretStr = SecretStr("")


class Black(Config):
    kind: Literal["cat"] = "cat"
    color: Literal["black"] = "black"
    n: int = 0


class White(Config):
    kind: Literal["cat"] = "cat"
    color: Literal["white"] = "white"


class One(Config):
    number: Literal[1] = PydanticField(1, alias="No")


class Two(Config):
    number: Literal[2] = PydanticField(2, alias="No")


PetKind = Annotated[Cat | Dog, PydanticField(discriminator="kind")]
Colored = Annotated[Black | White, Discriminator("color")]


@pydantic.dataclasses.dataclass
class Datum:
    pet: Cat | Dog = PydanticField(discriminator="kind")


class Zoo(Config):
    pet: Cat | Dog = PydanticField(Cat(), discriminator="kind")
    maybe: PetKind | None = None
    several: list[PetKind] = PydanticField(default_factory=list)
    named: dict[str, PetKind] = PydanticField(default_factory=dict)
    nested: Annotated[Colored | Dog, PydanticField(discriminator="kind")] = Black()
    numbered: One | Two = PydanticField(One(), discriminator="number")
    datum: Datum | None = None


@pytest.mark.parametrize(
    ("selector", "flat"),
    [
        ({"pet": {"dog": {"barks": 3}}}, {"pet": {"kind": "dog", "barks": 3}}),
        ({"pet": {"puppy": {"barks": 3}}}, {"pet": {"kind": "puppy", "barks": 3}}),
        ({"pet": {"cat": {}}}, {"pet": {"kind": "cat"}}),
        ({"pet": {"cat": None}}, {"pet": {"kind": "cat"}}),
        ({"pet": {"cat": {"kind": "cat"}}}, {"pet": {"kind": "cat"}}),
        ({"maybe": {"cat": {"meows": 2}}}, {"maybe": {"kind": "cat", "meows": 2}}),
        (
            {"several": [{"cat": {}}, {"kind": "cat"}, {"dog": {"barks": 1}}]},
            {"several": [{"kind": "cat"}, {"kind": "cat"}, {"kind": "dog", "barks": 1}]},
        ),
        ({"named": {"dog": {"cat": {}}}}, {"named": {"dog": {"kind": "cat"}}}),
        (
            {"nested": {"cat": {"black": {"n": 3}}}},
            {"nested": {"kind": "cat", "color": "black", "n": 3}},
        ),
        (
            {"nested": {"cat": {"color": "white"}}},
            {"nested": {"kind": "cat", "color": "white"}},
        ),
        ({"numbered": {"2": {}}}, {"numbered": {"No": 2}}),
        ({"numbered": {2: {}}}, {"numbered": {"No": 2}}),
        ({"datum": {"pet": {"cat": {}}}}, {"datum": {"pet": {"kind": "cat"}}}),
    ],
)
def test_a_discriminated_union_is_a_selector_or_flat(selector: Any, flat: Any) -> None:
    value = bind_value(Zoo, selector)
    assert value == bind_value(Zoo, flat)
    assert bind_value(Zoo, raw_config(RunConfig(ops={"o": value}))["ops"]["o"]["config"]) == value


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"dog": {}}, "pet > dog > barks: is required."),
        ({"dog": {"barks": "x"}}, "pet > dog > barks: must be a number (got 'x')."),
        (
            {"dog": {"barks": 1, "bark": 2}},
            "pet > dog > bark: is not a field here. Did you mean 'barks'?",
        ),
        (
            {"dog": {"barks": {"env": "JOBNB_NOT_SET"}}},
            "pet > dog > barks: needs the environment variable 'JOBNB_NOT_SET', which is not set.",
        ),
        (
            {"dgo": {"barks": 1}},
            "pet: must have exactly one of 'cat', 'dog', 'puppy' (got 'dgo'). Did you mean 'dog'?",
        ),
        (
            {"cat": {}, "dog": {}},
            "pet: must have exactly one of 'cat', 'dog', 'puppy' (got 'cat', 'dog').",
        ),
        ({"dog": {"kind": "cat"}}, "pet > kind: must be given, to tell which kind this is."),
        ({}, "pet > kind: must be given, to tell which kind this is."),
        ({"meows": 1}, "pet > kind: must be given, to tell which kind this is."),
        ({"kind": "cow"}, "pet > kind: must be one of 'cat', 'dog', 'puppy' (got 'cow')."),
    ],
)
def test_what_is_wrong_in_a_selector_is_told_where_it_stands(raw: Any, told: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        bind_value(Zoo, {"pet": raw})
    assert [str(problem)[: len(told)] for problem in caught.value.problems] == [told]


def test_a_selector_is_stored_as_it_was_given_without_its_secrets() -> None:
    tree = Section({"config": schema_of(Zoo)})
    bound = bind(tree, {"config": {"pet": {"dog": {"barks": 1, "token": "48151623"}}}})
    assert "48151623" not in repr(bound.stored)
    token = bound.stored["config"]["pet"]["dog"]["token"]
    assert bound.stored == {"config": {"pet": {"dog": {"barks": 1, "token": token}}}}
    assert bind(tree, bound.stored)["config"].pet.token.get_secret_value() == "48151623"


def test_resources_take_selectors_too() -> None:
    class Keeper(ConfigurableResource[Any]):
        pet: Cat | Dog = PydanticField(discriminator="kind")

    seen = []

    @op
    def feed(keeper: Keeper) -> None:
        seen.append(keeper.pet)

    @job(resource_defs={"keeper": Keeper.configure_at_launch()})
    def daily() -> None:
        feed()

    for pet in ({"dog": {"barks": 2}}, {"kind": "dog", "barks": 2}):
        daily.execute_in_process(run_config={"resources": {"keeper": {"config": {"pet": pet}}}})
    assert seen == [Dog(kind="dog", barks=2)] * 2
    with pytest.raises(InvalidConfigError, match="config > pet > dog > barks: is required"):
        daily.execute_in_process(
            run_config={"resources": {"keeper": {"config": {"pet": {"dog": {}}}}}}
        )


def test_a_field_that_may_be_none_need_not_be_given() -> None:
    class Loose(Config):
        a: int | None
        b: list[str] | None = PydanticField(description="Names.")
        c: Any
        d: int

    assert bind_value(Loose, {"c": 1, "d": 1}) == Loose(c=1, d=1) == Loose(a=None, b=None, c=1, d=1)
    with pytest.raises(InvalidConfigError) as caught:
        bind_value(Loose, {})
    assert [problem.path for problem in caught.value.problems] == [("c",), ("d",)]
    assert Loose.model_json_schema()["required"] == ["c", "d"]


def test_resources_are_configured_under_the_aliases_of_their_fields() -> None:
    class Store(ConfigurableResource[Any]):
        prefix_: str = PydanticField(alias="prefix", description="What names begin with.")
        size: int = PydanticField(3, validation_alias="length", ge=1)

    seen = []

    @op
    def use(store: Store) -> None:
        seen.append((store.prefix_, store.size))

    def job_with(resource: Any) -> Any:
        @job(resource_defs={"store": resource})
        def daily() -> None:
            use()

        return daily

    def config(**values: Any) -> Any:
        return {"resources": {"store": {"config": values}}}

    at_launch = job_with(Store.configure_at_launch())
    at_launch.execute_in_process(run_config=config(prefix="x", length=4))
    job_with(Store.configure_at_launch(prefix="y")).execute_in_process()
    job_with(Store(prefix="z", length=5)).execute_in_process(run_config=config(length=6))
    assert seen == [("x", 4), ("y", 3), ("z", 6)]
    with pytest.raises(InvalidConfigError, match="config > length: must be at least 1"):
        at_launch.execute_in_process(run_config=config(prefix="x", length=0))
