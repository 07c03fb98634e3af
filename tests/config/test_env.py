"""Variables and secrets: read at the run, kept by name."""

from __future__ import annotations

import ipaddress
import json
import pickle
from typing import Any, Literal

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from jobnb.config import (
    BoolSource,
    Config,
    EnvVar,
    Field,
    IntSource,
    Noneable,
    Permissive,
    RunConfig,
    ScalarUnion,
    Section,
    StringSource,
    bind,
    bind_value,
    raw_config,
    resolve_fields,
    resolved,
    schema_of,
)
from jobnb.errors import InvalidConfigError


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
