"""How a run sets a `ConfigurableResource` up: what config it takes, what it holds and opens."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

from jobnb.config import Config, derived, schema_of
from jobnb.definitions.resources.resource import ResourceDefinition, resource_def_of
from jobnb.definitions.resources.resource_context import InitResourceContext

__all__ = ["ConfigurableResourceDefinition"]


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
            for name in cls.__resource_fields__
            if _is_resource(self.data.get(name))
        }
        for each in self.nested.values():
            self.required_resource_keys |= each.required_resource_keys
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

    def held(self) -> Iterator[ResourceDefinition]:
        """The resources that are its fields, and theirs."""
        for each in self.nested.values():
            yield each
            if isinstance(each, ConfigurableResourceDefinition):
                yield from each.held()

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
            annotation: Any = info.annotation
            for extra in info.metadata:
                annotation = Annotated[annotation, extra]
            default = self.data.get(name, info.default)
            if info.default_factory is not None and name not in self.data:
                default = info.get_default(call_default_factory=True)
            fields[name] = (
                annotation,
                ... if name not in self.data and info.is_required() else default,
            )
        made = derived(cls.__name__, fields, cls.__doc__)
        for name, field in made.model_fields.items():
            field.description = cls.model_fields[name].description
        return made

    @contextlib.contextmanager
    def opened(self, context: InitResourceContext) -> Iterator[Any]:
        """The resource for a run, open."""
        with contextlib.ExitStack() as stack:
            config = context.resource_config
            given = _fields_of(config)
            nested = {
                name: self._open_nested(name, each, given.pop(name, None), context, stack)
                for name, each in self.nested.items()
            }
            values = {**self.data, **given, **nested}
            made = self.configurable_resource_cls.model_construct(**values)
            made = made._ready(
                context, {k: values[k] for k in made.__resource_fields__ if k in values}
            )
            opened = stack.enter_context(made.yield_for_execution(context))
            yield opened.create_resource(context)

    def _open_nested(
        self,
        name: str,
        definition: ResourceDefinition,
        config: Any,
        context: InitResourceContext,
        stack: contextlib.ExitStack,
    ) -> Any:
        shared = getattr(context, "shared", None) or {}
        if id(definition) in shared:
            return shared[id(definition)]
        if isinstance(definition, ConfigurableResourceDefinition):
            return stack.enter_context(definition.opened(context.replace_config(config)))
        made = definition.call(context.replace_config(config))
        if hasattr(made, "__next__"):
            value = next(made)
            stack.callback(lambda: next(made, None))
            return value
        return made


def _is_resource(value: Any) -> bool:
    return isinstance(value, ResourceDefinition) or getattr(value, "__jobnb_resource__", False)


def _fields_of(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    return {name: getattr(config, name) for name in type(config).model_fields}
