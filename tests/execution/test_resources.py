"""Resources: in which order they are set up, once each, and what may be one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from unittest import mock

import pytest
from pydantic import Field as PydanticField
from pydantic import PrivateAttr

from jobnb import (
    Config,
    ConfigurableResource,
    EnvVar,
    Field,
    InvalidConfigError,
    ResourceDefinition,
    ResourceDependency,
    ResourceFunctionError,
    ResourceParam,
    UnknownResourceError,
    asset,
    build_resources,
    graph,
    job,
    make_values_resource,
    materialize,
    op,
    resource,
)


class Database(ConfigurableResource):
    """Notes what happens to it."""

    url: str
    _open: str | None = PrivateAttr(default=None)

    def setup_for_execution(self, context):
        self._open = f"open {self.url}"
        HAPPENED.append(f"+{self.url}")

    def teardown_after_execution(self, context):
        HAPPENED.append(f"-{self.url}")

    def state(self):
        return self._open


HAPPENED: list[str] = []


@pytest.fixture(autouse=True)
def happened():
    HAPPENED.clear()
    return HAPPENED


def job_of(fn, **resources):
    made = op(fn)

    @job(resource_defs=resources)
    def single():
        made()

    return single


def run(fn, run_config=None, **resources):
    result = job_of(fn, **resources).execute_in_process(run_config=run_config)
    return result.output_for_node(fn.__name__)


def noting(name, *needs):
    @resource(required_resource_keys=set(needs))
    def made(_context):
        HAPPENED.append(f"+{name}")
        yield name
        HAPPENED.append(f"-{name}")

    return made


# --- order -------------------------------------------------------------------


def test_needed_ones_come_first_and_close_last_and_unneeded_ones_never():
    @op(required_resource_keys={"a", "c"})
    def uses(context):
        return context.resources.a, context.resources.c

    @job(
        resource_defs={
            "a": noting("a", "b"),
            "b": noting("b", "c"),
            "c": noting("c"),
            "unused": noting("unused"),
        }
    )
    def single():
        uses()

    assert single.execute_in_process().output_for_node("uses") == ("a", "c")
    assert HAPPENED == ["+c", "+b", "+a", "-a", "-b", "-c"]


def test_a_failing_step_still_closes_them():
    def fails(db: Database):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(fails, db=Database(url="x"))
    assert HAPPENED == ["+x", "-x"]


def test_those_that_need_nothing_come_first_by_their_keys_in_every_process(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        """
from jobnb import *

def noting(name, *needs):
    @resource(required_resource_keys=set(needs))
    def made(_context):
        print("+" + name, end=" ")
        yield name
    return made

@op(required_resource_keys={"m", "b", "c", "a", "z", "d"})
def uses(context):
    print(*context.resources._asdict(), end=" ")

@job(resource_defs={
    "a": noting("a", "z"), "b": noting("b"), "z": noting("z"), "m": noting("m", "a"),
    "c": noting("c"), "d": noting("d", "b"),
})
def single():
    uses()

single.execute_in_process()

@multi_asset(outs={each: AssetOut(is_required=False) for each in "wxyz"}, can_subset=True)
def several(context):
    for name in context.selected_output_names:
        yield Output(1, name)

@asset(non_argument_deps={"w", "z", "x", "y"})
def after(): ...

print([e.asset for e in materialize([several]).get_asset_materialization_events()], end=" ")
print(list(after.keys_by_input_name), list(several.group_names_by_key), end=" ")
try:
    materialize([several], selection="none")
except JobnbError as error:
    print(error)
"""
    )
    told = set()
    for seed in ("1", "2", "3"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(
            [sys.executable, program], env=env, capture_output=True, text=True, check=True
        )
        told.add(ended.stdout)
    assert len(told) == 1
    assert told.pop().startswith("+b +c +z +a +d +m b c io_manager z a d m ")


def test_each_run_sets_them_up_anew():
    def uses(db: Database):
        return db.state()

    single = job_of(uses, db=Database(url="x"))
    for _ in range(2):
        assert single.execute_in_process().output_for_node("uses") == "open x"
    assert HAPPENED == ["+x", "-x"] * 2


# --- nested ------------------------------------------------------------------


class Api(ConfigurableResource):
    db: Database
    limit: int = 3

    def setup_for_execution(self, context):
        HAPPENED.append(f"+api on {self.db.state()}")

    def teardown_after_execution(self, context):
        HAPPENED.append("-api")


class Page(ConfigurableResource):
    api: Api
    db: Database


@pytest.mark.parametrize("top_first", [True, False])
def test_a_nested_resource_that_is_also_on_top_is_set_up_once(top_first):
    db = Database(url="x")
    resources = {"db": db, "api": Api(db=db)} if top_first else {"api": Api(db=db), "db": db}

    def uses(api: Api, db: Database):
        return api.db is db

    assert run(uses, **resources) is True
    assert HAPPENED == ["+x", "+api on open x", "-api", "-x"]


def test_a_nested_resource_that_two_others_hold_is_set_up_once():
    db = Database(url="x")
    api = Api(db=db)

    def uses(page: Page, api: Api):
        return page.db is api.db is page.api.db

    assert run(uses, page=Page(api=api, db=db), api=api) is True
    assert HAPPENED.count("+x") == HAPPENED.count("-x") == 1
    assert HAPPENED.count("-api") == 1


def test_two_equal_resources_are_two():
    def uses(api: Api, db: Database):
        return api.db is db

    assert run(uses, api=Api(db=Database(url="x")), db=Database(url="x")) is False
    assert HAPPENED.count("+x") == 2


class Client(ConfigurableResource):
    word: ResourceDependency[str]


def test_a_resource_dependency_takes_any_resource():
    @resource
    def word():
        yield "from a function"
        HAPPENED.append("-word")

    def uses(client: Client):
        return client.word

    assert run(uses, client=Client(word="plain")) == "plain"
    assert run(uses, client=Client(word=word)) == "from a function"
    assert HAPPENED == ["-word"]


# --- configuration -----------------------------------------------------------


def test_config_at_launch():
    def uses(db: Database):
        return db.url

    given = {"resources": {"db": {"config": {"url": "given"}}}}
    assert run(uses, given, db=Database.configure_at_launch()) == "given"
    with pytest.raises(InvalidConfigError, match="url"):
        run(uses, db=Database.configure_at_launch())


def test_environment_variables_are_read_when_it_is_set_up(monkeypatch):
    def uses(db: Database):
        return db.url

    single = job_of(uses, db=Database(url=EnvVar("JOBNB_TEST_URL")))
    monkeypatch.setenv("JOBNB_TEST_URL", "later")
    assert single.execute_in_process().output_for_node("uses") == "later"
    monkeypatch.delenv("JOBNB_TEST_URL")
    with pytest.raises(Exception, match="JOBNB_TEST_URL"):
        single.execute_in_process()


class Login(ConfigurableResource):
    user: str
    password: str


class Store(ConfigurableResource):
    login: Login


@pytest.mark.parametrize("raise_on_error", [True, False])
def test_variables_that_are_not_set_are_told_before_anything_runs(monkeypatch, raise_on_error):
    def uses(login: Login, store: Store):
        return login.user, store.login.user

    names = ("J_USER", "J_PASSWORD", "J_INNER")
    login = Login(user=EnvVar("J_USER"), password=EnvVar("J_PASSWORD"))
    store = Store(login=Login(user=EnvVar("J_INNER"), password="p"))
    single = job_of(uses, login=login, store=store)
    for _ in range(2):  # The plan of a job is kept from the first run on.
        for name in names:
            monkeypatch.setenv(name, name.lower())
        assert single.execute_in_process().output_for_node("uses") == ("j_user", "j_inner")
        for name in names:
            monkeypatch.delenv(name)
        with pytest.raises(InvalidConfigError) as caught:
            single.execute_in_process(raise_on_error=raise_on_error)
        assert [(*each.path, each.message.split("'")[1]) for each in caught.value.problems] == [
            ("resources", "login", "config", "user", "J_USER"),
            ("resources", "login", "config", "password", "J_PASSWORD"),
            ("resources", "store", "config", "login", "user", "J_INNER"),
        ]
    given = {"login": {"config": {"user": "u", "password": "p"}}}
    given["store"] = {"config": {"login": {"user": "v", "password": "p"}}}
    result = single.execute_in_process(run_config={"resources": given})
    assert result.output_for_node("uses") == ("u", "v")


def test_functions_with_config_and_other_resources():
    @resource(
        config_schema={"x": int, "y": Field(str, default_value="d")},
        required_resource_keys={"other"},
    )
    def made(context):
        settings = context.resource_config
        return settings["x"], settings["y"], context.resources.other, context.run_id

    @op(required_resource_keys={"made"})
    def uses(context):
        return (*context.resources.made[:3], context.resources.made[3] == context.run_id)

    @job(resource_defs={"made": made, "other": ResourceDefinition.hardcoded_resource("O")})
    def single():
        uses()

    config = {"resources": {"made": {"config": {"x": 1}}}}
    assert single.execute_in_process(run_config=config).output_for_node("uses") == (
        1,
        "d",
        "O",
        True,
    )
    ready = made.configured({"x": 4})
    result = single.execute_in_process(resources={"made": ready})
    assert result.output_for_node("uses")[0] == 4


# --- what may be one ---------------------------------------------------------


def test_a_function_decorated_as_a_context_manager():
    @resource
    @contextlib.contextmanager
    def made(_context):
        try:
            yield 5
        finally:
            HAPPENED.append("-made")

    def uses(made: ResourceParam[int]):
        return made

    assert run(uses, made=made) == 5
    assert HAPPENED == ["-made"]


def test_yield_for_execution_and_create_resource():
    class Both(ConfigurableResource):
        @contextlib.contextmanager
        def yield_for_execution(self, context):
            HAPPENED.append("+")
            try:
                yield self
            finally:
                HAPPENED.append("-")

        def create_resource(self, context):
            return "created"

    def uses(both: ResourceParam[str]):
        return both

    assert run(uses, both=Both()) == "created"
    assert HAPPENED == ["+", "-"]


def test_plain_objects_and_the_ready_made_kinds():
    class Plain: ...

    plain = Plain()

    @op(required_resource_keys={"plain", "text", "fake", "none", "values"})
    def uses(context):
        found = context.resources
        return (
            found.plain is plain,
            found.text,
            isinstance(found.fake, mock.MagicMock),
            found.none,
            found.values["a"],
        )

    @job(
        resource_defs={
            "plain": plain,
            "text": ResourceDefinition.string_resource(),
            "fake": ResourceDefinition.mock_resource(),
            "none": ResourceDefinition.none_resource(),
            "values": make_values_resource(a=int),
        }
    )
    def single():
        uses()

    config = {"resources": {"text": {"config": "word"}, "values": {"config": {"a": 7}}}}
    result = single.execute_in_process(run_config=config)
    assert result.output_for_node("uses") == (True, "word", True, None, 7)


def test_an_undeclared_resource_is_not_reached():
    @op(required_resource_keys={"a"})
    def uses(context):
        return context.resources.hidden

    @op(required_resource_keys={"hidden"})
    def other(): ...

    @job(resource_defs={"a": 1, "hidden": 2})
    def single():
        uses()
        other()

    with pytest.raises(UnknownResourceError, match="'hidden', which it did not ask for"):
        single.execute_in_process()


def test_resources_given_to_a_call_win():
    def uses(db: Database):
        return db.url

    made = op(uses)

    @graph
    def single():
        made()

    given = {"db": Database(url="given")}
    assert single.execute_in_process(resources=given).output_for_node("uses") == "given"
    own = single.to_job(resource_defs={"db": Database(url="own")})
    assert own.execute_in_process().output_for_node("uses") == "own"
    assert own.execute_in_process(resources=given).output_for_node("uses") == "given"


def test_assets_take_resources_too():
    @asset
    def orders(db: Database):
        return db.state()

    result = materialize([orders], resources={"db": Database(url="x")})
    assert result.asset_value("orders") == "open x"


def test_build_resources_outside_of_a_run():
    @resource(required_resource_keys={"inner"}, config_schema={"k": int})
    def outer(context):
        return context.resources.inner, context.resource_config["k"]

    db = Database(url="x")
    wanted = {"inner": noting("inner"), "outer": outer, "plain": 3, "api": Api(db=db), "db": db}
    with build_resources(wanted, resource_config={"outer": {"config": {"k": 8}}}) as found:
        assert found.outer == ("inner", 8)
        assert found.plain == 3
        assert found.api.db is found.db
    assert HAPPENED[-2:] == ["-inner", "-x"]
    assert HAPPENED.count("+x") == 1


# --- one resource, both on its own and inside of another ---------------------------


class Holder(ConfigurableResource):
    db: ResourceDependency[Database]
    name: str = "holder"


class Outermost(ConfigurableResource):
    holder: ResourceDependency[Holder]


GIVEN = {"resources": {"db": {"config": {"url": "given"}}}}


def test_a_resource_with_a_key_of_its_own_is_configured_there_alone():
    shared = Database.configure_at_launch()

    def uses(db: Database, holder: Holder):
        return db.url, holder.db.url, holder.db is db

    assert run(uses, GIVEN, db=shared, holder=Holder(db=shared)) == ("given", "given", True)
    assert HAPPENED == ["+given", "-given"]


def test_it_is_set_up_for_its_holder_where_nothing_else_needs_it():
    shared = Database.configure_at_launch()

    def uses(outer: Outermost):
        return outer.holder.db.url, outer.holder.db.state(), outer.holder.name

    holder = Holder.configure_at_launch(db=shared)
    found = run(uses, GIVEN, db=shared, outer=Outermost(holder=holder))
    assert found == ("given", "open given", "holder")
    named = {"resources": {**GIVEN["resources"], "outer": {"config": {"holder": {"name": "n"}}}}}
    assert run(uses, named, db=shared, outer=Outermost(holder=holder))[2] == "n"


def test_without_a_key_of_its_own_it_is_configured_where_it_is_held():
    def uses(holder: Holder):
        return holder.db.url

    shared = Database.configure_at_launch()
    given = {"resources": {"holder": {"config": {"db": {"url": "inside"}}}}}
    assert run(uses, given, holder=Holder(db=shared)) == "inside"
    with pytest.raises(InvalidConfigError, match="resources > db > config > url: is required"):
        run(uses, db=shared, holder=Holder(db=shared))


# --- what may be one --------------------------------------------------------


class Managed(contextlib.ContextDecorator):
    def __enter__(self):
        HAPPENED.append("+")
        return "entered"

    def __exit__(self, *problem):
        HAPPENED.append("-")


class Proxy:
    """Has every attribute, as clients that are made of a description have."""

    def __getattr__(self, name):
        return Proxy()

    def __call__(self, *args, **kwargs):
        return Proxy()


class Angry:
    """Has no attribute before it is connected, and says so with an error of its own."""

    def __getattr__(self, name):
        raise RuntimeError(f"not connected: {name}")


class Lines:
    """A context manager and an iterator, as an open file is."""

    gen = 1

    def __enter__(self):
        return "entered"

    def __exit__(self, *problem): ...

    def __iter__(self):
        return self

    def __next__(self):
        return "line"


class Wrapped(ConfigurableResource):
    inner: ResourceDependency[object]

    def create_resource(self, context):
        return self.inner


WAYS_TO_GIVE = {
    "as it is": lambda make: make(),
    "by a function": lambda make: ResourceDefinition(lambda _context: make()),
    "yielded": lambda make: ResourceDefinition(lambda _context: (make() for _ in range(1))),
    "held": lambda make: Wrapped(inner=make()),
    "held, by a function": lambda make: Wrapped(inner=ResourceDefinition(lambda _: make())),
}


@pytest.mark.parametrize("way", WAYS_TO_GIVE)
@pytest.mark.parametrize("kind", [mock.MagicMock, mock.Mock, Proxy, Angry, Lines])
def test_a_resource_is_taken_for_what_its_class_says_not_for_what_its_attributes_are(kind, way):
    seen = []

    def uses(client: ResourceParam[object]):
        seen.append(type(client))

    run(uses, client=WAYS_TO_GIVE[way](kind))
    with build_resources({"client": WAYS_TO_GIVE[way](kind)}) as found:
        seen.append(type(found.client))
    op(uses)(WAYS_TO_GIVE["as it is"](kind))
    assert [each.__name__ for each in seen] == [kind.__name__] * 3


def test_what_a_mock_answers_is_what_the_test_told_it_to():
    client = mock.MagicMock()
    client.get.return_value = [1, 2]

    def uses(client: ResourceParam[object]):
        return list(client.get())

    assert run(uses, client=ResourceDefinition(lambda _context: client)) == [1, 2]
    assert run(uses, client=client) == [1, 2]
    client.__enter__.assert_not_called()


@pytest.mark.parametrize("way", sorted(WAYS_TO_GIVE.keys() - {"yielded"}))
def test_a_context_manager_that_decorates_is_entered_whichever_way_it_is_given(way):
    def uses(client: ResourceParam[str]):
        return client

    assert run(uses, client=WAYS_TO_GIVE[way](Managed)) == "entered"
    assert HAPPENED == ["+", "-"]


# --- resources in lists and the like ------------------------------------------


class Listing(ConfigurableResource):
    parts: list[Database] = PydanticField(default_factory=list)
    named: dict[str, list[Database]] = PydanticField(default_factory=dict)
    one: Database | None = None
    two: tuple[Database, ...] = ()
    free: ResourceDependency[list[Database]] = PydanticField(default_factory=list)

    def each(self):
        named = (each for parts in self.named.values() for each in parts)
        return [*self.parts, *named, *filter(None, [self.one]), *self.two, *self.free]


class Options(Config):
    db: Database
    more: list[Database] = PydanticField(default_factory=list)


class WithOptions(ConfigurableResource):
    options: Options

    def each(self):
        return [self.options.db, *self.options.more]


class Listings(ConfigurableResource):
    listings: list[Listing]

    def each(self):
        return [found for listing in self.listings for found in listing.each()]


def database(url):
    return Database(url=url)


@pytest.mark.parametrize(
    "holder",
    [
        lambda: Listing(parts=[database("x"), database("y")]),
        lambda: Listing(named={"a": [database("x")], "b": [database("y")]}),
        lambda: Listing(one=database("x"), two=(database("y"),)),
        lambda: Listing(free=[database("x"), database("y")]),
        lambda: Listing.configure_at_launch(parts=[database("x"), database("y")]),
        lambda: WithOptions(options=Options(db=database("x"), more=[database("y")])),
        lambda: Listings(listings=[Listing(one=database(name)) for name in "xy"]),
    ],
)
def test_resources_in_what_a_resource_holds_are_opened_and_closed(holder):
    def uses(holder: ResourceParam[object]):
        return [each.state() for each in holder.each()]

    assert run(uses, holder=holder()) == ["open x", "open y"]
    assert HAPPENED == ["+x", "+y", "-y", "-x"]
    with build_resources({"holder": holder()}) as found:
        assert [each.state() for each in found.holder.each()] == ["open x", "open y"]
    assert HAPPENED[4:] == ["+x", "+y", "-y", "-x"]


def test_resources_in_a_list_may_come_from_the_config_of_the_run():
    def uses(holder: Listing):
        return [each.state() for each in holder.each()]

    config = {"parts": [{"url": "x"}], "named": {"k": [{"url": "y"}]}, "one": {"url": "z"}}
    given = {"resources": {"holder": {"config": config}}}
    assert run(uses, given, holder=Listing()) == ["open x", "open y", "open z"]
    assert run(uses, given, holder=Listing(parts=[database("unused")])) == [
        "open x",
        "open y",
        "open z",
    ]
    assert HAPPENED == ["+x", "+y", "+z", "-z", "-y", "-x"] * 2


def test_a_resource_in_a_list_that_others_have_too_is_set_up_once():
    shared = database("shared")
    seen = []

    def uses(listing: Listing, api: Api, top: Database):
        seen.extend([*listing.each(), api.db, top])

    run(uses, listing=Listing(parts=[shared, shared], one=shared), api=Api(db=shared), top=shared)
    assert HAPPENED.count("+shared") == HAPPENED.count("-shared") == 1
    assert len(seen) == 5
    assert all(each is seen[0] for each in seen)


def test_variables_in_a_list_are_read_and_an_error_closes_what_is_open(monkeypatch):
    class Broken(Database):
        def setup_for_execution(self, context):
            raise ValueError("no")

    monkeypatch.setenv("DATABASE", "here")

    def uses(listing: Listing):
        return [each.state() for each in listing.each()]

    assert run(uses, listing=Listing(parts=[database(EnvVar("DATABASE"))])) == ["open here"]
    with pytest.raises(ResourceFunctionError, match="'listing' could not be set up"):
        run(uses, listing=Listing(parts=[database("x"), Broken(url="y")]))
    assert HAPPENED == ["+here", "-here", "+x", "-x"]


def test_outside_of_a_run_resources_in_a_list_are_made_too():
    class Word(ConfigurableResource):
        word: str

        def create_resource(self, context):
            return self.word

    class Words(ConfigurableResource):
        words: ResourceDependency[list[str]]

    assert Words(words=[Word(word="a")]).process_config_and_initialize().words == ["a"]
    with Words(words=[Word(word="a")]).process_config_and_initialize_cm() as words:
        assert words.words == ["a"]


def test_a_resource_in_a_list_that_lacks_config_needs_a_key_of_its_own():
    later = Database.configure_at_launch()

    def uses(listing: Listing, db: Database):
        return [each.url for each in listing.free]

    with pytest.raises(ResourceFunctionError, match="'free' lacks config.*a key of its own"):
        run(uses, listing=Listing(free=[later]), db=database("other"))
    assert run(uses, GIVEN, listing=Listing(free=[later]), db=later) == ["given"]
