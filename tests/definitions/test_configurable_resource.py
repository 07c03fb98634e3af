"""`ConfigurableResource` outside of a run, and what steps see of it."""

from __future__ import annotations

import pytest

from jobnb import (
    ConfigurableResource,
    EnvVar,
    IAttachDifferentObjectToOpContext,
    ResourceDependency,
    asset,
    build_asset_context,
    build_init_resource_context,
    build_op_context,
    job,
    materialize,
    op,
)

HAPPENED: list[str] = []


@pytest.fixture(autouse=True)
def nothing_happened():
    HAPPENED.clear()


class Database(ConfigurableResource):
    url: str

    def setup_for_execution(self, context):
        HAPPENED.append(f"+{self.url}")

    def teardown_after_execution(self, context):
        HAPPENED.append(f"-{self.url}")


class Client(ConfigurableResource, IAttachDifferentObjectToOpContext):
    db: ResourceDependency[Database]
    name: str = "client"

    def setup_for_execution(self, context):
        HAPPENED.append(f"+{self.name} of {self.db.url}")

    def teardown_after_execution(self, context):
        HAPPENED.append(f"-{self.name} of {self.db.url}")

    def get_object_to_set_on_execution_context(self):
        return f"{self.name}@{self.db.url}"


BOTH = ["+u", "+client of u", "-client of u", "-u"]


def test_it_tells_what_it_holds():
    db = Database(url="u")
    assert Client(db=db).nested_resources == {"db": db}
    assert db.nested_resources == {}


def test_outside_of_a_run_it_is_open_for_a_while_with_what_it_holds(monkeypatch):
    monkeypatch.setenv("JOBNB_TEST_URL", "u")
    with Client(
        db=Database(url=EnvVar("JOBNB_TEST_URL"))
    ).process_config_and_initialize_cm() as made:
        assert (made.name, made.db.url) == ("client", "u")
        assert BOTH[:2] == HAPPENED
    assert BOTH == HAPPENED


def test_it_is_torn_down_where_its_user_fails():
    client = Client(db=Database(url="u"))
    with pytest.raises(ValueError, match="user"), client.process_config_and_initialize_cm():
        raise ValueError("user")
    assert BOTH == HAPPENED


def test_from_the_context_of_a_function_it_is_open_for_a_while():
    context = build_init_resource_context(config={"url": "given"})
    with Database.from_resource_context_cm(context) as made:
        assert made.url == "given"
        assert made.get_resource_context() is context
        assert HAPPENED == ["+given"]
    assert HAPPENED == ["+given", "-given"]


def test_from_a_context_it_holds_what_is_handed_to_it_ready():
    ready = Database(url="ready")
    context = build_init_resource_context(config={"name": "n"})
    with Client.from_resource_context_cm(context, {"db": ready}) as made:
        assert made.db is ready
    assert HAPPENED == ["+n of ready", "-n of ready"]


def test_a_copy_knows_a_context():
    context, db = build_init_resource_context(), Database(url="u")
    assert db.with_resource_context(context).get_resource_context() is context
    assert db.with_replaced_resource_context(context).url == "u"


def test_context_resources_shows_what_it_attaches_and_parameters_get_itself():
    @op
    def typed(client: Client):
        return type(client).__name__, client.db.url

    @op(required_resource_keys={"client"})
    def by_key(context):
        return context.resources.client

    @job(resource_defs={"client": Client(db=Database(url="u"))})
    def both():
        typed()
        by_key()

    result = both.execute_in_process()
    assert result.output_for_node("typed") == ("Client", "u")
    assert result.output_for_node("by_key") == "client@u"


def test_so_it_is_for_assets_and_in_direct_calls():
    @asset
    def made(context, client: Client) -> tuple[str, str]:
        return type(client).__name__, context.resources.client

    client = Client(db=Database(url="u"))
    assert materialize([made], resources={"client": client}).asset_value("made") == (
        "Client",
        "client@u",
    )
    assert made(build_asset_context(), client=client) == ("Client", "client@u")
    with build_op_context(resources={"client": client}) as context:
        assert context.resources.client == "client@u"
