"""WebSockets in both protocols: the log of a run as it is written, errors, ends, and limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.server.conftest import FILE, TOKEN, YEAR, Client

OLD, NEW = "graphql-ws", "graphql-transport-ws"
LOGS = """
subscription ($id: ID!, $cursor: String) {
  pipelineRunLogs(runId: $id, cursor: $cursor) {
    __typename
    ... on PipelineRunLogsSubscriptionSuccess {
      run { runId status } cursor hasMorePastEvents
      messages { __typename ... on MessageEvent { message stepKey } }
    }
    ... on PipelineRunLogsSubscriptionFailure { message missingRunId }
  }
}
"""


class Talk:
    """One side of a WebSocket."""

    def __init__(self, connection: ClientConnection, protocol: str) -> None:
        self.connection, self.is_old = connection, protocol == OLD

    def say(self, kind: str, key: str | None = None, payload: Any = None) -> None:
        message = {"type": kind, "id": key, "payload": payload}
        kept = {name: each for name, each in message.items() if each is not None}
        self.connection.send(json.dumps(kept))

    def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.connection.recv(timeout=60))
        return found

    def greet(self) -> None:
        self.say("connection_init", payload={})
        assert self.hear()["type"] == "connection_ack"
        if self.is_old:
            assert self.hear()["type"] == "ka"

    def subscribe(self, key: str, query: str, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        self.say("start" if self.is_old else "subscribe", key, payload)

    def answers(self, key: str) -> Iterator[Any]:
        """What comes for a subscription until its end."""
        while True:
            message = self.hear()
            if message["type"] == "ka":
                continue
            assert message["id"] == key
            if message["type"] == "complete":
                return
            assert message["type"] == ("data" if self.is_old else "next"), message
            assert "errors" not in message["payload"], message
            yield message["payload"]["data"]

    def closed(self) -> int:
        """The code that the other side closed with."""
        with pytest.raises(ConnectionClosed) as caught:
            self.connection.recv(timeout=60)
        assert caught.value.rcvd is not None
        return caught.value.rcvd.code

    def heard_out(self) -> int:
        """The code that the other side closed with, after all that it said before."""
        try:
            while True:
                self.hear()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 0


@contextmanager
def talking(client: Client, protocol: str, *, greets: bool = True) -> Iterator[Talk]:
    """A WebSocket with the token in its address."""
    address = client.address.replace("http", "ws") + f"/graphql?token={TOKEN}"
    with connect(address, subprotocols=[Subprotocol(protocol)]) as connection:
        assert connection.subprotocol == protocol
        talk = Talk(connection, protocol)
        if greets:
            talk.greet()
        yield talk


both = pytest.mark.parametrize("protocol", [OLD, NEW])


@both
def test_the_log_of_a_run_comes_as_it_is_written(client: Client, protocol: str) -> None:
    run_id = client.launched("slow")
    with talking(client, protocol) as talk:
        talk.subscribe("1", LOGS, id=run_id)
        heard: list[str] = []
        canceled = False
        for data in talk.answers("1"):
            told = data["pipelineRunLogs"]
            heard += [each["__typename"] for each in told["messages"]]
            if "ExecutionStepStartEvent" in heard and not canceled:
                canceled = True
                client.one(
                    "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id
                )
        assert heard[0] == "RunStartEvent"
        assert heard[-1] == "RunCanceledEvent"


@both
def test_the_log_of_a_run_that_has_ended_comes_whole_or_after_a_cursor(
    client: Client, protocol: str
) -> None:
    run_id = client.done("daily", YEAR)
    with talking(client, protocol) as talk:
        talk.subscribe("a", LOGS, id=run_id)
        answers = [data["pipelineRunLogs"] for data in talk.answers("a")]
        heard = [each for told in answers for each in told["messages"]]
        assert heard[-1]["__typename"] == "RunSuccessEvent"
        assert answers[-1]["run"] == {"runId": run_id, "status": "SUCCESS"}
        talk.subscribe("b", LOGS, id=run_id, cursor="2")
        rest = [e for data in talk.answers("b") for e in data["pipelineRunLogs"]["messages"]]
        assert rest == heard[3:]


@both
def test_what_a_run_prints_comes_as_it_grows(client: Client, protocol: str) -> None:
    run_id = client.done("daily", YEAR)
    key = [run_id, "compute_logs", "load"]
    captured = (
        "subscription ($log: [String!]!, $cursor: String) "
        "{ capturedLogs(logKey: $log, cursor: $cursor) { stdout stderr cursor } }"
    )
    computed = (
        "subscription ($id: ID!, $io: ComputeIOType!, $cursor: String) { computeLogs(runId: $id, "
        'stepKey: "load", ioType: $io, cursor: $cursor) { data cursor size } }'
    )
    whole = "loading 2013\n"
    with talking(client, protocol) as talk:
        talk.subscribe("a", captured, log=key)
        [told] = [data["capturedLogs"] for data in talk.answers("a")]
        assert told == {"stdout": whole, "stderr": None, "cursor": f"{len(whole)}:0"}
        talk.subscribe("b", captured, log=key, cursor="8:0")
        [rest] = [data["capturedLogs"] for data in talk.answers("b")]
        assert rest == {**told, "stdout": "2013\n"}
        talk.subscribe("c", computed, id=run_id, io="STDOUT", cursor="8")
        [read] = [data["computeLogs"] for data in talk.answers("c")]
        assert read == {"data": "2013\n", "cursor": len(whole), "size": len(whole)}


@both
def test_a_run_that_is_not_there_is_told(client: Client, protocol: str) -> None:
    with talking(client, protocol) as talk:
        talk.subscribe("x", LOGS, id="nope")
        [data] = talk.answers("x")
        told = data["pipelineRunLogs"]
        assert told["missingRunId"] == "nope"
        assert "no run 'nope'" in told["message"]


@both
def test_queries_go_over_a_websocket_too(client: Client, protocol: str) -> None:
    with talking(client, protocol) as talk:
        talk.subscribe("q", "{ version }")
        assert [set(each) for each in talk.answers("q")] == [{"version"}]
        talk.subscribe("bad", "{ nope }")
        message = talk.hear()
        assert message["type"] == "error"
        errors = message["payload"]
        assert "nope" in json.dumps(errors)
        assert isinstance(errors, dict if protocol == OLD else list)


@both
def test_several_subscriptions_go_side_by_side_and_stop(client: Client, protocol: str) -> None:
    run_id = client.launched("slow")
    with talking(client, protocol) as talk:
        for key in ("1", "2"):
            talk.subscribe(key, LOGS, id=run_id)
        heard: set[str] = set()
        while heard != {"1", "2"}:
            heard.add(talk.hear()["id"])
        talk.say("stop" if protocol == OLD else "complete", "1")
        client.one("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
        ended: list[str] = []
        while "2" not in ended:
            message = talk.hear()
            if message["type"] == "complete":
                ended.append(message["id"])


@both
def test_locations_that_are_loaded_again_are_told(client: Client, protocol: str) -> None:
    query = (
        "subscription { locationStateChangeEvents { event { eventType locationName message } } }"
    )
    with talking(client, protocol) as talk:
        talk.subscribe("l", query)
        # Whether it listens by now is seen when it hears.
        reload = (
            "mutation ($n: String!) { reloadRepositoryLocation(repositoryLocationName: $n) "
            "{ __typename } }"
        )
        answer: dict[str, Any] | None = None
        while answer is None:
            client.one(reload, n=FILE)
            try:
                answer = json.loads(talk.connection.recv(timeout=1))
            except TimeoutError:
                continue
        event = answer["payload"]["data"]["locationStateChangeEvents"]["event"]
        assert (event["eventType"], event["locationName"]) == ("LOCATION_UPDATED", FILE)


def test_the_new_protocol_closes_with_its_codes(client: Client) -> None:
    with talking(client, NEW, greets=False) as talk:
        talk.subscribe("1", "{ version }")
        assert talk.closed() == 4401
    with talking(client, NEW) as talk:
        talk.say("connection_init")
        assert talk.closed() == 4429
    with talking(client, NEW) as talk:
        talk.connection.send("no JSON")
        assert talk.closed() == 4400
    with talking(client, NEW) as talk:
        talk.say("nonsense")
        assert talk.closed() == 4400
    with talking(client, NEW) as talk:
        run_id = client.launched("slow")
        talk.subscribe("1", LOGS, id=run_id)
        talk.hear()
        talk.subscribe("1", LOGS, id=run_id)
        assert talk.heard_out() == 4409
        client.one("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
    with talking(client, NEW) as talk:
        talk.say("ping")
        assert talk.hear()["type"] == "pong"


def test_the_old_protocol_answers_what_it_does_not_know_and_ends(client: Client) -> None:
    with talking(client, OLD) as talk:
        talk.connection.send("[]")
        assert talk.hear()["type"] == "error"
        talk.say("connection_terminate")
        assert talk.closed() == 1000


def test_a_websocket_has_so_many_subscriptions_at_most(client: Client) -> None:
    query = "subscription { locationStateChangeEvents { event { message } } }"
    with talking(client, NEW) as talk:
        for number in range(101):
            talk.subscribe(str(number), query)
        message = talk.hear()
        assert (message["type"], message["id"]) == ("error", "100")
        assert "100 subscriptions at most" in message["payload"][0]["message"]
