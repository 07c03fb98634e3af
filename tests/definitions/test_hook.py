"""Hooks: made by decorators, put on graphs and jobs, called in tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from jobnb import (
    HookDefinition,
    HookExecutionResult,
    InvalidDefinitionError,
    InvalidInvocationError,
    event_list_hook,
    failure_hook,
    success_hook,
)


class Target:
    """Takes hooks as graphs and jobs do."""

    def __init__(self, hooks: frozenset[HookDefinition] = frozenset()) -> None:
        self.hooks = hooks

    def with_hooks(self, hook_defs: set[HookDefinition]) -> Target:
        return Target(self.hooks | hook_defs)


@pytest.mark.parametrize(
    ("decorator", "trigger"), [(success_hook, "success"), (failure_hook, "failure")]
)
def test_decorators_with_and_without_parentheses(decorator: Any, trigger: str) -> None:
    def tell(_context: Any) -> None: ...

    bare, named = decorator(tell), decorator(name="n", required_resource_keys={"db"})(tell)
    assert (bare.name, bare.trigger, bare.required_resource_keys) == ("tell", trigger, frozenset())
    assert (named.name, named.trigger, named.required_resource_keys) == ("n", trigger, {"db"})
    assert bare.hook_fn is bare.decorated_fn is tell


def test_a_hook_on_events() -> None:
    @event_list_hook
    def watch(context: Any, event_list: list[Any]) -> HookExecutionResult:
        return HookExecutionResult("watch", is_skipped=not event_list)

    @event_list_hook("other", {"db"})
    def watch_too(context: Any, event_list: list[Any]) -> None: ...

    assert watch.trigger == watch_too.trigger == HookDefinition("x", print).trigger == "events"
    assert watch("context", []).is_skipped
    assert not watch(context="context", event_list=[1]).is_skipped
    assert (watch_too.name, watch_too.required_resource_keys) == ("other", {"db"})


def test_a_hook_is_put_on_whatever_takes_hooks() -> None:
    hook, other = success_hook(_one), failure_hook(_one)
    made = other(hook(Target()))
    assert made.hooks == {hook, other}


def _one(_context: Any) -> str:
    return "done"


def test_a_hook_is_called_with_its_context() -> None:
    hook = success_hook(_one)
    assert hook(SimpleNamespace()) == "done"
    assert hook(_context=None) == "done"
    for arguments in ((), (1, 2)):
        with pytest.raises(InvalidInvocationError, match="hook '_one' is called with context"):
            hook(*arguments)


def test_a_hook_asks_for_its_resources() -> None:
    hook = success_hook(required_resource_keys={"db", "mail"})(_one)
    with pytest.raises(InvalidInvocationError, match="'_one' needs the resources 'mail'"):
        hook(SimpleNamespace(resources=SimpleNamespace(db=1)))
    assert hook(SimpleNamespace(resources=SimpleNamespace(db=1, mail=2))) == "done"


@pytest.mark.parametrize(
    ("decorator", "fn"),
    [
        (success_hook, lambda: 1),
        (success_hook, lambda _a, _b: 1),
        (failure_hook, lambda _a, _b: 1),
        (event_list_hook, lambda _a: 1),
        (success_hook, 3),
    ],
)
def test_functions_that_take_something_else_are_refused(decorator: Any, fn: Any) -> None:
    with pytest.raises(InvalidDefinitionError):
        decorator(name="x")(fn) if decorator is not event_list_hook else decorator("x")(fn)


def test_names_are_checked() -> None:
    with pytest.raises(InvalidDefinitionError, match="a hook"):
        HookDefinition("a b", print)
    with pytest.raises(InvalidDefinitionError, match="function"):
        HookDefinition("a", 3)  # type: ignore[arg-type]


def test_a_mock_of_a_context_is_no_graph_to_put_a_hook_on() -> None:
    seen: list[Any] = []
    context = mock.MagicMock()
    success_hook(seen.append)(context)
    assert seen == [context]
    context.with_hooks.assert_not_called()
