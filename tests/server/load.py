"""Many clients at once: what each request took, and whether any went wrong."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import httpx

_RUNS = """
{ runsOrError(limit: 10) { ... on Runs { results { runId jobName status startTime } } } }
"""
_JOBS = """
{ repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } jobs { name isAssetJob } } } } }
"""
_ASSETS = "{ assetNodes { assetKey { path } groupName dependencyKeys { path } } }"
_RUN = """
query ($id: ID!) { runOrError(runId: $id) { ... on Run {
  status stats { ... on RunStatsSnapshot { stepsSucceeded } } tags { key value } } } }
"""
_LOG = """
query ($id: ID!) { logsForRun(runId: $id, limit: 20) { ... on EventConnection {
  cursor events { __typename ... on MessageEvent { message timestamp } } } } }
"""
QUERIES = ("{ version }", _RUNS, _JOBS, _ASSETS, _RUN, _LOG)


async def load(
    address: str, token: str, run_id: str, *, clients: int, seconds: float, pause: float
) -> dict[str, Any]:
    """Let clients ask for a while, each with a pause between two requests.

    Returns:
        How many requests and errors there were, and how long 50 and 99 of 100 took, in ms.
    """
    took: list[float] = []
    errors: list[str] = []
    end = time.monotonic() + seconds

    async def ask(client: httpx.AsyncClient, chosen: random.Random) -> None:
        query = chosen.choice(QUERIES)
        given = {"id": run_id} if "$id" in query else {}
        began = time.perf_counter()
        response = await client.post("/graphql", json={"query": query, "variables": given})
        took.append(time.perf_counter() - began)
        if response.status_code != 200 or "errors" in response.json():
            errors.append(response.text[:300])

    async def go(client: httpx.AsyncClient, number: int) -> None:
        chosen = random.Random(number)
        await asyncio.sleep(chosen.uniform(0, 2 * pause))
        while time.monotonic() < end:
            await ask(client, chosen)
            await asyncio.sleep(chosen.uniform(0, 2 * pause))

    # One client with a connection for each: to make many would take longer than to ask.
    many = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(
        base_url=address, headers=headers, timeout=60, limits=many
    ) as client:
        await asyncio.gather(*(go(client, number) for number in range(clients)))
    ordered = sorted(took)
    return {
        "requests": len(took),
        "errors": errors,
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
    }


if __name__ == "__main__":  # python -m tests.server.load ADDRESS TOKEN RUN_ID CLIENTS SECONDS PAUSE
    import sys

    place, secret, run, many, long, between = sys.argv[1:]
    work = load(place, secret, run, clients=int(many), seconds=float(long), pause=float(between))
    print(asyncio.run(work))
