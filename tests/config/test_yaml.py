"""YAML is read safely, without surprises, and its mistakes have a place."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobnb import (
    Config,
    InvalidConfigError,
    InvariantViolationError,
    RunConfig,
    config_from_files,
    config_from_pkg_resources,
    config_from_yaml_strings,
)
from jobnb.config import bind_value, dump_yaml, load_yaml, merged, rewritten


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2013-01-31", "2013-01-31"),
        ("2013-01-31 10:00:00", "2013-01-31 10:00:00"),
        ("2013-01-31T10:00:00Z", "2013-01-31T10:00:00Z"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("1e-3", 0.001),
        ("1.5", 1.5),
        ("-3", -3),
        ("0x1F", 31),
        (".inf", math.inf),
        ("true", True),
        ("~", None),
        ("'1'", "1"),
        ("1_000", "1_000"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("=", "="),
        ("0123", 83),
    ],
)
def test_scalars_are_what_they_look_like(text: str, value: Any) -> None:
    if text == "-":
        text = "'-'"
    read = load_yaml(f"a: {text}\n")["a"]
    assert read == value
    assert type(read) is type(value)


def test_dates_written_bare_fit_text_fields_and_date_fields() -> None:
    class Days(Config):
        label: str

    raw = load_yaml("label: 2020-01-01\n")
    assert bind_value(Days, raw).label == "2020-01-01"
    parsed_elsewhere = yaml.safe_load("label: 2020-01-01")
    assert bind_value(Days, parsed_elsewhere).label == "2020-01-01"


@pytest.mark.parametrize(
    "value",
    [
        "2013-01-31", "12:30", "1e-3", "1_000", "0o17", "yes", "no", "null", "~", "", " x", "a: b",
        "0123", "089", ".5", "1.", "+1", "0b1", "-.inf", "<<", "=", "#", "é\n\tz", "\u2028",
        "1:2:3", "\x85", "a\rb",
        {"env": "X"}, [1, [2, {"a": None}]], 1e22, 1e-7, math.inf, 0.1, True,
    ],
)  # fmt: skip
def test_what_is_written_is_read_back(value: Any) -> None:
    text = dump_yaml({"a": value})
    assert load_yaml(text) == {"a": value}
    if not isinstance(value, float):
        assert yaml.safe_load(text) == {"a": value}


def test_nothing_of_python_can_be_made() -> None:
    with pytest.raises(InvalidConfigError, match="could not determine a constructor"):
        load_yaml("a: !!python/object/apply:os.system ['true']\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1\n", "line 2, column 1"),
        ("a: 1\na: 2\n", "line 2, column 1: the key 'a' is given twice"),
        ("- 1\n", "holds a list where names"),
        ("3", "holds a int where names"),
        ("a: b: c", "line 1, column 5"),
        ("a: \x00", "line 1, column 4: the character U\\+0000 is not allowed"),
        ("[" * 5000, "line 1, column 101: this is nested more than 100 deep"),
        ('{"a": ' + "[" * 5000, "line 1, column 106: this is nested more than 100 deep"),
        ("b: 1\na: !!timestamp foo", "line 2, column 4: this cannot be read as !!timestamp"),
        ("a: !!timestamp 2013-99-99", "line 1, column 4: this cannot be read as !!timestamp"),
        ("a: !!int foo", "line 1, column 4: this cannot be read as !!int"),
        ("a: !!float ''", "line 1, column 4: this cannot be read as !!float"),
        ("a: !!bool maybe", "line 1, column 4: this cannot be read as !!bool"),
        ("a: !!set [1]", "line 1, column 4: expected a mapping"),
        ("a: !mine x", "line 1, column 4: this tag is not known.*needs quotes"),
        ("a: *x", "line 1, column 4: nothing has that anchor.*needs quotes"),
        ("a: &x [*x]", "line 1, column 8: this alias is within what it names"),
        ("a: &x 1\nb: &x 2", r"line 2, column 4: this anchor \(&\) is given twice"),
        ("a: 1\n---\nb: 1", "line 2, column 1: another document begins"),
        ("a: " + "9" * 10_000, "line 1, column 4: a number of more than 4,300 digits"),
        ("a: 0x" + "f" * 10_000, "line 1, column 4: a number of more than 4,300 digits"),
        ('{"a": ' + "9" * 10_000 + "}", "line 1, column 7: a number of more than 4,300"),
        ("1: a\n'1': b", "line 2, column 1: the key '1' is given twice"),
        ("true: a\nTrue: b", "line 2, column 1: the key 'True' is given twice"),
        ('{\n\t"a": 1,\n\t"a": 2}', "line 3, column 2: the key 'a' is given twice"),
        ('a: "\\ud800"', "line 1, column 4: half a character"),
        ('{"a": ["\\udead"]}', "line 1, column 8: half a character"),
        ('a: "\\U00110000"', "line 1, column 7: this escape stands for no character"),
        ("a: \ud800", "line 1, column 4: the character U\\+D800 is not allowed"),
        ("no\x00file.yaml", "cannot be read"),
        ("x" * 300, "holds a str where names"),
        (b"a: 1", "as a text or a path, not b'a: 1'"),
    ],
)
def test_bad_yaml_is_refused_in_one_sentence(text: Any, words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words) as refusal:
        load_yaml(text)
    assert isinstance(refusal.value, InvariantViolationError)  # as Dagster has it
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["pin: !48151623", "pin: *48151623", "pin: !!int x48151623"])
def test_what_may_be_a_secret_without_quotes_is_not_told(text: str) -> None:
    with pytest.raises(InvalidConfigError) as refusal:
        load_yaml(text)
    assert "48151623" not in str(refusal.value)


def aliases_of_aliases(levels: int, first: str = "[x, x, x, x]", each: str = "[{}]") -> str:
    lines = [f"a0: &a0 {first}"]
    for n in range(1, levels):
        lines += [f"a{n}: &a{n} " + each.format(", ".join([f"*a{n - 1}"] * 10))]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        aliases_of_aliases(10),
        aliases_of_aliases(10, "{x: 1}", "{{<<: [{}]}}"),
        "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 2000 + "]",
    ],
    ids=["lists", "merge keys", "long texts"],
)
def test_aliases_of_aliases_are_bounded(text: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidConfigError, match="aliases repeat more than 100,000 values"):
        load_yaml(text)
    with pytest.raises(InvalidConfigError, match="aliases repeat more than 100,000 values"):
        config_from_yaml_strings([text])
    assert rewritten(text, {"a": 1}) is None
    assert time.process_time() - started < 5


def test_aliases_deep_within_aliases_are_bounded_too() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300))
    with pytest.raises(InvalidConfigError, match="line 99, column 12: this is nested more"):
        load_yaml(text)


def test_what_people_repeat_with_aliases_is_read() -> None:
    assert load_yaml(aliases_of_aliases(3))["a2"] == [[["x"] * 4] * 10] * 10
    text = "top: {inner: &x {<<: &y {k: 1}, k: 2}}\nafter: {<<: *x, z: 1}\n"
    assert load_yaml(text)["after"] == {"k": 2, "z": 1}
    text = "a: &a {k: 1, key: 1}\nb: &b {k: 2, key: 2, x: 2}\nc: {<<: [*a, *b], x: 3}\n"
    assert load_yaml(text)["c"] == {"k": 1, "key": 1, "x": 3}


def test_a_character_that_json_escapes_in_two_halves_is_one() -> None:
    for text in ('a: "\\ud83d\\ude00"', '{"a": "\\ud83d\\ude00"}'):
        assert load_yaml(text) == {"a": "\U0001f600"}


def test_an_undecodable_byte_of_a_file_has_a_place(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes("é: 1\nb: ".encode() + b"\xff\n")
    with pytest.raises(InvalidConfigError, match="line 2, column 4: the byte 0xff is no UTF-8"):
        load_yaml(path)


def test_nothing_is_an_empty_config() -> None:
    assert load_yaml("") == {}
    assert load_yaml("# only a comment\n") == {}


def test_merge_keys_and_anchors_work() -> None:
    text = "base: &b {x: 1}\nmore:\n  <<: *b\n  y: 2\n"
    assert load_yaml(text)["more"] == {"x": 1, "y": 2}


def test_json_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{\n\t"a": {"b": [1, 2.5, null, true]}\n}')
    assert load_yaml(path) == load_yaml(str(path)) == {"a": {"b": [1, 2.5, None, True]}}


def test_files_are_found_or_missed_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: 1\n", encoding="utf-8-sig")
    assert load_yaml(path) == load_yaml(str(path)) == {"a": 1}
    with pytest.raises(InvalidConfigError, match=r"'.*none.yaml' is not there"):
        load_yaml(str(tmp_path / "none.yaml"))
    with pytest.raises(InvalidConfigError, match="cannot be read"):
        load_yaml(tmp_path)
    path.write_bytes(b"a: \xff\xfe")
    with pytest.raises(InvalidConfigError, match="cannot be read"):
        load_yaml(path)
    path.write_text("a: [")
    with pytest.raises(InvalidConfigError, match=r"c.yaml' cannot be read: line 1"):
        load_yaml(path)


def test_configs_merge_at_every_depth(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text("ops: {a: {config: {x: 1, y: 1}}}\n")
    (tmp_path / "2.yaml").write_text("ops: {a: {config: {y: 2}}, b: {}}\n")
    both = {"ops": {"a": {"config": {"x": 1, "y": 2}}, "b": {}}}
    assert config_from_files([str(tmp_path / "*.yaml")]) == both
    assert config_from_files([str(tmp_path / "1.yaml"), str(tmp_path / "2.yaml")]) == both
    assert config_from_files([]) == {}
    with pytest.raises(InvalidConfigError, match=r"No config file matches '.*nope"):
        config_from_files([str(tmp_path / "nope*.yaml")])
    assert config_from_yaml_strings(["a: 1", "a: {c: 2}", "a: {d: 2020-01-01}"]) == {
        "a": {"c": 2, "d": "2020-01-01"}
    }


def test_merging_changes_neither() -> None:
    below, above = {"a": {"x": 1}}, {"a": {"y": 2}}
    assert merged(below, above) == {"a": {"x": 1, "y": 2}}
    assert (below, above) == ({"a": {"x": 1}}, {"a": {"y": 2}})


def test_configs_come_out_of_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "conf_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "c.yaml").write_text("a: {b: 1}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert config_from_pkg_resources([("conf_package", "c.yaml")]) == {"a": {"b": 1}}
    for missing in (("conf_package", "no.yaml"), ("no_such_package", "c.yaml")):
        with pytest.raises(InvalidConfigError, match="cannot be read"):
            config_from_pkg_resources([missing])


def test_a_run_config_is_written_without_aliases() -> None:
    shared = {"x": [1]}
    text = dump_yaml(RunConfig(ops={"a": {"config": shared}, "b": {"config": shared}}))
    assert "&" not in text
    assert load_yaml(text)["ops"]["b"] == {"config": shared}
