"""Who is let in: nobody without the token, on any route; no strange host, no strange page."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.server.conftest import TOKEN, Client

QUERY = {"query": "{ __schema { types { name } } version }"}
PATHS = ["/graphql", "/server_info", "/dagit_info", "/", "/nope", "/graphql/", "/logs/x"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
@pytest.mark.parametrize("token", [None, "wrong", TOKEN[:-1], TOKEN + "x", "Sesame", "é"])
def test_nothing_is_told_without_the_token(
    client: Client, path: str, method: str, token: str | None
) -> None:
    headers = {} if token is None else {"Authorization": f"token {token}".encode()}
    response = client.http.request(
        method, path, headers=headers, params={"query": QUERY["query"]}, content=json.dumps(QUERY)
    )
    assert response.status_code in (401, 405), response.text
    assert "types" not in response.text
    assert "version" not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"token {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}"},
        {"authorization": f"BEARER {TOKEN}"},
        {"Dagster-Cloud-Api-Token": TOKEN},
    ],
)
def test_the_token_is_taken_from_each_place(client: Client, headers: dict[str, str]) -> None:
    assert client.http.post("/graphql", json=QUERY, headers=headers).status_code == 200
    assert client.http.get("/server_info", headers=headers).status_code == 200


def test_the_token_may_stand_in_the_address(client: Client) -> None:
    assert client.http.post(f"/graphql?token={TOKEN}", json=QUERY).status_code == 200
    assert client.http.post("/graphql?token=wrong", json=QUERY).status_code == 401
    given = httpx.BasicAuth("token", TOKEN)
    assert client.http.get("/server_info", auth=given).status_code == 200
    wrong = httpx.BasicAuth(TOKEN, "wrong")
    assert client.http.get("/server_info", auth=wrong).status_code == 401


@pytest.mark.parametrize("protocol", ["graphql-ws", "graphql-transport-ws", "chat"])
@pytest.mark.parametrize("token", [None, "wrong"])
def test_no_websocket_is_opened_without_the_token(
    client: Client, protocol: str, token: str | None
) -> None:
    address = client.address.replace("http", "ws") + "/graphql"
    headers = {} if token is None else {"Authorization": f"token {token}"}
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(address, subprotocols=[Subprotocol(protocol)], additional_headers=headers),
    ):
        pass
    assert caught.value.response.status_code == 403


def test_a_websocket_needs_a_protocol_that_is_known(client: Client) -> None:
    address = client.address.replace("http", "ws") + f"/graphql?token={TOKEN}"
    with (
        pytest.raises(InvalidStatus),
        connect(address, subprotocols=[Subprotocol("chat")]),
    ):
        pass


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "localhost.evil.example", ""]
)
def test_a_strange_host_is_refused(client: Client, host: str) -> None:
    headers = {**client.headers, "Host": host}
    response = client.http.post("/graphql", json=QUERY, headers=headers)
    assert response.status_code in (400, 403)
    assert "types" not in response.text


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:3000", "10.0.0.7"]
)
def test_names_of_this_machine_and_addresses_are_taken(client: Client, host: str) -> None:
    headers = {**client.headers, "Host": host}
    assert client.http.get("/server_info", headers=headers).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "file://"])
def test_a_strange_page_is_refused_also_with_the_token(client: Client, origin: str) -> None:
    headers = {**client.headers, "Origin": origin}
    assert client.http.post("/graphql", json=QUERY, headers=headers).status_code == 403
    address = client.address.replace("http", "ws") + f"/graphql?token={TOKEN}"
    with (
        pytest.raises(InvalidStatus),
        connect(
            address,
            subprotocols=[Subprotocol("graphql-ws")],
            additional_headers={"Origin": origin},
        ),
    ):
        pass


def test_a_page_of_the_server_itself_may_ask(client: Client) -> None:
    headers = {**client.headers, "Origin": client.address}
    assert client.http.post("/graphql", json=QUERY, headers=headers).status_code == 200


def test_a_get_asks_and_changes_nothing(client: Client) -> None:
    asked = {"query": "query ($n: Int) { runsOrError(limit: $n) { __typename } }",
             "variables": '{"n": 1}'}  # fmt: skip
    assert client.http.get("/graphql", params=asked, headers=client.headers).status_code == 200
    change = {"query": "mutation { reloadWorkspace { __typename } }"}
    refused = client.http.get("/graphql", params=change, headers=client.headers)
    assert refused.status_code == 400
    assert "POST" in refused.json()["errors"][0]["message"]


def test_a_form_of_a_page_is_no_query(client: Client) -> None:
    form = client.http.post(
        "/graphql",
        headers={**client.headers, "Content-Type": "text/plain"},
        content=json.dumps(QUERY),
    )
    assert form.status_code == 415


def test_the_versions_are_told_under_dagsters_names(client: Client) -> None:
    told = client.http.get("/server_info", headers=client.headers).json()
    assert {"dagster_webserver_version", "dagster_version", "dagster_graphql_version"} < set(told)


def test_an_address_that_is_not_there_says_which_are(client: Client) -> None:
    response = client.http.get("/nope", headers=client.headers)
    assert response.status_code == 404
    assert "/graphql" in response.json()["errors"][0]["message"]


def test_a_method_that_is_none_is_told_to_who_has_the_token(client: Client) -> None:
    for method in ("DELETE", "PUT", "PATCH"):
        response = client.http.request(method, "/graphql", headers=client.headers)
        assert response.status_code == 405
        told = f"{method} is no method of /graphql, which takes GET and POST."
        assert response.json()["errors"][0]["message"] == told
        assert client.http.request(method, "/server_info", headers=client.headers).is_client_error
        assert client.http.request(method, "/graphql").status_code == 401
