"""The function of a schedule or sensor: what it takes, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jobnb.definitions.arguments import check_resource_keys
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops.function import Function
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError, MissingResourceError


class UserFunction:
    """A user's function that takes a context (or not), perhaps an event, and resources.

    Args:
        fn: The function.
        what: Whose it is, in words: `schedule 'daily'`.
        required_resource_keys: The resources that it takes from `context.resources`.
        extra: What it takes after the context: for an asset sensor, the event.

    Raises:
        InvalidDefinitionError: If it is no function.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        what: str,
        required_resource_keys: Iterable[str] = (),
        extra: int = 0,
    ) -> None:
        if not callable(fn):
            raise InvalidDefinitionError(
                f"The function of the {what} is {fn!r}. Give a function that takes the context."
            )
        self.fn = fn
        self.what = what
        self._extra = extra
        self._function = Function(fn)
        self._keys = check_resource_keys(required_resource_keys, what)

    @lazy
    def resource_names(self) -> tuple[str, ...]:
        """The parameters that take resources."""
        return self._function.resource_names

    @lazy
    def positional(self) -> tuple[str, ...]:
        """The other parameters: the context first, if it takes one."""
        resources = set(self.resource_names)
        return tuple(name for name in self._function.parameters if name not in resources)

    @lazy
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that it needs, as parameters or from its context."""
        names = set(self.resource_names)
        if self._keys and names:
            raise InvalidDefinitionError(
                f"The {self.what} takes resources as parameters ({', '.join(sorted(names))}) and "
                "has required_resource_keys. Keep one of the two."
            )
        return self._keys | names

    @property
    def takes_context(self) -> bool:
        """Whether it takes a context."""
        return bool(self.positional) or self._function.has_var_positional

    def call(self, context: Any, *extra: Any, resources: Mapping[str, Any] | None = None) -> Any:
        """Call it as an evaluation does.

        Args:
            context: What it sees.
            *extra: What comes after the context.
            resources: Resources by key, for its parameters.
        """
        values = self._resources(context, resources or {})
        given = (context, *extra) if self.takes_context else ()
        return self.fn(*given, **values)

    def _resources(self, context: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        if context is not None:
            for key in sorted(self._keys.difference(given)):
                if not hasattr(context.resources, key):
                    raise self._lacks(key)
        missing = [name for name in self.resource_names if name not in given]
        if not missing:
            return {name: given[name] for name in self.resource_names}
        known = context.resources.original_resource_dict if context is not None else {}
        return {
            name: given[name] if name in given else self._known(name, known)
            for name in self.resource_names
        }

    def _known(self, name: str, known: Mapping[str, Any]) -> Any:
        if name in known:
            return known[name]
        raise self._lacks(name)

    def _lacks(self, name: str) -> MissingResourceError:
        by_name = f"as {name}=, or " if name in self.resource_names else ""
        return MissingResourceError(
            f"The {self.what} takes the resource {name!r}, which it was not given. Pass it "
            f"{by_name}to the function that builds the context: resources={{{name!r}: ...}}."
        )

    def invoke(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], builder: str) -> Any:
        """Call it as a test does: `fn(context)`, with resources by name.

        Args:
            args: The context, if it takes one, and what comes after.
            kwargs: Resources by name; the context may be among them.
            builder: What makes a context for tests.

        Raises:
            InvalidInvocationError: If the context is missing, or there is too much.
        """
        named = dict(kwargs)
        resources = {name: named.pop(name) for name in self.resource_names if name in named}
        given = list(args)
        left = self.positional[len(given) :]
        given.extend(named.pop(name) for name in left if name in named)
        if named:
            raise InvalidInvocationError(
                f"The {self.what} takes no {', '.join(map(repr, named))}. It takes: "
                f"{', '.join(self._function.parameters) or 'nothing'}."
            )
        most = 1 + self._extra
        if len(given) > most:
            raise InvalidInvocationError(
                f"The {self.what} is called with {len(given)} values by place, of which it takes "
                f"{most}: the context. Give resources by name."
            )
        if self.takes_context and len(given) < min(len(self.positional), most):
            raise InvalidInvocationError(
                f"The {self.what} takes a context. Pass {builder}() to it."
            )
        context = given[0] if given else None
        values = self._resources(context, resources)
        return self.fn(*(given if self.takes_context else ()), **values)
