"""Executing a query: parsed and validated once for each text, within limits of size and time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    subscribe,
    validate,
)

from jobnb.errors import JobnbError
from jobnb.server.json_text import decoded
from jobnb.server.limits import FiniteNumbers, Limits, too_large
from jobnb.server.mutations import Mutation
from jobnb.server.problems import refused_change
from jobnb.server.queries import Query
from jobnb.server.schema import served_schema
from jobnb.server.subscriptions import Subscription
from jobnb.server.workspace import RequestReader, ServedWorkspace

_logger = logging.getLogger("jobnb.server")
_KEPT = 256  # parsed queries
_LONGEST_KEPT = 20_000  # characters of a query that is kept

_RULES = (*specified_rules, FiniteNumbers)

Answer = dict[str, Any]


class TooSlowError(GraphQLError):
    """The query took too long."""


@dataclass(frozen=True)
class GraphQLRequest:
    """What a client asks for.

    Attributes:
        query: The text of the query.
        variables: Its variables.
        operation: Which of its operations; None where there is one only.
    """

    query: str
    variables: Mapping[str, Any] | None = None
    operation: str | None = None


def asked_of(body: Any) -> GraphQLRequest:
    """Return the query in a JSON object; its variables may be the text of one.

    Raises:
        ValueError: If it asks for nothing; says what is lacking.

    Example:
        >>> asked_of({"query": "{ version }"})
        GraphQLRequest(query='{ version }', variables=None, operation=None)
    """
    if not isinstance(body, dict):
        raise ValueError('The body is a JSON object, such as {"query": "{ version }"}.')
    query, variables = body.get("query"), body.get("variables")
    operation = body.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise ValueError('The body has no query: give {"query": "{ version }"}.')
    if isinstance(variables, str):  # as `dagster-graphql --variables` sends them
        variables = decoded(variables, "variables") if variables.strip() else None
    if variables is not None and not isinstance(variables, dict):
        raise ValueError("variables is a JSON object, or left out.")
    if operation is not None and not isinstance(operation, str):
        raise ValueError("operationName is text, or left out.")
    return GraphQLRequest(query, variables or None, operation or None)


class _Context:
    """What belongs to one execution: its deadline, and what a subscription follows."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self.source: AsyncGenerator[Any] | None = None

    def check_time(self) -> None:
        """Raise an error if no time is left.

        Raises:
            TooSlowError: If there is none.
        """
        if time.monotonic() > self._deadline:
            raise TooSlowError(
                f"The query took longer than {self._seconds:g} s and was given up. Ask for less: "
                "give limit, or fewer fields."
            )

    @property
    def is_late(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._deadline


@dataclass(frozen=True)
class _Document:
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()


class GraphQLExecutor:
    """Executes queries, mutations and subscriptions on what is served.

    Args:
        served: What is served.
        limits: The limits of each.

    Example:
        >>> from jobnb.storage.instance import Instance
        >>> executing = GraphQLExecutor(ServedWorkspace(Instance.ephemeral(), []))
        >>> executing.answer(GraphQLRequest("{ runsOrError { ... on Runs { count } } }"))
        (200, {'data': {'runsOrError': {'count': 0}}})
    """

    def __init__(self, served: ServedWorkspace, limits: Limits | None = None) -> None:
        self.served, self.limits = served, limits or Limits()
        self._schema = served_schema()
        self._known: OrderedDict[str, _Document] = OrderedDict()
        self._threads = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="jobnb-graphql")

    def close(self) -> None:
        """Release its threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- queries and mutations

    async def answer_soon(
        self, asked: GraphQLRequest, *, reads_only: bool = False
    ) -> tuple[int, Answer]:
        """Execute a query or mutation in a thread; the HTTP status and the answer."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, lambda: self.answer(asked, reads_only=reads_only)
        )

    def answer(self, asked: GraphQLRequest, *, reads_only: bool = False) -> tuple[int, Answer]:
        """Execute a query or mutation; the HTTP status and the answer.

        Args:
            asked: What is asked for.
            reads_only: Whether mutations are refused.
        """
        found = self._document(asked.query)
        if found.document is None:
            return _refused(*found.errors)
        operation = get_operation_ast(found.document, asked.operation)
        if operation is None:
            return _refused(GraphQLError(_which(asked.operation)))
        if operation.operation is OperationType.SUBSCRIPTION:
            return _refused(GraphQLError("A subscription needs a WebSocket at this address."))
        writes = operation.operation is OperationType.MUTATION
        if writes and reads_only:
            return _refused(GraphQLError("A mutation is sent with POST."))
        root = (Mutation if writes else Query)(RequestReader(self.served))
        return _told(self._executed(found.document, asked, root))

    def _executed(
        self, document: DocumentNode, asked: GraphQLRequest, root: Any
    ) -> ExecutionResult:
        context = _Context(self.limits.seconds)
        result = execute_sync(
            self._schema,
            document,
            root,
            context,
            dict(asked.variables or {}),
            asked.operation,
            middleware=[_refuse_changes] if self.served.refusal else None,
        )
        late = [each for each in result.errors or () if _is_slow(each)]
        return ExecutionResult(None, late[:1]) if late else result

    def _document(self, query: str) -> _Document:
        found = self._known.get(query)
        if found is None:
            found = self._read(query)
            if len(query) <= _LONGEST_KEPT:
                self._known[query] = found
                while len(self._known) > _KEPT:
                    with contextlib.suppress(KeyError):  # another thread may be at it
                        self._known.popitem(last=False)
        return found

    def _read(self, query: str) -> _Document:
        try:
            document = parse(query, max_tokens=self.limits.tokens)
        except GraphQLError as error:
            return _Document(None, (error,))
        except RecursionError:
            return _Document(None, (GraphQLError("The query is nested too deeply."),))
        problem = too_large(document, self.limits)
        if problem:
            return _Document(None, (GraphQLError(problem),))
        errors = validate(self._schema, document, _RULES, max_errors=20)
        return _Document(None, tuple(errors)) if errors else _Document(document)

    # --- subscriptions

    def is_subscription(self, asked: GraphQLRequest) -> bool:
        """Whether a subscription is asked for."""
        operation = self._operation(asked)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION

    def _operation(self, asked: GraphQLRequest) -> OperationDefinitionNode | None:
        document = self._document(asked.query).document
        return None if document is None else get_operation_ast(document, asked.operation)

    async def follow(self, asked: GraphQLRequest) -> AsyncGenerator[Answer]:
        """Execute a subscription: an answer for each thing that happens."""
        document = self._document(asked.query).document
        assert document is not None
        context = _Context(self.limits.seconds)
        begun: Any = subscribe(
            self._schema,
            document,
            Subscription(self.served),
            context,
            dict(asked.variables or {}),
            asked.operation,
        )
        begun = await begun if asyncio.iscoroutine(begun) else begun
        source = context.source
        if source is None:
            yield _told(begun)[1]
            return
        loop = asyncio.get_running_loop()
        try:
            async for event in source:
                result = await loop.run_in_executor(
                    self._threads, self._executed, document, asked, event
                )
                yield _told(result)[1]
        finally:
            await source.aclose()


def _refuse_changes(resolve: Any, source: Any, info: Any, **given: Any) -> Any:
    """Resolve a field; of a mutation, refuse it where nothing may be changed."""
    if info.parent_type is info.schema.mutation_type:
        return refused_change(source.served.refusal, info)
    return resolve(source, info, **given)


def _is_slow(error: GraphQLError) -> bool:
    return isinstance(error, TooSlowError) or isinstance(error.original_error, TooSlowError)


def _which(name: str | None) -> str:
    if name is None:
        return "The query has several operations or none: say which with operationName."
    return f"The query has no operation {name!r}."


def _refused(*errors: GraphQLError) -> tuple[int, Answer]:
    return 400, {"data": None, "errors": [error.formatted for error in errors]}


def _told(result: ExecutionResult) -> tuple[int, Answer]:
    """Return the HTTP status and the answer; what went wrong in jobnb itself is logged, too."""
    if not result.errors:
        return 200, {"data": result.data}
    for error in result.errors:
        cause = error.original_error
        if cause is not None and not isinstance(cause, (JobnbError, GraphQLError)):
            _logger.error("%s at %s", cause, error.path, exc_info=cause)
    began = result.data is not None or any(error.path for error in result.errors)
    answer = {"data": result.data, "errors": [error.formatted for error in result.errors]}
    return (200 if began else 400), answer
