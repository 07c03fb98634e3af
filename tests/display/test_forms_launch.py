"""What a launchpad holds: the right config asked for, nothing lost, everything told."""

from __future__ import annotations

import pytest
from pydantic import Field as PydanticField

from jobnb import (
    Config,
    ConfigurableResource,
    DailyPartitionsDefinition,
    Definitions,
    Field,
    Instance,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidSubsetError,
    JobnbError,
    MultiPartitionsDefinition,
    RunNotFoundError,
    Session,
    StaticPartitionsDefinition,
    asset,
    config_mapping,
    dynamic_partitioned_config,
    graph,
    job,
    multiprocess_executor,
    op,
    static_partitioned_config,
    thread_executor,
)
from jobnb.display.launch_form import LaunchForm
from jobnb.display.launch_presets import (
    delete_preset,
    earlier_runs,
    load_preset,
    load_run,
    preset_names,
    save_preset,
)
from jobnb.display.launch_schema import selected, suggestions
from jobnb.display.launch_view import launch_view
from jobnb.display.widgets.launchpad import Launchpad
from jobnb.display.yaml_text import LaunchText


def run(job, form, instance):
    """What a launch of the form gives, in this thread."""
    return Session().execute_job(job, instance=instance, **form.parameters())


class Load(Config):
    year: int
    origins: list[str] = PydanticField(["JFK"])


class Store(ConfigurableResource):
    url: str = "file:x"


@op
def load(config: Load, store: Store):
    return config.year


@op(config_schema={"factor": Field(int, default_value=2, description="How much.")})
def scale(context, n):
    return n * context.op_config["factor"]


@graph
def flow():
    scale(load())


daily = flow.to_job(name="daily", resource_defs={"store": Store()}, tags={"team": "x"})
YEAR = {"ops": {"load": {"config": {"year": 2013}}}}


def told(form):
    return [(note.get("path") or note.get("field"), note["message"]) for note in form.problems]


def labels(rows, depth=0):
    return {each["label"]: labels(each.get("rows", [])) for each in rows}


def test_it_asks_for_what_the_selected_steps_need():
    form = LaunchForm(daily)
    assert {"load", "scale"} == set(labels(form.rows.layout)["ops"])
    assert told(form) == [("ops > load > config > year", "is required.")]
    form.set_config(YEAR)
    form.select("load")
    assert set(labels(form.rows.layout)["ops"]) == {"load"}
    assert form.steps == ("load",)
    assert form.parameters() == {"config": YEAR, "op_selection": ["load"]}
    form.select("loda")
    assert told(form)[0][0] == "selection"
    assert "load" in told(form)[0][1]
    assert form.config == YEAR
    form.select("")
    assert form.problems == []


def test_an_input_that_no_selected_step_feeds_is_asked_for():
    @op
    def total(n: int):
        return n

    @job
    def chain():
        total(scale(total.alias("first")()))

    form = LaunchForm(chain, selection="total")
    assert "n" in str(labels(form.rows.layout)["ops"]["total"])
    assert form.problems
    form.set_yaml("ops: {total: {inputs: {n: 5}}}")
    assert form.problems == []


def test_resources_are_shown_with_what_the_code_says():
    form = LaunchForm(daily)
    assert form.rows.values["resources/store/config/url"] == {"given": False, "v": "file:x"}
    form.set_config(YEAR)
    form.edit("resources/store/config/url", "set", "file:y")
    assert form.config["resources"] == {"store": {"config": {"url": "file:y"}}}
    assert form.problems == []
    form.edit("resources/store/config/url", "unset")
    assert form.config == YEAR


def test_both_faces_follow_each_other_and_a_typo_loses_nothing():
    form = LaunchForm(daily)
    form.edit("ops/load/config/year", "set", "2013")
    assert form.text.text == "ops:\n  load:\n    config:\n      year: 2013\n"
    text = "# mine\nops: {load: {config: {year: 2014}}}"
    form.set_yaml(text)
    assert form.rows.values["ops/load/config/year"]["v"] == "2014"
    assert form.text.text == text
    form.set_yaml("ops: {load: [")
    assert form.text.problem
    assert form.rows.values["ops/load/config/year"]["v"] == "2014"
    form.edit("ops/load/config/year", "set", "2015")
    assert form.text.text == "ops: {load: ["
    assert "2015" in LaunchText.plain(form.config)
    with pytest.raises(InvalidConfigError, match="cannot be read"):
        form.parameters()
    form.discard_yaml()
    assert "2015" in form.text.text
    assert form.problems == []


@pytest.mark.parametrize("text", ["5", "- a", "ops", "a: &x {b: *x}", "!!python/name:os.system x"])
def test_yaml_that_is_no_config_is_refused_and_kept(text):
    form = LaunchForm(daily)
    form.set_config(YEAR)
    form.set_yaml(text)
    assert form.text.text == text
    assert form.problems[0]["field"] == "yaml"
    assert form.config == YEAR


COMMENTED = """\
# mine
ops:
  load:
    config: {year: 2013}   # the last one
    # a thought
"""


def test_what_was_written_into_the_yaml_stays_while_the_form_is_edited():
    form = LaunchForm(daily)
    form.set_yaml(COMMENTED)
    assert form.text.text == COMMENTED
    form.edit("ops/load/config/year", "set", "2014")
    assert form.text.text == COMMENTED.replace("2013", "2014")
    form.edit("ops/scale/config/factor", "set", "3")
    assert form.text.text.startswith(COMMENTED.replace("2013", "2014").rpartition("    #")[0])
    assert "# a thought" in form.text.text
    assert form.config["ops"]["scale"] == {"config": {"factor": 3}}
    form.select("load")
    form.remove_extra()
    assert "factor" not in form.text.text
    assert form.text.text.count("#") == 3
    form.reset()
    assert form.text.text == ""


def test_it_is_told_where_comments_cannot_stay():
    form = LaunchForm(daily)
    form.set_yaml("ops: &all {load: {config: {year: 1}}} # mine\nresources: {store: *all}\n")
    form.edit("ops/load/config/year", "set", "2")
    assert "mine" not in form.text.text
    assert form.text.note == "The text was written again; its comments could not be kept."
    form.edit("ops/load/config/year", "set", "3")
    assert form.text.note == ""


def test_a_file_is_not_read_because_its_name_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ops").write_text("ops: {load: {config: {year: 1}}}")
    form = LaunchForm(daily)
    form.set_yaml("ops")
    assert form.config == {}
    assert form.text.problem


def test_scaffold_extra_and_reset():
    form = LaunchForm(daily)
    form.scaffold()
    assert form.config["ops"]["load"]["config"] == {"year": 0, "origins": ["JFK"]}
    assert form.config["ops"]["scale"]["config"] == {"factor": 2}
    assert form.problems == []
    form.set_yaml("ops: {load: {config: {year: 1, yeer: 2}}, nobody: {config: {}}}\nfoo: 1")
    assert form.has_extra
    assert any("Did you mean 'year'?" in message for _, message in told(form))
    form.remove_extra()
    assert form.config == {"ops": {"load": {"config": {"year": 1}}}}
    assert not form.has_extra
    form.reset()
    assert form.config == {}


def test_the_jobs_own_config_is_where_it_starts():
    form = LaunchForm(flow.to_job(config=YEAR, resource_defs={"store": Store()}))
    assert form.config == YEAR
    form.edit("ops/load/config/year", "set", "1")
    form.reset()
    assert form.config == YEAR


@config_mapping(config_schema={"simple": Field(int, description="The year.")})
def simple(val):
    return {"ops": {"load": {"config": {"year": val["simple"]}}}}


def test_a_config_mapping_shows_only_its_outside():
    mapped = flow.to_job(config=simple, resource_defs={"store": Store()})
    form = LaunchForm(mapped)
    assert labels(form.rows.layout) == {"config": {"simple": {}}}
    assert told(form) == [("simple", "is required.")]
    form.edit("config/simple", "set", "2013")
    assert form.config == {"simple": 2013}
    assert form.text.text == "simple: 2013\n"
    result = run(mapped, form, Instance.ephemeral())
    assert result.output_for_node("load") == 2013


@pytest.mark.parametrize("outer", [int, [int], Field(str), Field(int, default_value=7)])
def test_a_config_mapping_that_takes_no_names_says_so(outer):
    @config_mapping(config_schema=outer)
    def bare(value):
        return {"ops": {"load": {"config": {"year": 1}}}}

    @job(config=bare, resource_defs={"store": Store()})
    def mapped():
        load()

    form = LaunchForm(mapped)
    assert form.rows.layout == []
    if isinstance(outer, Field) and not outer.is_required:
        assert form.problems == []
        assert form.parameters() == {"config": {}}
    else:
        assert "Give it a schema with a name" in form.problems[0]["message"]
    form.scaffold()
    form.set_yaml("a: 1")
    assert form.config == {"a": 1}
    assert form.problems
    form.remove_extra()
    assert form.config == {}


@pytest.mark.parametrize("value", [5, "x"])
def test_a_mapping_of_a_graph_may_take_a_bare_value(value):
    @graph(config=config_mapping(config_schema=type(value))(lambda _: {}))
    def inside():
        scale.alias("doubled")(load())

    @job(resource_defs={"store": Store()})
    def outside():
        inside()

    form = LaunchForm(outside)
    form.edit("ops/inside/config", "set", value)
    assert form.config["ops"] == {"inside": {"config": value}}
    assert not [note for note in form.problems if note.get("row") == "ops/inside/config"]


def test_a_graph_with_a_mapping_inside_shows_its_outside_too():
    @config_mapping(config_schema={"simple": int})
    def within(val):
        return {"load": {"config": {"year": val["simple"]}}}

    @graph(config=within)
    def inner():
        scale(load())

    @job(resource_defs={"store": Store()})
    def outer():
        inner()

    form = LaunchForm(outer)
    assert labels(form.rows.layout)["ops"] == {"inner": {"simple": {}}}
    form.edit("ops/inner/config/simple", "set", "5")
    assert run(outer, form, Instance.ephemeral()).output_for_node("inner.load") == 5


@static_partitioned_config(
    partition_keys=["1999", "2000"], tags_for_partition_key_fn=lambda key: {"y": key}
)
def by_year(key):
    return {"ops": {"load": {"config": {"year": int(key)}}}}


def test_a_partition_fills_the_config_of_a_partitioned_config():
    form = LaunchForm(flow.to_job(config=by_year, resource_defs={"store": Store()}))
    assert form.partition_keys() == ["2000", "1999"]
    assert form.partition_keys("99") == ["1999"]
    form.set_partition("2000")
    assert form.config == {"ops": {"load": {"config": {"year": 2000}}}}
    assert form.own_tags == {"y": "2000", "dagster/partition": "2000"}
    assert form.parameters()["partition"] == "2000"
    form.set_partition("2001")
    assert told(form) == [("partition", "There is no partition '2001'. Did you mean '2000'?")]
    assert form.config["ops"]["load"]["config"]["year"] == 2000
    form.set_partition("")
    assert form.partition is None


DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")
LETTERS = StaticPartitionsDefinition(["a", "b", "c"])


@asset(partitions_def=DAYS)
def flights(context):
    return dict.fromkeys(context.partition_keys, 1)


@asset(partitions_def=LETTERS)
def letters(): ...


@asset
def planes(): ...


def pad_of(*assets):
    return LaunchForm(Definitions(assets=assets).get_implicit_global_asset_job_def())


def test_assets_with_partitions_say_at_the_field_that_one_must_be_chosen():
    form = pad_of(flights, planes)
    ((field, message),) = told(form)
    assert field == "partition"
    assert message == (
        "The asset 'flights' has 365 partitions, '2013-01-01' to '2013-12-31', and the run is "
        "for none of them. Choose one; or several for this one run, as first...last or with "
        "commas between."
    )
    with pytest.raises(InvalidConfigError, match="partition: The asset 'flights' has 365"):
        form.parameters()
    form.set_partition("2013-01-02")
    assert told(form) == []
    assert form.parameters()["partition"] == "2013-01-02"


def test_a_part_that_has_no_partitions_needs_none():
    form = pad_of(flights, planes)
    form.select("planes")
    assert told(form) == []
    assert form.partition_keys() is None
    form.set_partition("2013-01-02")
    assert told(form) == [("partition", "What runs has no partitions: leave it empty.")]


@pytest.mark.parametrize(
    ("text", "asked", "count"),
    [
        ("2013-01-02...2013-01-04", "2013-01-02...2013-01-04", 3),
        ("2013-01-02, 2013-02-01", ["2013-01-02", "2013-02-01"], 2),
        ("2013-01-02 ... 2013-01-03,2013-02-01", ["2013-01-02 ... 2013-01-03", "2013-02-01"], 3),
    ],
)
def test_several_partitions_can_be_written_for_one_run(text, asked, count):
    form = pad_of(flights)
    form.set_partition(text)
    assert told(form) == []
    assert form.own_tags == {}
    parameters = form.parameters()
    assert parameters["partition"] == asked
    result = run(form.job, form, Instance.ephemeral())
    assert len(result.asset_materializations_for_node("flights")) == count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2013-01-02...2014-01-01", "'2014-01-01'"),
        ("2013-01-02...", "one end only"),
        ("2013-01-04...2013-01-02", "runs backwards"),
        ("2013-01-02, zz", "'zz'"),
        (",", "Choose one"),
    ],
)
def test_what_is_written_wrongly_is_said_at_the_field(text, words):
    form = pad_of(flights)
    form.set_partition(text)
    ((field, message),) = told(form)
    assert field == "partition"
    assert words in message


def test_assets_that_share_no_partitions_are_told_apart_until_some_are_selected():
    form = pad_of(flights, letters)
    ((field, message),) = told(form)
    assert field == "selection"
    assert "The asset 'letters' has 3 partitions, 'a' to 'c'." in message
    assert "Select assets that share theirs" in message
    form.select("letters")
    assert form.partition_keys() == ["c", "b", "a"]
    form.set_partition("b")
    assert told(form) == []


@pytest.mark.parametrize(
    "text", ["2013-01-02", "2013-01-02...2013-01-04", "2013-01-02...2013-01-03, 2013-02-01"]
)
def test_the_partitions_of_an_earlier_run_are_filled_in_as_they_were_typed(text):
    form, instance = pad_of(flights), Instance.ephemeral()
    form.set_partition(text)
    launched = run(form.job, form, instance)
    assert [shown.endswith(f", {text}") for _, shown in earlier_runs(form, instance)] == [True]
    form.set_partition("")
    load_run(form, instance, launched.run_id)
    assert form.partition == text
    assert told(form) == []


def test_a_config_for_each_partition_goes_with_one_at_a_time():
    form = LaunchForm(flow.to_job(config=by_year, resource_defs={"store": Store()}))
    form.set_partition("1999, 2000")
    assert any("a config for each partition" in message for _, message in told(form))


def test_dynamic_partitions_are_those_of_the_instance():
    @dynamic_partitioned_config(partition_fn=lambda _now=None: ["a", "b"])
    def by_letter(key):
        return YEAR

    form = LaunchForm(flow.to_job(config=by_letter, resource_defs={"store": Store()}))
    assert form.partition_keys() == ["b", "a"]


@asset
def orders():
    return 1


@asset
def revenue(orders, config: Load):
    return orders


def test_assets_are_selected_by_their_syntax():
    whole = Definitions(assets=[orders, revenue]).job_of_assets("all", None)
    form = LaunchForm(whole, selection="orders")
    assert form.steps == ("orders",)
    assert form.problems == []
    form.select("*revenue")
    assert told(form) == [("ops > revenue > config > year", "is required.")]
    assert [key.to_user_string() for key in selected(whole, "*revenue")["asset_selection"]] == [
        "orders", "revenue",
    ]  # fmt: skip
    with pytest.raises(InvalidSubsetError):
        selected(whole, "nobody")


def test_a_job_defined_anew_keeps_what_was_typed():
    form = LaunchForm(daily)
    form.set_config(YEAR)

    @op(config_schema={"year": int, "month": int})
    def load2(context): ...

    @job
    def daily2():
        load2.alias("load")()

    form.set_job(daily2)
    assert form.config == YEAR
    assert told(form) == [("ops > load > config > month", "is required.")]


def test_a_draft_blocks_the_launch_until_it_can_be_read():
    @op(config_schema={"free": Field(dict, is_required=False)})
    def loose(context): ...

    @job
    def run_it():
        loose()

    form = LaunchForm(run_it)
    form.edit("ops/loose/config/free", "add")
    form.edit("ops/loose/config/free/key1", "set", "[")
    assert form.drafts == {"ops/loose/config/free/key1": "["}
    assert form.problems[0]["row"] == "ops/loose/config/free/key1"
    with pytest.raises(InvalidConfigError):
        form.parameters()
    form.edit("ops/loose/config/free/key1", "set", "[1]")
    assert (form.drafts, form.problems) == ({}, [])


# --- presets and runs -------------------------------------------------------


def test_presets_come_back_as_they_were_saved():
    instance = Instance.ephemeral()
    form = LaunchForm(daily, instance)
    form.set_config(YEAR)
    form.select("load")
    form.set_tags({"why": "because", " ": "x"})
    save_preset(form, instance, " mine ")
    other = LaunchForm(daily, instance)
    assert preset_names(other, instance) == ["mine"]
    load_preset(other, instance, "mine")
    assert (other.config, other.selection, other.tags) == (YEAR, "load", {"why": "because"})
    with pytest.raises(JobnbError, match="no preset 'mein'. Did you mean 'mine'"):
        load_preset(other, instance, "mein")
    delete_preset(other, instance, "mine")
    assert preset_names(other, instance) == []
    with pytest.raises(JobnbError, match="needs a name"):
        save_preset(form, instance, " ")


def test_secrets_are_in_no_preset_and_no_text():
    from pydantic import SecretStr

    class Login(Config):
        password: SecretStr

    @op
    def enter(config: Login):
        return config.password.get_secret_value()

    @job
    def door():
        enter()

    instance = Instance.ephemeral()
    form = LaunchForm(door, instance)
    form.set_yaml("ops: {enter: {config: {password: hunter22}}}")
    save_preset(form, instance, "mine")
    everything = repr(
        (form.text.text, form.config, form.rows.layout, form.rows.values, form.problems)
    )
    view = launch_view(form, "door")
    assert "hunter22" not in everything + repr(instance.get_presets("door")) + view.html + view.text
    assert run(door, form, Instance.ephemeral()).output_for_node("enter") == "hunter22"


def test_the_form_is_filled_as_in_a_run():
    instance = Instance.ephemeral()
    run = daily.execute_in_process(
        YEAR, instance=instance, op_selection=["load"], tags={"why": "because"}
    )
    form = LaunchForm(daily, instance)
    [(run_id, shown)] = earlier_runs(form, instance)
    assert run_id == run.run_id
    assert "succeeded" in shown
    load_run(form, instance, run_id[:8])
    assert (form.config, form.selection, form.tags) == (YEAR, "load", {"why": "because"})
    with pytest.raises(RunNotFoundError, match="no run 'nothing'"):
        load_run(form, instance, "nothing")


# --- the static twin --------------------------------------------------------


def test_the_static_twin_tells_the_config_and_what_is_wrong(hostile):
    form = LaunchForm(daily)
    form.set_config({"ops": {"load": {"config": {"origins": [hostile]}}}})
    view = launch_view(form, "daily")
    assert "year: (required)" in view.text
    assert form.problems
    assert "How much." in view.html
    assert "<script" not in view.html.lower()
    assert "<img" not in view.html.lower()


def test_a_selection_that_is_typed_gets_suggestions():
    def words(made, text):
        return suggestions(made, text).words

    assert words(flow.to_job(), "+lo") == ["load"]
    assert words(flow.to_job(), "load an") == ["and "]
    both = Definitions(assets=[orders, revenue]).get_implicit_global_asset_job_def()
    assert words(both, "orders or not key:rev") == ["revenue"]
    assert words(both, "group:") == ["default"]


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("ops: {enter: {config: {password: 48151623}}}", ""),
        ("ops: {enter: {config: {PASWORD: 48151623}}}", ""),
        ("ops: {enter: {config: {password: [48151623]}}}", ""),
        ("ops: {enter: {config: 48151623}}", ""),
        ("opps: {enter: {config: {password: 48151623}}}", ""),
        ("ops: {enter: {config: {password: 48151623}}}", "other"),
    ],
)
def test_a_mistyped_secret_is_nowhere_in_a_launchpad(text, selection):
    from pydantic import SecretStr

    class Login(Config):
        password: SecretStr

    @op
    def enter(config: Login):
        return config.password.get_secret_value()

    @op
    def other():
        return 1

    @job
    def door():
        enter()
        other()

    form = LaunchForm(door, Instance.ephemeral())
    form.select(selection)
    form.set_yaml(text)
    everything = (form.text.text, form.config, form.rows.layout, form.rows.values, form.problems)
    view = launch_view(form, "door")
    assert "48151623" not in repr((everything, view.text, str(view.html)))


def test_a_union_given_as_a_selector_is_read_shown_and_edited():
    from typing import Literal

    from pydantic import Field as PydanticField

    class Cat(Config):
        kind: Literal["cat"] = "cat"
        meows: int = 1

    class Dog(Config):
        kind: Literal["dog"] = "dog"
        barks: int

    class Pet(Config):
        pet: Cat | Dog = PydanticField(discriminator="kind")

    @op
    def feed(config: Pet):
        return config.pet

    @job
    def zoo():
        feed()

    form = LaunchForm(zoo, Instance.ephemeral())
    form.set_yaml(
        "ops:\n  feed:\n    config:\n      pet:\n        dog:  # woof\n          barks: 3\n"
    )
    at = "ops/feed/config/pet"
    assert form.problems == []
    assert form.rows.values[f"{at}/dog/barks"] == {"given": True, "v": "3"}
    form.edit(f"{at}/dog/barks", "set", "7")
    assert form.config == {"ops": {"feed": {"config": {"pet": {"dog": {"barks": 7}}}}}}
    assert "dog:  # woof" in form.text.text
    form.edit(f"{at}/dog/barks", "set", "x")
    assert [(note["path"], note["row"]) for note in form.problems] == [
        ("ops > feed > config > pet > dog > barks", f"{at}/dog/barks")
    ]
    form.edit(at, "choose", 0)
    assert form.config["ops"]["feed"]["config"]["pet"] == {"kind": "cat"}
    assert form.problems == []
    form.edit(at, "choose", 1)
    form.edit(f"{at}/dog/barks", "set", "9")
    form.scaffold()
    assert form.config["ops"]["feed"]["config"]["pet"] == {"dog": {"barks": 9}}
    form.set_yaml("ops: {feed: {config: {pet: {dog: }}}}")
    assert [note["row"] for note in form.problems] == [f"{at}/dog/barks"]
    form.edit(f"{at}/dog/barks", "set", "4")
    assert form.parameters()["config"]["ops"]["feed"]["config"] == {"pet": {"dog": {"barks": 4}}}


def test_few_partitions_are_chosen_from_a_list_and_many_are_typed():
    few = StaticPartitionsDefinition(["b", "a"])
    many = StaticPartitionsDefinition([f"p{n:03}" for n in range(51)])

    @job(partitions_def=few)
    def of_few(): ...

    @job(partitions_def=many)
    def of_many(): ...

    assert LaunchForm(of_few).partition_choices() == {
        "keys": ["b", "a"],
        "listed": True,
        "parts": [],
    }
    choices = LaunchForm(of_many).partition_choices()
    assert choices is not None
    assert (choices["listed"], choices["keys"][0]) == (False, "p050")


def test_each_dimension_of_partitions_is_a_choice_of_its_own():
    days = DailyPartitionsDefinition("2013-01-01", end_date="2013-01-04")
    both = MultiPartitionsDefinition(
        {"region": StaticPartitionsDefinition(["eu", "us"]), "day": days}
    )

    @job(partitions_def=both)
    def work(): ...

    form = LaunchForm(work)
    choices = form.partition_choices()
    assert choices is not None
    assert choices["parts"] == [
        ("day", ["2013-01-03", "2013-01-02", "2013-01-01"]),
        ("region", ["eu", "us"]),
    ]
    form.set_partition("|".join(keys[0] for _, keys in choices["parts"]))
    assert form.problems == []


def test_a_job_without_partitions_has_none_to_choose():
    @job
    def plain(): ...

    assert LaunchForm(plain).partition_choices() is None


# --- how the steps run -------------------------------------------------------


def test_another_executor_is_chosen_asks_for_its_config_and_is_launched_with():
    form = LaunchForm(daily, Instance.ephemeral())
    assert (form.executor, form.own_executor) == ("", "in_process")
    form.set_config({**YEAR, "execution": {"config": {"max_concurrent": 2}}})
    assert [note["path"] for note in form.problems] == ["execution > config > max_concurrent"]
    form.set_executor("threads")
    assert form.problems == []
    assert form.parameters()["executor"] == "threads"
    run = daily.launch(instance=form.instance, **form.parameters()).wait(60)
    assert run.status == "SUCCESS"
    with pytest.raises(InvalidDefinitionError, match="Did you mean 'threads'"):
        form.set_executor("thread")
    assert form.executor == "threads"


def test_a_preset_keeps_the_executor():
    instance = Instance.ephemeral()
    form = LaunchForm(daily, instance)
    form.set_executor("threads")
    save_preset(form, instance, "fast")
    form.set_executor("")
    assert form.executor == ""
    load_preset(form, instance, "fast")
    assert form.executor == "threads"


@pytest.mark.parametrize("wanted", ["threads", multiprocess_executor, None])
def test_as_in_an_earlier_run_takes_its_executor(wanted):
    instance = Instance.ephemeral()
    run = daily.launch(config=YEAR, instance=instance, executor=wanted).wait(60)
    form = LaunchForm(daily, instance)
    form.set_executor("async")
    load_run(form, instance, run.run_id)
    assert form.executor == {"threads": "threads", None: ""}.get(wanted, "multiprocess")
    assert form.problems == []


def test_as_in_an_earlier_run_takes_the_config_of_its_executor():
    instance = Instance.ephemeral()
    few = thread_executor.configured({"max_concurrent": 3})
    run = daily.launch(config=YEAR, instance=instance, executor=few).wait(60)
    form = LaunchForm(daily, instance)
    load_run(form, instance, run.run_id)
    assert form.executor == "threads"
    assert form.config == {**YEAR, "execution": {"config": {"max_concurrent": 3}}}
    assert form.problems == []
    again = daily.launch(instance=instance, **form.parameters()).wait(60)
    assert again.plan.execution_config["max_concurrent"] == 3


def test_as_in_an_earlier_run_takes_the_tags_that_were_asked_for():
    instance = Instance.ephemeral()
    asked = {"dagster/priority": "3", "dagster/max_runtime": "60", "team": "data"}
    run = daily.launch(config=YEAR, instance=instance, tags=asked).wait(60)
    form = LaunchForm(daily, instance)
    load_run(form, instance, run.run_id)
    assert form.tags == asked
    again = Session().add(daily).rerun(run.run_id, instance=instance).wait(60)
    load_run(form, instance, again.run_id)
    assert form.tags == asked


def test_a_launchpad_offers_the_executors_and_says_which_is_the_jobs_own():
    pad = Launchpad(daily, Instance.ephemeral())
    names = [name for name, *_ in pad.form.head["executors"]]
    assert names[:4] == ["", "threads", "async", "multiprocess"]
    assert pad.form.head["executors"][0][1] == "in process (the job's own)"
    pad.form.answer("executor", text="threads")
    assert (pad.executor, pad.form.around["executor"]) == ("threads", "threads")
    assert "executor" in launch_view(pad.state, "daily").text
    pad.form.answer("executor", text="no such")
    assert pad.form.status["bad"]
    assert pad.executor == "threads"
