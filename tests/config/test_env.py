"""Variables and secrets: read at the run, kept by name."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import operator
import pickle
import traceback
from typing import Annotated, Any, Literal
from unittest import mock

import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasPath,
    BaseModel,
    ConfigDict,
    Json,
    RootModel,
    Secret,
    SecretBytes,
    SecretStr,
    field_validator,
)
from pydantic import Field as PydanticField
from typing_extensions import TypedDict

from jobnb import (
    BoolSource,
    Config,
    ConfigurableResource,
    EnvVar,
    Field,
    IntSource,
    InvalidConfigError,
    Noneable,
    Permissive,
    PermissiveConfig,
    RunConfig,
    ScalarUnion,
    StringSource,
)
from jobnb.config import (
    ConfigField,
    Section,
    bind,
    bind_value,
    raw_config,
    resolve_fields,
    resolved,
    schema_of,
    without_secrets,
)
from jobnb.config.schema import Typed as TypedSchema


class Inner(BaseModel):
    token: str = "none"


class Login(Config):
    user: str
    port: int = 5432
    ratio: float = 1.0
    safe: bool = True
    mode: Literal["r", "w"] = "r"
    level: Literal[1, 2] = 1
    password: SecretStr = SecretStr("")
    hosts: list[str] = pydantic.Field(default_factory=list)
    inner: Inner = Inner()
    extra: dict[str, Any] = pydantic.Field(default_factory=dict)
    maybe: int | None = None


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "J_TEXT": "ann", "J_INT": "7", "J_FLOAT": "1.5", "J_NO": "False", "J_MODE": "w",
        "J_SECRET": "hush",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("J_NONE", raising=False)


@pytest.mark.parametrize(
    ("schema", "name", "value"),
    [
        (StringSource, "J_INT", "7"),
        (IntSource, "J_INT", 7),
        (BoolSource, "J_NO", False),
        (str, "J_TEXT", "ann"),
        (int, "J_INT", 7),
        (float, "J_FLOAT", 1.5),
        (float, "J_INT", 7.0),
        (bool, "J_NO", False),
        (Noneable(int), "J_INT", 7),
        (ScalarUnion(int, {"a": str}), "J_INT", 7),
    ],
)
def test_a_variable_stands_for_any_scalar(schema: Any, name: str, value: Any) -> None:
    for raw in ({"env": name}, EnvVar(name)):
        bound = bind_value(schema, raw)
        assert bound == value
        assert type(bound) is type(value)


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("user", "J_TEXT", "ann"),
        ("port", "J_INT", 7),
        ("ratio", "J_FLOAT", 1.5),
        ("safe", "J_NO", False),
        ("mode", "J_MODE", "w"),
        ("password", "J_SECRET", SecretStr("hush")),
        ("maybe", "J_INT", 7),
    ],
)
def test_a_variable_stands_for_any_field(field: str, name: str, value: Any) -> None:
    assert getattr(bind_value(Login, {"user": "u", field: {"env": name}}), field) == value
    given: dict[str, Any] = {"user": "u", field: EnvVar(name)}
    made = Login(**given)
    assert getattr(made, field) == EnvVar(name)
    assert raw_config(made)[field] == {"env": name}
    assert getattr(resolved(made), field) == value


def test_a_missing_variable_is_named_with_its_path() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        bind_value(Login, {"user": {"env": "J_NONE"}, "port": {"env": "J_TEXT"}}, ("ops", "in"))
    missing, wrong = caught.value.problems
    assert missing.path == ("ops", "in", "user")
    assert "the environment variable 'J_NONE', which is not set" in missing.message
    assert wrong.path == ("ops", "in", "port")
    assert (
        wrong.message == "needs an integer, but the environment variable 'J_TEXT' holds "
        "something else."
    )
    assert "ann" not in str(caught.value)


def test_where_a_mapping_is_due_env_is_a_key_like_any_other() -> None:
    assert bind_value({"env": str}, {"env": "prod"}) == {"env": "prod"}
    assert bind_value(dict, {"env": "prod"}) == {"env": "prod"}
    assert bind_value(Permissive(), {"env": "prod"}) == {"env": "prod"}
    assert bind_value({str: str}, {"env": "prod"}) == {"env": "prod"}
    assert bind_value(Any, {"env": "prod"}) == {"env": "prod"}
    bound = bind_value(Login, {"user": "u", "extra": {"env": "prod"}})
    assert bound.extra == {"env": "prod"}


def test_variables_within_lists_and_plain_models_are_read() -> None:
    raw = {"user": "u", "hosts": ["a", {"env": "J_TEXT"}], "inner": {"token": {"env": "J_SECRET"}}}
    bound = bind_value(Login, raw)
    assert bound.hosts == ["a", "ann"]
    assert bound.inner.token == "hush"
    made = Login(user="u", hosts=["a", EnvVar("J_TEXT")], inner={"token": EnvVar("J_SECRET")})
    assert raw_config(made) == raw
    assert resolved(made) == bound


def test_a_default_may_be_a_variable_and_is_read_at_the_run() -> None:
    class Defaulted(Config):
        user: str = EnvVar("J_TEXT")
        port: int = EnvVar.int("J_INT")
        login: Login | None = None

    class Outer(Config):
        inner: Defaulted = Defaulted()

    assert bind_value(Defaulted, {}).user == "ann"
    assert bind_value(Defaulted, {}).port == 7
    assert bind_value(Outer, {}).inner.user == "ann"
    schema = {"user": Field(StringSource, default_value={"env": "J_TEXT"})}
    assert bind_value(schema, {}) == {"user": "ann"}
    assert bind_value({"user": Field(str, default_value=EnvVar("J_TEXT"))}, {}) == {"user": "ann"}


def test_what_does_not_wait_is_checked_at_once() -> None:
    with pytest.raises(ValueError, match="port"):
        Login(user=EnvVar("J_TEXT"), port="x")
    with pytest.raises(ValueError, match="nope"):
        Login(user=EnvVar("J_TEXT"), nope=1)  # type: ignore[call-arg]
    made = Login(user=EnvVar("J_TEXT"))
    assert made.port == 5432
    assert made.model_fields_set == {"user"}
    assert type(made) is Login


def test_what_a_variable_holds_is_checked_at_the_run() -> None:
    with pytest.raises(InvalidConfigError, match=r"mode: must be one of 'r', 'w' \(got \$J_TEXT\)"):
        resolved(Login(user="u", mode=EnvVar("J_TEXT")))


def test_a_config_without_variables_is_left_alone() -> None:
    login = Login(user="u")
    assert resolved(login) is login


def test_only_the_fields_that_wait_are_read() -> None:
    class Holder(Config):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: object
        token: str

    thing = object()
    holder = Holder(thing=thing, token=EnvVar("J_SECRET"))
    assert holder.thing is thing
    assert resolve_fields(holder) == {"token": "hush"}


def test_the_stored_config_has_names_and_the_run_has_values() -> None:
    field = schema_of(Login)
    assert field is not None
    tree = Section({"ops": Section({"in": Section({"config": field})})})
    config = Login(user=EnvVar("J_TEXT"), password=SecretStr("tops3cret"))
    for raw in (
        RunConfig(ops={"in": config}),
        {"ops": {"in": {"config": {"user": {"env": "J_TEXT"}, "password": "tops3cret"}}}},
    ):
        bound = bind(tree, raw)
        stored = bound.stored["ops"]["in"]["config"]
        assert stored["user"] == {"env": "J_TEXT"}
        assert "tops3cret" not in json.dumps(bound.stored)
        value = bound.at("ops", "in", "config")
        assert (value.user, value.password.get_secret_value()) == ("ann", "tops3cret")
        again = bind(tree, json.loads(json.dumps(bound.stored))).at("ops", "in", "config")
        assert again.password.get_secret_value() == "tops3cret"


def test_two_secrets_of_one_field_are_two() -> None:
    one, two = (raw_config(Login(user="u", password=SecretStr(text))) for text in ("p1", "p2"))
    assert one["password"] != two["password"]
    assert bind_value(Login, one).password.get_secret_value() == "p1"
    assert bind_value(Login, two).password.get_secret_value() == "p2"


def test_a_mock_or_a_frame_is_no_secret_though_it_has_the_attribute() -> None:
    with pytest.raises(InvalidConfigError, match="cannot be written as JSON"):
        raw_config({"table": pd.DataFrame({"get_secret_value": [1], "dtype": [2]})})
    assert "env" not in raw_config({"client": mock.MagicMock()})["client"]


def test_a_secret_of_another_process_must_be_given_again() -> None:
    with pytest.raises(InvalidConfigError, match="secret 'gone', whose value is never stored"):
        bind_value(Login, {"user": "u", "password": {"env": "secret:gone"}})


def test_no_message_shows_a_secret() -> None:
    class Guarded(Config):
        password: SecretStr
        n: int

    with pytest.raises(InvalidConfigError) as caught:
        bind_value(Guarded, {"password": "tops3cret", "n": "x", "zz": 1})
    assert "tops3cret" not in str(caught.value)
    assert "tops3cret" not in repr(caught.value.problems)
    with pytest.raises(InvalidConfigError) as caught:
        bind_value([Guarded], [{"password": "tops3cret"}])
    assert "tops3cret" not in repr(caught.value.problems)


def test_a_validator_that_tells_its_value_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    class Address(Config):
        ip: ipaddress.IPv4Address
        password: SecretStr = SecretStr("")

        @field_validator("password")
        @classmethod
        def long_enough(cls, value: SecretStr) -> SecretStr:
            raise ValueError(f"{value.get_secret_value()} is too short")

    monkeypatch.setenv("J_IP", "tops3cret")
    with pytest.raises(InvalidConfigError, match=r"\*\*\*") as caught:
        bind_value(Address, {"ip": {"env": "J_IP"}, "password": "hush-hush"})
    assert "tops3cret" not in str(caught.value)
    assert "hush-hush" not in str(caught.value)
    assert len(caught.value.problems) == 2


def test_variables_as_python_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EnvVar("J_NONE").get_value() is None
    assert EnvVar("J_NONE").get_value("d") == "d"
    assert EnvVar("J_TEXT").get_value() == "ann"
    number = EnvVar.int("J_INT")
    assert number.get_value() == 7
    assert EnvVar.int("J_NONE").get_value(3) == 3
    assert isinstance(EnvVar("A"), str)
    assert isinstance(number, int)
    assert pickle.loads(pickle.dumps(number)) == number
    assert pickle.loads(pickle.dumps(EnvVar("A"))) == EnvVar("A")
    assert repr(EnvVar("A")) == "EnvVar('A')"
    assert repr(number) == "EnvVar.int('J_INT')"


# Nothing tells a secret, whatever was given for it

PIN = 48151623


class Pin(Config):
    pin: SecretStr
    n: int = 0


class OpenPin(PermissiveConfig):
    pin: SecretStr


class ByPath(Config):
    pin: SecretStr = PydanticField(validation_alias=AliasPath("auth", "pin"))


class Cat(Config):
    kind: Literal["cat"] = "cat"
    pin: SecretStr


class Dog(Config):
    kind: Literal["dog"] = "dog"
    barks: int = 1


@dataclasses.dataclass
class Datum:
    pin: SecretStr


class Typed(TypedDict):
    pin: SecretStr


class Root(RootModel[SecretStr]):
    pass


class Telling(Config):
    pin: SecretStr

    @field_validator("pin")
    @classmethod
    def tell(cls, value: SecretStr) -> SecretStr:
        raise RuntimeError(f"{value.get_secret_value()} is not good")


def everything_told(error: BaseException) -> str:
    lines = "".join(traceback.format_exception(error))
    return lines + repr(error) + repr(getattr(error, "problems", ()))


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (SecretStr, PIN),
        (SecretStr, [PIN]),
        (SecretStr, {"a": {"b": PIN}}),
        (SecretStr | None, PIN),
        (SecretBytes, PIN),
        (Secret[int], str(PIN)),
        (Secret[dict[str, int]], [str(PIN)]),
        (list[SecretStr], ["x", PIN]),
        (list[SecretStr], str(PIN)),
        (list[SecretStr], {"a": PIN}),
        (dict[str, SecretStr], {"a": PIN}),
        (dict[str, SecretStr], [PIN]),
        (tuple[SecretStr, int], [PIN, 1]),
        (set[SecretStr], [PIN]),
        (SecretStr | int, [PIN]),
        (SecretStr | list[int], [str(PIN)]),
        (list[SecretStr] | dict[str, SecretStr], {"a": PIN}),
        (Pin, {"pin": PIN}),
        (Pin, {"pin": str(PIN), "n": "x"}),
        (Pin, {"PINN": PIN}),
        (Pin, str(PIN)),
        (list[Pin], [{"pin": PIN}, str(PIN)]),
        (dict[str, list[Pin]], {"a": [{"pin": PIN}]}),
        (OpenPin, {"pin": PIN, "pinn": PIN}),
        (ByPath, {"auth": {"pin": PIN}}),
        (ByPath, {"pin": PIN}),
        (Cat | Dog, {"kind": "cat", "pin": PIN}),
        (Cat | Dog, {"kind": "cow", "pin": PIN}),
        (Cat | Dog, {"pin": PIN}),
        (Annotated[Cat | Dog, PydanticField(discriminator="kind")], {"pin": PIN}),
        (Datum, {"pin": PIN}),
        (Typed, {"pin": PIN}),
        (Root, PIN),
        (Json[Pin], {"pin": PIN}),
        (Json[Pin], f'{{"pin": {PIN}}}'),
        (Annotated[SecretStr, PydanticField(min_length=20)], str(PIN)),
        (Telling, {"pin": str(PIN)}),
    ],
)
def test_a_mistyped_secret_is_not_told(kind: Any, raw: Any) -> None:
    holder = pydantic.create_model("Holder", __base__=Config, field=(kind, ...))
    tree = Section({"resources": Section({"r": Section({"config": schema_of(holder)})})})
    with pytest.raises(InvalidConfigError) as caught:
        bind(tree, {"resources": {"r": {"config": {"field": raw}}}}, "job 'daily'")
    assert str(PIN) not in everything_told(caught.value)
    stored = without_secrets(tree, {"resources": {"r": {"config": {"field": raw}}}})
    assert str(PIN) not in repr(stored)


SECRET_TYPES = st.recursive(
    st.sampled_from([SecretStr, Secret[int], Secret[float], SecretStr | None]),
    lambda inner: (
        inner.map(lambda kind: list[kind])
        | inner.map(lambda kind: dict[str, kind])
        | inner.map(lambda kind: pydantic.create_model("M", __base__=Config, pin=(kind, ...)))
        | st.tuples(inner, inner).map(lambda pair: operator.or_(*pair))
    ),
    max_leaves=4,
)
TELLING = st.recursive(
    st.sampled_from([PIN, str(PIN), PIN + 0.5, f"x{PIN}", None]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["pin", "pinn", "PIN", "zzz"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(SECRET_TYPES, TELLING)
def test_where_all_is_secret_nothing_is_told_or_stored(kind: Any, raw: Any) -> None:
    tree = Section({"config": ConfigField(TypedSchema(kind))})
    try:
        told = repr(bind(tree, {"config": raw}).stored)
    except InvalidConfigError as error:
        told = everything_told(error)
    assert str(PIN) not in told


def test_secrets_of_other_types_are_kept_by_name() -> None:
    class Kept(Config):
        number: Secret[int]
        data: Secret[dict[str, list[int]]]
        several: list[SecretStr]

    tree = Section({"config": schema_of(Kept)})
    raw = {"number": PIN, "data": {"a": [PIN]}, "several": [str(PIN)]}
    bound = bind(tree, {"config": raw})
    again = bind(tree, json.loads(json.dumps(bound.stored)))
    for value in (bound["config"], again["config"]):
        assert value.number.get_secret_value() == PIN
        assert value.data.get_secret_value() == {"a": [PIN]}
        assert value.several[0].get_secret_value() == str(PIN)
    assert str(PIN) not in repr(bound.stored) + repr(raw_config(bound["config"]))


def test_a_number_in_place_of_a_secret_is_told_to_be_one() -> None:
    with pytest.raises(InvalidConfigError, match=r"must be text \(got a secret, written as a num"):
        bind_value(Pin, {"pin": PIN})


def test_a_name_near_that_of_a_secret_is_kept_by_name() -> None:
    tree = Section({"config": schema_of(OpenPin)})
    bound = bind(tree, {"config": {"pin": "abc", "PINN": PIN, "other": 3}})
    assert bound.stored["config"]["other"] == 3
    assert str(PIN) not in repr(bound.stored)
    assert bound["config"].PINN == PIN


def test_a_class_with_secrets_does_not_tell_them_when_it_is_called() -> None:
    class Outer(Config):
        pins: list[Pin]

    class Key(ConfigurableResource[Any]):
        pin: SecretStr

    for wrong in (
        lambda: Pin(pin=PIN),
        lambda: Pin(pinn=PIN),
        lambda: Pin(pin=str(PIN), n="x"),
        lambda: Outer(pins=[{"pin": PIN}]),
        lambda: Key(pin=PIN),
    ):
        with pytest.raises(pydantic.ValidationError) as caught:
            wrong()
        assert str(PIN) not in everything_told(caught.value)
    with pytest.raises(InvalidConfigError) as refused:
        Field(Pin, default_value={"pin": PIN})
    assert str(PIN) not in everything_told(refused.value)


# Where any value may stand, a variable is marked


class Open(PermissiveConfig):
    n: int = 1


class Around(Config):
    inner: Open = Open()
    inners: list[Open] = PydanticField(default_factory=list)
    anything: Any = None
    loose: dict[str, Any] = PydanticField(default_factory=dict)
    texts: dict[str, list[str]] = PydanticField(default_factory=dict)


class Holder(ConfigurableResource[Any]):
    inner: Open = Open()
    loose: dict[str, Any] = PydanticField(default_factory=dict)


J = EnvVar("J_TEXT")
DEEP = {"a": [J, {"b": J}], "n": EnvVar.int("J_INT"), "plain": {"env": "J_TEXT"}}
READ = {"a": ["ann", {"b": "ann"}], "n": 7, "plain": {"env": "J_TEXT"}}


def test_variables_in_fields_without_a_type_are_read_at_every_depth() -> None:
    given = Around(
        inner=Open(x=J, deep=DEEP),
        inners=[Open(x=J)],
        anything=DEEP,
        loose={"x": J, "deep": DEEP},
        texts={"a": [J]},
    )
    tree = Section({"config": schema_of(Around)})
    bound = bind(tree, {"config": given})
    for again in (bound, bind(tree, json.loads(json.dumps(bound.stored)))):
        value = again["config"]
        assert (value.inner.x, value.inner.deep) == ("ann", READ)
        assert value.inners[0].x == "ann"
        assert value.anything == READ
        assert value.loose == {"x": "ann", "deep": READ}
        assert value.texts == {"a": ["ann"]}
    assert "ann" not in repr(bound.stored)
    assert resolved(given).inner.deep == READ


def test_variables_deep_in_resources_are_read() -> None:
    held = Holder(inner=Open(x=J, deep=DEEP), loose=DEEP)
    assert "ann" not in repr(raw_config(held))
    with held.process_config_and_initialize_cm() as ready:
        assert (ready.inner.x, ready.inner.deep, ready.loose) == ("ann", READ, READ)


def test_a_missing_variable_in_a_field_without_a_type_is_named() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        bind_value(Around, Around(inner=Open(x=[EnvVar("J_MISSING")])))
    assert str(caught.value.problems[0]).startswith(
        "inner > x > 0: needs the environment variable 'J_MISSING', which is not set."
    )
