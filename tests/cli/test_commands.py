"""Every command, as a user types it; what is printed with --json is as its JSON Schema says."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import click
import jsonschema
import pytest

from jobnb.cli.groups import LazyGroup
from jobnb.cli.main import cli
from tests.cli.conftest import SCHEMAS

SHOP = '''
from jobnb import (
    Config, Definitions, StaticPartitionsDefinition, asset, define_asset_job, job, op, schedule
)

regions = StaticPartitionsDefinition(["north", "south", "west"])


class Size(Config):
    """How much."""

    rows: int
    name: str = "all"


@op
def count(config: Size) -> int:
    """Counts [all] rows."""
    if config.rows > 100:
        raise ValueError("too many")
    return config.rows


@op
def tell(number: int) -> None:
    print("told", number)


@job
def daily():
    """Runs every day.

    In detail.
    """
    tell(count())


@asset(partitions_def=regions)
def sales(context):
    if "west" in context.partition_keys:
        raise ValueError("no sales in the west")
    return {key: key for key in context.partition_keys}


@asset
def orders():
    return 1


by_region = define_asset_job("by_region", selection="sales")
'''


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    return path


ROWS = '{"ops": {"count": {"config": {"rows": %d}}}}'


# --- the command as a whole -----------------------------------------------------------


def test_spellings_of_dagster_are_understood_and_an_unknown_one_is_one_line(command):
    assert command("job", "list", "--package-name", "json").stdout == "json defines no jobs.\n"
    assert "--package-name" not in command("job", "list", "--help").stdout
    assert "from: defaults" in command("job", "scaffold_config", "--help").stdout
    for words in (["jub"], ["--versoin"], ["job", "lst"], ["run", "list", "--status", "x"]):
        said = command(*words, code=2).stderr
        assert said.startswith("jobnb: ")
        assert said.count("\n") == 1
    assert command("job", code=2).stderr.startswith("Usage: ")  # no command: its help


def test_the_history_is_that_of_the_code_location_in_pyproject(command, shop, monkeypatch):
    (shop.parent / "notebooks").mkdir()
    shop.rename(shop.parent / "notebooks" / "shop.py")
    table = '[tool.jobnb]\npython_file = "notebooks/shop.py"\n'
    (shop.parent / "pyproject.toml").write_text(table)
    monkeypatch.chdir(shop.parent)
    said = command("run", "list").stdout
    assert str(shop.parent / "notebooks" / ".jobnb") in said


def commands(group=cli, names=()):
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        places = getattr(group, "commands_at", {})
        short = places[name][1] if name in places else ""
        found = group.get_command(ctx, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*names, name))
        else:
            yield (*names, name), found, short


ALL = {names: (found, short) for names, found, short in commands()}


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_each_command_has_help_of_80_columns(names, command):
    shown = command(*names, "--help").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.startswith(f"Usage: jobnb {' '.join(names)} ")
    options = [each for each in ALL[names][0].params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help and not each.hidden] == []


def test_groups_show_their_commands_without_importing_them():
    code = (
        "import sys; from jobnb.cli.main import cli\n"
        "for group in ([], ['job'], ['run']):\n"
        "    cli([*group, '--help'], prog_name='jobnb', standalone_mode=False)\n"
        "print(sorted(name for name in sys.modules if name.startswith('jobnb.cli.')))\n"
        "print(sorted({'rich', 'pandas', 'sqlalchemy', 'nbformat'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *shown, modules, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    assert modules == "['jobnb.cli.exit_codes', 'jobnb.cli.groups', 'jobnb.cli.main']"
    assert any(re.match(r"  scaffold-config +Print a run config", line) for line in shown)
    for code in ("0", "1", "2", "130"):
        assert any(line.strip().startswith(f"{code} ") for line in shown)


def test_an_unknown_command_or_option_is_2_with_the_nearest(command):
    assert "Did you mean 'execute'?" in command("job", "exequte", code=2).stderr
    assert "There is no command 'jbo'" in command("jbo", code=2).stderr
    assert "--selekt" in command("asset", "list", "--selekt", "x", code=2).stderr
    assert command("--version").stdout.startswith("jobnb, version ")


def test_json_is_an_option_of_every_list_and_show():
    lists = [names for names in ALL if names[-1] in ("list", "show", "info", "logs", "print")]
    assert len(lists) >= 9
    for names in lists:
        assert any(each.name == "as_json" for each in ALL[names][0].params), names


def test_each_command_that_prints_json_has_a_schema():
    printing = {
        " ".join(names[:2])
        for names, (found, _) in ALL.items()
        if any(each.name == "as_json" for each in found.params)
    }
    assert printing == set(SCHEMAS["properties"])


# --- the code location ----------------------------------------------------------------


def test_a_location_is_an_argument_or_an_option(shop, printed, monkeypatch):
    monkeypatch.chdir(shop.parent)
    monkeypatch.setenv("PYTHONPATH", f"{os.environ['PYTHONPATH']}")
    found = printed("job", "list", "shop.py")
    assert [row["name"] for row in found] == ["daily", "by_region"]
    assert found == printed("job", "list", "-f", "shop.py")
    assert found == printed("job", "list", "-m", "shop")
    monkeypatch.chdir(shop.parent.parent)
    assert found == printed("job", "list", "-m", "shop", "-d", shop.parent)


def test_an_attribute_names_what_gives_the_definitions(shop, printed, command):
    shop.write_text(
        SHOP + "\n\ndef some():\n    return Definitions(jobs=[daily])\n\nmany = [orders]\nno = 3\n"
    )
    assert [row["name"] for row in printed("job", "list", shop, "-a", "some")] == ["daily"]
    assert [row["key"] for row in printed("asset", "list", shop, "-a", "many")] == ["orders"]
    assert "Did you mean 'some'?" in command("job", "list", shop, "-a", "soem", code=2).stderr
    assert "'no' is 3, which" in command("job", "list", shop, "-a", "no", code=2).stderr


def test_pyproject_names_the_location(shop, printed, command, monkeypatch):
    monkeypatch.chdir(shop.parent)
    text = "as an argument, with -n, -f or -m, or under [tool.jobnb]"
    assert text in command("job", "list", code=2).stderr
    (shop.parent / "pyproject.toml").write_text('[tool.jobnb]\npython_file = "shop.py"\n')
    assert len(printed("job", "list")) == 2
    (shop.parent / "pyproject.toml").write_text("[tool.jobnb]\npython_file = 3\n")
    assert "python_file under [tool.jobnb] is no text" in command("job", "list", code=2).stderr
    (shop.parent / "pyproject.toml").write_text("[tool")
    assert "pyproject.toml cannot be read" in command("job", "list", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-f", "a.py", "-m", "b"], "-f and -m do not go together"),
        (["a.py", "b.py"], "'b.py' is one argument too many"),
        (["a.py", "-d", "nowhere"], "There is no folder nowhere"),
        (["."], ". is a folder"),
        (["no_such_module"], "'no_such_module' is no file, and cannot be imported as a module"),
    ],
)
def test_a_location_that_cannot_be_is_one_line(command, arguments, said):
    told = command("job", "list", *arguments, code=2).stderr
    assert said in told
    assert len(told.splitlines()) == 1


# --- jobs -----------------------------------------------------------------------------


def test_a_job_is_printed_in_order(shop, printed, command):
    found = printed("job", "print", shop, "-j", "daily")
    assert [(step["step"], step["after"]) for step in found["steps"]] == [
        ("count", []),
        ("tell", ["count"]),
    ]
    assert found["steps"][1]["inputs"] == [{"name": "number", "type": "Int"}]
    shown = command("job", "print", shop, "-j", "daily", "--verbose").stdout
    assert "Counts [all] rows." in shown
    assert "tell  <- count" in shown
    assert "Name one with --job: daily, by_region." in command("job", "print", shop, code=2).stderr


def test_config_is_scaffolded_and_its_schema_is_right(shop, printed, command):
    sample = printed("job", "scaffold-config", shop, "-j", "daily", "--print-only-required")
    assert sample == {"ops": {"count": {"config": {"rows": 0}}}}
    assert "name: all" in command("job", "scaffold-config", shop, "-j", "daily").stdout
    schema = json.loads(command("job", "schema", shop, "-j", "daily").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(sample)
    assert not validator.is_valid({"ops": {"count": {"config": {"rows": "many"}}}})


def test_a_job_is_executed_and_its_run_shown(shop, printed, command, tmp_path):
    done = command("job", "execute", shop, "-j", "daily", "-c", ROWS % 3, "--tags", '{"a": "b"}')
    assert "told 3" in done.stdout
    assert "of daily: succeeded, 2 of 2 steps" in done.stdout
    [row] = printed("run", "list", shop)
    assert (row["job"], row["status"], row["notebook"]) == ("daily", "SUCCESS", "shop.py")
    assert row["tags"]["a"] == "b"
    home = tmp_path / ".jobnb"
    found = printed("run", "show", row["run_id"][:8], "--home", home)
    assert found["config"] == json.loads(ROWS % 3)
    assert [step["status"] for step in found["steps"]] == ["succeeded", "succeeded"]
    assert "daily" in command("run", "show", row["run_id"], "-f", shop).stdout


def test_a_run_that_fails_is_1_and_is_resumed(shop, printed, command):
    config = shop.parent / "conf.yaml"
    config.write_text("ops: {count: {config: {rows: 500}}}")
    done = command("job", "execute", shop, "-j", "daily", "-c", config, code=1)
    assert re.fullmatch(r"  count failed: ValueError: too many.*\n", done.stderr)  # once
    [failed] = printed("run", "list", shop, "--status", "failed")
    assert "too many" in command("run", "show", failed["run_id"], "-f", shop).stdout
    shop.write_text(SHOP.replace("> 100", "> 1000"))
    assert "succeeded" in command("run", "resume", shop, failed["run_id"][:8]).stdout
    [again] = printed("run", "list", shop, "--limit", "1")
    assert (again["parent_run_id"], again["status"]) == (failed["run_id"], "SUCCESS")
    told = command("run", "resume", shop, "00000000", code=2).stderr
    assert f"There is no run '00000000' in {shop.parent / '.jobnb'}. " in told
    told = command("run", "resume", shop, again["run_id"], code=2).stderr
    assert told.rstrip().endswith("Repeat all of it with --all-steps, or some of it with --steps.")
    assert "session" not in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-j", "dialy"], "Did you mean 'daily'?"),
        (["-j", "daily"], "rows"),
        (["-j", "daily", "-c", "nowhere.yaml"], "nowhere.yaml"),
        (["-j", "daily", "-c", "nowhere/*.yaml"], "No config file matches"),
        (["-j", "daily", "--config-json", "{"], "line 1, column 2"),
        (["-j", "daily", "--config-json", "{"], "The JSON of --config-json cannot be read"),
        (["-j", "daily", "--config-json", "a.json"], "a file is named with --config."),
        (["-j", "daily", "--tags", "[1]"], "are no object"),
        (["-j", "daily", "--tag", "a"], "KEY=VALUE"),
        (["-j", "daily", "-c", ROWS % 1, "--partition", "north"], "no partitions"),
        (["-j", "daily", "-c", ROWS % 1, "-o", "cuont"], "cuont"),
        (["-j", "daily", "-c", ROWS % 1, "-e", "cluster"], "cluster"),
        (["-j", "by_region"], "Name some: --partition KEY, or --partition-range START...END."),
        (
            ["-j", "by_region"],
            "To make each in a run of its own: jobnb job backfill; assets need a job",
        ),
        (["-j", "by_region", "--partition", "east"], "east"),
        (["-j", "by_region", "--partition-range", "north"], "START...END"),
    ],
)
def test_what_cannot_be_run_is_2_and_leaves_no_run(shop, printed, command, arguments, said):
    told = command("job", "execute", shop, *arguments, code=2).stderr
    assert told.startswith("jobnb: ")
    assert said in told
    assert "Traceback" not in told
    assert printed("run", "list", shop) == []


def test_a_job_that_is_not_there_is_not_launched(shop, command):
    told = command("job", "launch", shop, "-j", "dialy", code=2).stderr
    assert told == command("job", "execute", shop, "-j", "dialy", code=2).stderr
    assert "There is no job called 'dialy'. Did you mean 'daily'?" in told


def test_a_backfill_that_fails_in_part_tells_what_to_do(shop, printed, command):
    done = command("job", "backfill", shop, "-j", "by_region", "--all", "-y", code=1)
    [failed] = printed("run", "list", shop, "--status", "failed")
    names, first, again = done.stderr.splitlines()[-3:]
    assert names == "  failed: west"
    assert first.startswith(f"  the first, west, in the run {failed['run_id']}: ValueError: no sal")
    told = "  try again what was not made: jobnb "
    assert again.removeprefix(told) == f"backfill resume {shop} {done.stdout.split()[1]}"
    shop.write_text(SHOP.replace('"west" in', '"nowhere" in'))
    done = command(*again.removeprefix(told).split())
    assert "1 of 1 partition done" in done.stdout


def test_a_backfill_runs_each_partition(shop, printed, command):
    job = ("job", "backfill", shop, "-j", "by_region", "--noprompt")
    done = command(*job, "--to", "south")
    assert "2 of 2 partitions done" in done.stdout
    assert len(printed("run", "list", shop)) == 2
    assert command(*job, "--all", "--only-missing", code=1).stdout.startswith("backfill ")
    assert "in one way" in command(*job, code=2).stderr
    assert "in one way" in command(*job, "--all", "--from", "north", code=2).stderr
    assert "Did you mean 'north'?" in command(*job, "--from", "nroth", code=2).stderr
    backwards = command(*job, "--from", "west", "--to", "north", code=2).stderr
    assert "from 'west' to 'north' runs backwards" in backwards
    assert "no partitions" in command(*job[:3], "-j", "daily", "--all", code=2).stderr
    assert "say --yes" in command(*job[:5], "--all", code=2).stderr


SLOW = """
import time
from jobnb import Instance, job, op


@op
def wait():
    for _ in range(6000):
        time.sleep(0.01)


@op
def end():
    return 1


@job
def slow():
    wait()


@job
def fast():
    end()
"""


def test_a_run_is_launched_in_a_process_of_its_own_and_canceled(shop, printed, command, tmp_path):
    shop.write_text(SLOW)
    home = ("--home", tmp_path / ".jobnb")
    env = {**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "jobnb.cli", "job", "launch", "shop.py", "--job", "slow"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    [run_id] = done.stdout.split()
    assert printed("run", "show", run_id, *home)["status"] in ("NOT_STARTED", "STARTING", "STARTED")
    told = command("run", "cancel", run_id[:13], *home, "--reason", "enough").stdout
    assert told == f"Canceled the run {run_id}\n"
    found = printed("run", "show", run_id, *home)
    assert (found["status"], found["notebook"]) == ("CANCELED", "shop.py")
    assert "enough" in found["error"]
    assert "has ended already" in command("run", "cancel", run_id, *home, code=2).stderr


def test_a_launched_run_can_be_waited_for(shop, command):
    shop.write_text(SLOW)
    first, second = command("job", "launch", shop, "-j", "fast", "--wait").stdout.splitlines()
    assert second.startswith(f"run {first} of fast: succeeded, 1 of 1 step")
    assert "fats" in command("job", "launch", shop, "-j", "fats", code=2).stderr


# --- assets ---------------------------------------------------------------------------


def test_assets_are_materialized_listed_and_wiped(shop, printed, command, tmp_path):
    assert printed("asset", "list", shop)[0]["status"] is None
    command("asset", "materialize", shop, "-s", "orders")
    region = ("asset", "materialize", shop, "-s", "sales")
    command(*region, "--partition-range", "north...south")
    assert "no sales in the west" in command(*region, "--partition", "west", code=1).stderr
    rows = {row["key"]: row["status"] for row in printed("asset", "list", shop)}
    assert rows["orders"] == {"status": "fresh", "reasons": []}
    assert rows["sales"]["status"] == "failed"
    assert "orders" in command("asset", "list", shop).stdout
    home = ("--home", tmp_path / ".jobnb")
    assert (
        "Forgot 1 partition"
        in command("asset", "wipe", "sales", "--partition", "north", *home, "--yes").stdout
    )
    assert "Forgot 1 asset" in command("asset", "wipe", "orders", *home, "-y").stdout
    rows = {row["key"]: row["status"]["status"] for row in printed("asset", "list", shop)}
    assert rows["orders"] == "missing"
    for arguments, said in [
        (["ordres"], "no asset 'ordres'"),
        ([], "Name the assets to wipe"),
        (["sales", "--partition", "north"], "has no partition 'north'"),
        (["--all", "--partition", "north"], "not of --all"),
        (["--all"], "say --yes"),
    ]:
        assert said in command("asset", "wipe", *arguments, *home, code=2).stderr


def test_a_selection_that_names_nothing_is_2(shop, command):
    assert "ordres" in command("asset", "materialize", shop, "-s", "ordres", code=2).stderr


# --- the history ----------------------------------------------------------------------


def test_a_run_is_named_behind_its_location(shop, printed, command, tmp_path, monkeypatch):
    command("job", "execute", shop, "-j", "daily", "-c", ROWS % 3)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    [run] = printed("run", "list", shop)
    run_id = run["run_id"]
    assert "told" not in command("run", "show", shop, run_id).stdout
    assert printed("run", "show", shop, run_id[:8])["run_id"] == run_id
    assert "has ended already" in command("run", "cancel", shop, run_id, code=2).stderr
    told = command("run", "show", shop, run_id, "--home", tmp_path / ".jobnb", code=2).stderr
    assert "named twice" in told
    assert "one argument too many" in command("run", "show", shop, run_id, "x", code=2).stderr
    assert "RUN_ID" in command("run", "show", code=2).stderr
    assert "There is no file" in command("run", "show", "no.ipynb", run_id, code=2).stderr
    assert run_id in command("run", "delete", shop, run_id, "--yes").stdout
    assert printed("run", "list", shop) == []


def test_runs_are_deleted_and_wiped(shop, printed, command, tmp_path):
    for _ in range(3):
        command("job", "execute", shop, "-j", "daily", "-c", ROWS % 3)
    home = ("--home", tmp_path / ".jobnb")
    first, *_ = [row["run_id"] for row in printed("run", "list", *home)]
    assert "say --yes" in command("run", "delete", first, *home, code=2).stderr
    command("run", "delete", first, *home, "--yes")
    assert "There is no run" in command("run", "delete", first, *home, "-y", code=2).stderr
    assert (
        "has ended already"
        in command(
            "run", "cancel", printed("run", "list", *home)[0]["run_id"], *home, code=2
        ).stderr
    )
    assert "Deleted 2 runs" in command("run", "wipe", *home, "--force").stdout
    assert printed("run", "list", *home) == []


def test_a_run_that_goes_on_is_not_deleted(command, tmp_path):
    from jobnb import Instance
    from jobnb.events import RunStarted
    from jobnb.storage.run import JobRun

    home = ("--home", tmp_path / ".jobnb")
    with Instance.from_home(tmp_path / ".jobnb") as instance:
        log = instance.open_log(instance.create_run(JobRun("daily", run_id="run-that-goes-on")))
        log.events.append(RunStarted(1.0, "daily"))
        log.write()
        command_line = [sys.executable, "-m", "jobnb.cli", "run"]
        env = {**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"]}
        for arguments in (["delete", "run-that-goes-on", "-y"], ["wipe", "-y"]):
            done = subprocess.run(
                [*command_line, *arguments, *map(str, home)],
                capture_output=True, text=True, env=env, check=False,
            )  # fmt: skip
            assert done.returncode == 2, done.stderr
            assert "is in progress" in done.stderr
        log.close()


def test_a_place_without_history_is_told(command, tmp_path):
    for arguments in (["run", "show", "abcdef"], ["instance", "info"], ["run", "wipe"]):
        told = command(*arguments, "--home", tmp_path / "no", code=2).stderr
        assert f"There is no history in {tmp_path / 'no'}" in told


def test_a_history_is_pruned_only_if_that_is_said(shop, printed, command, tmp_path):
    command("job", "execute", shop, "-j", "daily", "-c", ROWS % 3)
    home = ("--home", tmp_path / ".jobnb")
    found = printed("instance", "prune", *home, "--run-days", "0")
    assert (found["deleted"], found["runs"]["count"]) == (False, 1)
    assert found["bytes"] >= found["runs"]["bytes"] > 500
    shown = command("instance", "prune", *home, "--run-days", "0").stdout
    assert "Nothing was deleted. With --delete it would be: " in shown
    assert printed("instance", "prune", *home)["runs"]["count"] == 0
    assert printed("instance", "prune", *home, "--run-days", "never")["runs"]["count"] == 0
    assert len(printed("run", "list", *home)) == 1
    assert "days" in command("instance", "prune", *home, "--run-days", "-1", code=2).stderr
    assert "goes with --delete" in command("instance", "prune", *home, "--compact", code=2).stderr
    command("instance", "prune", *home, "--run-days", "0", "--delete", "--compact")
    assert printed("run", "list", *home) == []


def test_the_history_as_a_whole(shop, printed, command, tmp_path):
    command("job", "execute", shop, "-j", "daily", "-c", ROWS % 3)
    found = printed("instance", "info", "--home", tmp_path / ".jobnb")
    assert (found["runs"], found["assets"], found["home"]) == (1, 0, str(tmp_path / ".jobnb"))
    assert found["history_bytes"] > 4096
    shown = command("instance", "info", "--home", tmp_path / ".jobnb").stdout
    assert re.search(r"^history +[\d.]+ kB$", shown, re.MULTILINE)
    told = command("instance", "migrate", "--home", tmp_path / ".jobnb").stdout
    assert "has the tables of this version" in told


def test_a_history_of_an_earlier_version_is_migrated(shop, command, tmp_path):
    command("job", "execute", shop, "-j", "daily", "-c", ROWS % 3)
    command("run", "list", shop)  # it closes the history that this process has open
    with closing(sqlite3.connect(tmp_path / ".jobnb" / "history.db")) as database, database:
        database.execute("UPDATE kvs SET value = '2' WHERE key = 'jobnb/schema_version'")
    told = command("instance", "migrate", "-f", shop).stdout
    assert re.search(r"was brought from version 2 to \d+$", told)
    assert "has the tables of this version" in command("instance", "migrate", "-f", shop).stdout
    with closing(sqlite3.connect(tmp_path / ".jobnb" / "history.db")) as database, database:
        database.execute("UPDATE kvs SET value = '99' WHERE key = 'jobnb/schema_version'")
    assert "a newer jobnb" in command("instance", "migrate", "-f", shop, code=2).stderr


# --- definitions ----------------------------------------------------------------------


def test_definitions_are_validated_all_at_once(shop, printed, command):
    found = printed("definitions", "validate", shop)
    assert (found["valid"], found["jobs"], found["assets"]) == (True, 2, 2)
    assert "is valid: 2 assets, 2 jobs" in command("definitions", "validate", shop).stdout
    shop.write_text(
        "from jobnb import op, job, Definitions\n"
        "@op(required_resource_keys={'lake'})\ndef one(): ...\n"
        "@op(required_resource_keys={'sea'})\ndef two(): ...\n"
        "@job\ndef first(): one()\n@job\ndef second(): two()\n"
    )
    found = printed("definitions", "validate", shop, code=1)
    assert not found["valid"]
    told = " ".join(found["problems"])
    assert "'lake'" in told
    assert "'sea'" in told
    assert "first" in command("definitions", "validate", shop, code=1).stderr
    shop.write_text("\nnothing\n")
    told = command("definitions", "validate", shop, code=1).stderr
    assert told.startswith(f"jobnb: {shop}, line 2 raised NameError")


def test_a_lazy_group_knows_each_command_by_its_short_help():
    short = {names: told for names, (_, told) in ALL.items() if told}
    assert all(len(told) <= 60 and told.endswith(".") for told in short.values())
    assert isinstance(cli, LazyGroup)
