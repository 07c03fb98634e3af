"""How a run sets a `ConfigurableResource` up: what config it takes, what it holds and opens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from jobnb.config import Config, derived, schema_of
from jobnb.definitions.resources.resource import (
    ResourceDefinition,
    entered,
    is_resource,
    resource_def_of,
)
from jobnb.definitions.resources.resource_context import InitResourceContext
from jobnb.errors import InvalidDefinitionError

__all__ = ["ConfigurableResourceDefinition", "with_resources_changed"]


class ConfigurableResourceDefinition(ResourceDefinition):
    """How a run sets a `ConfigurableResource` up: config, nested resources, open, close.

    Args:
        cls: The class.
        data: The values that its fields have already.
        origin: The object that was given; the same one given twice is set up once.
    """

    def __init__(self, cls: type[Any], data: Mapping[str, Any], origin: Any) -> None:
        super().__init__(self.opened, description=cls.__doc__)
        self.configurable_resource_cls = cls
        self.data = dict(data)
        self.origin = origin
        self.nested = {
            name: resource_def_of(self.data[name])
            for name in sorted(cls.__resource_fields__)
            if is_resource(self.data.get(name))
        }
        self.within = {
            name: found
            for name, value in self.data.items()
            if name not in self.nested and (found := list(_resources_in(value)))
        }
        loose = (resource_def_of(each) for found in self.within.values() for each in found)
        self.parts = (*self.nested.items(), *((None, each) for each in loose))
        for _, part in self.parts:
            self.required_resource_keys |= part.required_resource_keys
        self._schema: Any = None
        self._schemas: dict[frozenset[int], Any] = {}

    @property
    def is_settled(self) -> bool:
        """Whether it has all the config it needs."""
        return self._is_settled(frozenset())

    def _is_settled(self, apart: frozenset[int]) -> bool:
        """The same where the config of some that it holds is no concern of its own."""
        fields = self.configurable_resource_cls.model_fields.items()
        return all(name in self.data or not info.is_required() for name, info in fields) and all(
            each._is_settled(apart)
            for each in self.nested.values()
            if isinstance(each, ConfigurableResourceDefinition) and id(each) not in apart
        )

    @property
    def config_schema(self) -> Any:
        """The config it takes at launch: what it has already is the default."""
        if self._schema is None:
            self._schema = schema_of(self._launch_model())
        return self._schema

    @config_schema.setter
    def config_schema(self, value: Any) -> None:
        self._schema = value

    def schema_beside(self, others: Collection[ResourceDefinition]) -> Any:
        """The config it takes where these others are configured under keys of their own.

        Those of them that it holds are not configured a second time as its fields.
        """
        apart = frozenset(map(id, others)) & frozenset(map(id, self.held()))
        if not apart:
            return self.config_schema
        if apart not in self._schemas:
            self._schemas[apart] = schema_of(self._launch_model(apart))
        return self._schemas[apart]

    def _launch_model(self, apart: frozenset[int] = frozenset()) -> type[Config]:
        cls = self.configurable_resource_cls
        fields: dict[str, Any] = {}
        for name, info in cls.model_fields.items():
            if name in cls.__resource_fields__:
                inner = self.nested.get(name)
                if isinstance(inner, ConfigurableResourceDefinition) and id(inner) not in apart:
                    model = inner._launch_model(apart)
                    settled = inner._is_settled(apart)
                    fields[name] = (model, model.model_construct() if settled else ...)
                continue
            default = self.data.get(name, info.default)
            if info.default_factory is not None and name not in self.data:
                default = info.get_default(call_default_factory=True)
            fields[name] = (
                None,
                ... if name not in self.data and info.is_required() else default,
            )
        return derived(cls, fields)

    @contextlib.contextmanager
    def opened(self, context: InitResourceContext) -> Iterator[Any]:
        """The resource for a run, open."""
        with contextlib.ExitStack() as stack:
            values = self._values(context, stack)
            made = self.configurable_resource_cls.model_construct(**values)
            made = made._ready(context, values)
            opened = _opened_by(made.yield_for_execution(context), stack)
            yield entered(opened.create_resource(context), stack)

    def _values(self, context: InitResourceContext, stack: contextlib.ExitStack) -> dict[str, Any]:
        """What its fields hold in a run; the resources among that are open."""
        config = context.resource_config
        given = _fields_of(config)
        if not isinstance(config, Mapping):  # what config was not given has copies of what it holds
            named = getattr(config, "model_fields_set", ())
            given = {k: v for k, v in given.items() if k in named or k not in self.within}
        values = {**self.data, **given}
        for name, value in values.items():
            if name in self.nested:
                part = context.replace_config(given.get(name))
                values[name] = self._open(self.nested[name], part, stack)
            else:
                opening = partial(self._open_within, name, context=context, stack=stack)
                values[name] = with_resources_changed(value, opening)
        return values

    def _open_within(
        self, name: str, value: Any, context: InitResourceContext, stack: contextlib.ExitStack
    ) -> Any:
        """Open a resource that stands in a list or the like, which no config reaches."""
        definition = resource_def_of(value)
        if isinstance(definition, ConfigurableResourceDefinition) and not definition.is_settled:
            shared = getattr(context, "shared", {})
            if id(definition) not in shared:
                raise InvalidDefinitionError(
                    f"{value!r} in {name!r} lacks config, which cannot be given there. "
                    "Give the resource a key of its own too, and its config under that."
                )
        return self._open(definition, context.replace_config(None), stack)

    def _open(
        self,
        definition: ResourceDefinition,
        context: InitResourceContext,
        stack: contextlib.ExitStack,
    ) -> Any:
        shared = getattr(context, "shared", {})
        if id(definition) in shared:
            return shared[id(definition)]
        return entered(definition.call(context), stack)


def _opened_by(manager: contextlib.AbstractContextManager[Any], stack: contextlib.ExitStack) -> Any:
    """What a context manager gives, as what `yield_for_execution` returns; the stack closes it."""
    if isinstance(manager, contextlib.ContextDecorator):
        return entered(manager, stack)
    return stack.enter_context(manager)


def with_resources_changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with each resource in it changed, at any depth of lists, mappings and configs."""
    if is_resource(value):
        return change(value)
    if isinstance(value, Config):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        made = {name: with_resources_changed(each, change) for name, each in fields.items()}
        return value.model_copy(update=made) if _differ(fields, made) else value
    if isinstance(value, dict):
        made = {key: with_resources_changed(each, change) for key, each in value.items()}
        return made if _differ(value, made) else value
    if type(value) in (list, tuple):
        items = [with_resources_changed(each, change) for each in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(other[name] is not each for name, each in one.items())


def _resources_in(value: Any) -> Iterator[Any]:
    found: list[Any] = []
    with_resources_changed(value, found.append)
    yield from found


def _fields_of(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    return {name: getattr(config, name) for name in type(config).model_fields}
