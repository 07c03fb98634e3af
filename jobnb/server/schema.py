"""The schema of `schema.graphql`, put together with the classes that have its values."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from functools import cache
from importlib.resources import files
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from jobnb.server import (  # noqa: F401 - they register their classes
    assets,
    automaterialize,
    backfills,
    config_errors,
    config_types,
    deployment,
    events,
    graphs,
    instigators,
    jobs,
    launching,
    metadata,
    mutations,
    ops,
    partition_sets,
    partitions,
    problems,
    queries,
    repositories,
    runs,
    steps,
    subscriptions,
    ticks,
)
from jobnb.server.nodes import Node, classes, snake

Resolver = Callable[..., Any]


@cache
def served_schema() -> GraphQLSchema:
    """Return the schema, with a resolver for each field.

    Example:
        >>> served_schema().query_type.name
        'Query'
    """
    schema = build_schema(
        files("jobnb.server").joinpath("schema.graphql").read_text(encoding="utf-8"),
        assume_valid=True,
    )
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            for field_name, field in kind.fields.items():
                _resolve(classes[name], field_name, field)
        elif isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)):
            kind.resolve_type = _type_of
        elif isinstance(kind, GraphQLInputObjectType):
            for field_name, given in kind.fields.items():
                given.out_name = snake(field_name)
    return schema


def missing_fields() -> list[str]:
    """Return the fields of the schema that no class has; there are none."""
    text = files("jobnb.server").joinpath("schema.graphql").read_text(encoding="utf-8")
    found = []
    for name, kind in build_schema(text).type_map.items():
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            owner = classes.get(name)
            found += [f"{name}.{each}" for each in kind.fields if not _has(owner, snake(each))]
    return found


def _has(owner: type[Node] | None, name: str) -> bool:
    if owner is None:
        return False
    annotated = any(name in vars(each).get("__annotations__", ()) for each in owner.__mro__)
    return annotated or hasattr(owner, name)


def _resolve(owner: type[Node], name: str, field: GraphQLField) -> None:
    for argument_name, argument in field.args.items():
        argument.out_name = snake(argument_name)
    attribute = snake(name)
    found = inspect.getattr_static(owner, attribute, None)
    if inspect.isasyncgenfunction(found):
        field.subscribe = _source(attribute)
        field.resolve = _itself
    elif inspect.isfunction(found):
        field.resolve = _method(attribute, "info" in inspect.signature(found).parameters)
    else:
        field.resolve = _attribute(attribute)


def _attribute(name: str) -> Resolver:
    get = attrgetter(name)

    def resolve(source: Any, info: GraphQLResolveInfo[Any]) -> Any:
        info.context.check_time()
        return get(source)

    return resolve


def _method(name: str, wants_info: bool) -> Resolver:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        info.context.check_time()
        if wants_info:
            given["info"] = info
        return getattr(source, name)(**given)

    return resolve


def _source(name: str) -> Resolver:
    """Return what a subscription follows: the executor iterates over it."""

    async def nothing() -> AsyncIterator[None]:
        return
        yield  # it makes this a generator

    def subscribe(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        info.context.source = getattr(source, name)(**given)
        return nothing()

    return subscribe


def _itself(source: Any, _info: GraphQLResolveInfo[Any], **_given: Any) -> Any:
    return source


def _type_of(value: Any, _info: GraphQLResolveInfo[Any], _kind: Any) -> str:
    name: str = value.graphql_type
    return name
