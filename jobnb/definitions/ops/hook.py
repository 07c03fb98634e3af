"""Hooks: functions that run after a step has succeeded or failed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal, overload

from jobnb.definitions.arguments import check_resource_keys, telling_nearest
from jobnb.definitions.keys import check_name
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError, MissingResourceError

Trigger = Literal["success", "failure", "events"]
HookFunction = Callable[..., Any]
Decorator = Callable[[HookFunction], "HookDefinition"]


class HookExecutionResult:
    """The result of an event list hook: its name, and whether it was skipped.

    Args:
        hook_name: The hook's name.
        is_skipped: Whether it was skipped.

    Source: Dagster's `HookExecutionResult`.
    """

    __slots__ = ("hook_name", "is_skipped")

    def __init__(self, hook_name: str, is_skipped: bool | None = None) -> None:
        self.hook_name = hook_name
        self.is_skipped = bool(is_skipped)


class HookDefinition:
    """A function that runs after each step of an op, graph or job with the hook.

    Usually made by `@success_hook` or `@failure_hook`.

    Args:
        name: Its name: letters, digits, underscores.
        hook_fn: Takes the context, or (for the trigger `events`) the context and the events.
        required_resource_keys: Resources it uses.
        decorated_fn: The decorated function, if there is one.

    Attributes:
        trigger: "success", "failure" or "events" (after every step, with its events).

    Source: Dagster's `HookDefinition`.
    """

    __slots__ = ("decorated_fn", "hook_fn", "name", "required_resource_keys", "trigger")

    def __init__(
        self,
        name: str,
        hook_fn: HookFunction,
        required_resource_keys: Iterable[str] | None = None,
        decorated_fn: HookFunction | None = None,
    ) -> None:
        self.name = check_name(name, "a hook")
        if not callable(hook_fn):
            raise InvalidDefinitionError(f"The hook_fn of hook {name!r} is no function.")
        self.hook_fn = hook_fn
        self.required_resource_keys = check_resource_keys(required_resource_keys, f"hook {name!r}")
        self.decorated_fn = decorated_fn
        self.trigger: Trigger = "events"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add the hook to a graph or job, or call its function in a test.

        Args:
            *args: A graph or job, to return a copy with the hook. Otherwise the function's
                arguments: `build_hook_context()`, and for an event list hook, the events.
            **kwargs: The same by name.

        Raises:
            InvalidInvocationError: If it is neither of these.
        """
        if len(args) == 1 and not kwargs and hasattr(type(args[0]), "with_hooks"):
            return args[0].with_hooks({self})  # Looked up on the class: a mock has every attribute.
        fn = self.decorated_fn or self.hook_fn
        try:
            inspect.signature(fn).bind(*args, **kwargs)
        except TypeError as error:
            wanted = "the context and the list of events" if self.trigger == "events" else "context"
            raise InvalidInvocationError(
                f"The hook {self.name!r} is called with {wanted} ({error}): pass "
                "build_hook_context()."
            ) from None
        self._check_resources(args[0] if args else next(iter(kwargs.values())))
        return fn(*args, **kwargs)

    def _check_resources(self, context: Any) -> None:
        if context is None or not self.required_resource_keys:
            return
        resources = getattr(context, "resources", None)
        missing = [key for key in sorted(self.required_resource_keys) if not _has(resources, key)]
        if missing:
            raise MissingResourceError(
                f"The hook {self.name!r} needs the resources {', '.join(map(repr, missing))}: "
                "pass them to build_hook_context(resources={...})."
            )

    def __repr__(self) -> str:
        return f"HookDefinition({self.name!r}, on {self.trigger})"


def _has(resources: Any, key: str) -> bool:
    try:
        getattr(resources, key)
    except Exception:  # noqa: BLE001 - resources may raise anything
        return False
    return True


def _make(
    fn: HookFunction,
    trigger: Trigger,
    name: str | None,
    required_resource_keys: Iterable[str] | None,
) -> HookDefinition:
    if not callable(fn):
        raise InvalidDefinitionError(f"Put a hook decorator on a function, not on {fn!r}.")
    wanted = ("context", "event_list") if trigger == "events" else ("context",)
    label = name or str(getattr(fn, "__name__", "hook"))
    try:
        inspect.signature(fn).bind(*wanted)
    except TypeError as error:
        raise InvalidDefinitionError(
            f"The hook {label!r} must take {' and '.join(wanted)} and nothing else: {error}."
        ) from None
    made = HookDefinition(label, fn, required_resource_keys, fn)
    made.trigger = trigger
    return made


@overload
def success_hook(hook_fn: HookFunction) -> HookDefinition: ...
@overload
def success_hook(
    hook_fn: None = None,
    name: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
) -> Decorator: ...
@telling_nearest
def success_hook(
    hook_fn: HookFunction | None = None,
    name: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
) -> HookDefinition | Decorator:
    """Define a hook that runs after a step succeeds, with a function of a `HookContext`.

    Args:
        hook_fn: The function; the decorator also works without parentheses.
        name: The hook's name; the function's if not given.
        required_resource_keys: Resources it uses.

    Example:
        >>> @success_hook(required_resource_keys={"mailer"})
        ... def tell(context):
        ...     context.resources.mailer.send(context.step_key)
        >>> tell
        HookDefinition('tell', on success)

    Source: Dagster's `success_hook`.
    """
    if hook_fn is not None:
        return _make(hook_fn, "success", name, required_resource_keys)
    return lambda fn: _make(fn, "success", name, required_resource_keys)


@overload
def failure_hook(name: HookFunction) -> HookDefinition: ...
@overload
def failure_hook(
    name: str | None = None, required_resource_keys: Iterable[str] | None = None
) -> Decorator: ...
@telling_nearest
def failure_hook(
    name: str | HookFunction | None = None, required_resource_keys: Iterable[str] | None = None
) -> HookDefinition | Decorator:
    """Define a hook that runs after a step fails, with a function of a `HookContext`.

    Args:
        name: The hook's name; the function's if not given.
        required_resource_keys: Resources it uses.

    Example:
        >>> @failure_hook
        ... def complain(context):
        ...     print(context.op_exception)
        >>> complain.trigger
        'failure'

    Source: Dagster's `failure_hook`.
    """
    if callable(name):
        return _make(name, "failure", None, required_resource_keys)
    label = name
    return lambda fn: _make(fn, "failure", label, required_resource_keys)


@overload
def event_list_hook(hook_fn: HookFunction) -> HookDefinition: ...
@overload
def event_list_hook(
    hook_fn: str | None = None, required_resource_keys: Iterable[str] | None = None
) -> Decorator: ...
def event_list_hook(
    hook_fn: HookFunction | str | None = None, required_resource_keys: Iterable[str] | None = None
) -> HookDefinition | Decorator:
    """Define a hook that runs after every step, with a function of context and events.

    Args:
        hook_fn: The function, or the hook's name.
        required_resource_keys: Resources it uses.

    Source: Dagster's `event_list_hook`.
    """
    if callable(hook_fn):
        return _make(hook_fn, "events", None, required_resource_keys)
    return lambda fn: _make(fn, "events", hook_fn, required_resource_keys)


def checked_hooks(hooks: Iterable[Any], what: str) -> frozenset[HookDefinition]:
    """Return hooks, each once.

    Raises:
        InvalidDefinitionError: If something is no hook.
    """
    found = frozenset(hooks)
    for each in found:
        if not isinstance(each, HookDefinition):
            raise InvalidDefinitionError(
                f"{each!r} is no hook of {what}. Decorate a function with @success_hook or "
                "@failure_hook."
            )
    return found
