"""YAML is read safely, without surprises, and its mistakes have a place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobnb.config import (
    Config,
    RunConfig,
    bind_value,
    config_from_files,
    config_from_pkg_resources,
    config_from_yaml_strings,
    dump_yaml,
    load_yaml,
    merged,
)
from jobnb.errors import InvalidConfigError


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
        ("a: \x00", "cannot be read"),
        ("[" * 5000, "cannot be read"),
    ],
)
def test_bad_yaml_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words):
        load_yaml(text)


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
