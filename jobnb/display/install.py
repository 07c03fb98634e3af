"""Add rich reprs to classes from outside, so that lower rooms need no display code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

# For each class the function that makes its view, both as `module:name`. A view's module is
# imported when the first of its kind is shown.
VIEWS = {
    "jobnb.definitions.ops.op:OpDefinition": "noun_views:op_view",
    "jobnb.definitions.ops.graph_definition:GraphDefinition": "noun_views:graph_view",
    "jobnb.definitions.jobs.job_definition:JobDefinition": "noun_views:job_view",
    "jobnb.definitions.assets.assets_definition:AssetsDefinition": "asset_views:known_asset_view",
    "jobnb.definitions.assets.source_asset:SourceAsset": "asset_views:known_source_view",
    "jobnb.definitions.assets.asset_spec:AssetSpec": "asset_views:spec_view",
    "jobnb.definitions.assets.observable_asset:ObservableAssets": "asset_views:observable_view",
    "jobnb.definitions.assets.asset_job:AssetJobDefinition": "asset_views:known_job_view",
    "jobnb.definitions.checks.asset_checks_definition:AssetChecksDefinition": (
        "check_views:check_view"
    ),
    "jobnb.definitions.locations.definitions:Definitions": "asset_views:definitions_view",
    "jobnb.definitions.metadata_values:MetadataValue": "other_views:metadata_view",
    "jobnb.config.run_config:RunConfig": "yaml_text:run_config_view",
    "jobnb.registry.session:Session": "asset_views:session_view",
    "jobnb.storage.executed_notebook:ExecutedNotebook": "executed_notebooks:notebook_view",
    "jobnb.storage.run_table:RunTable": "history_views:run_table_view",
    "jobnb.storage.run:RunRecord": "history_views:record_view",
    "jobnb.storage.run:JobRun": "history_views:recorded_run_view",
    "jobnb.storage.ticks:Tick": "automation_views:tick_view",
    "jobnb.storage.partition_tables:StatusTable": "partition_views:partitions_view",
    "jobnb.definitions.automation.schedule:ScheduleDefinition": "automation_views:schedule_view",
    "jobnb.definitions.automation.sensor:SensorDefinition": "automation_views:sensor_view",
    "jobnb.automation.automation:Automation": "automation_views:automation_view",
    "jobnb.automation.conditions:EvaluateAutomationConditionsResult": (
        "automation_views:conditions_view"
    ),
    "jobnb.automation.backfill:Backfill": "backfill_views:backfill_view",
    "jobnb.staleness.causes:AssetStatus": "status_views:status_view",
    "jobnb.staleness.causes:AssetStatuses": "status_views:statuses_view",
    "jobnb.staleness.differences:DefinitionsDiff": "diff_views:diff_view",
    "jobnb.execution.result:ExecuteInProcessResult": "result_views:result_view",
    "jobnb.execution.background:Run": "result_views:live_run_view",
    "jobnb.execution.debugging:OpenedStep": "step_views:opened_view",
    "jobnb.events:ErrorInfo": "other_views:error_view",
    "jobnb.errors:JobnbError": "other_views:exception_view",
}
# For some of these also what makes its live view, which is shown where there is a front end.
WIDGETS = {
    "jobnb.definitions.ops.graph_definition:GraphDefinition": "job:graph_widget",
    "jobnb.definitions.jobs.job_definition:JobDefinition": "job:JobView",
    "jobnb.definitions.assets.asset_job:AssetJobDefinition": "job:JobView",
    "jobnb.definitions.assets.assets_definition:AssetsDefinition": "asset:AssetView",
    "jobnb.registry.session:Session": "catalogue:SessionView",
    "jobnb.storage.run_table:RunTable": "history:HistoryView",
    "jobnb.storage.partition_tables:StatusTable": "partitions:PartitionsView",
    "jobnb.definitions.automation.schedule:ScheduleDefinition": "automation:instigator_widget",
    "jobnb.definitions.automation.sensor:SensorDefinition": "automation:instigator_widget",
    "jobnb.automation.automation:Automation": "automation:AutomationView",
    "jobnb.automation.backfill:Backfill": "backfill:BackfillView",
    "jobnb.staleness.causes:AssetStatus": "status_views:status_view",
    "jobnb.staleness.causes:AssetStatuses": "status_views:statuses_view",
    "jobnb.staleness.differences:DefinitionsDiff": "diff:DiffView",
    "jobnb.execution.result:ExecuteInProcessResult": "run:RunView",
    "jobnb.execution.background:Run": "run:RunView",
    "jobnb.execution.debugging:OpenedStep": "step:StepView",
}
_RESULT = "jobnb.execution.result:ExecuteInProcessResult"
_METHOD, _DISPLAY = "_repr_mimebundle_", "_ipython_display_"


def install(shell: Any = None) -> None:
    """Add rich reprs to jobnb's classes, once.

    Args:
        shell: The IPython shell, which `%load_ext` passes. With it, classes of modules that are
            not imported yet wait until they are; without it, they are imported now.

    Example:
        >>> from jobnb.errors import JobnbError
        >>> install()
        >>> sorted(JobnbError("no")._repr_mimebundle_())
        ['image/svg+xml', 'text/html', 'text/plain']
    """
    for target in VIEWS:
        module, _, name = target.partition(":")
        waits = shell is not None and module not in sys.modules
        for formatter, method, made in _hung(target):
            if waits:
                formatters = shell.display_formatter
                getattr(formatters, formatter).for_type_by_name(module, name, made)
            else:
                setattr(_found(target), method, made)


def uninstall(shell: Any = None) -> None:
    """Remove the rich reprs, as `%unload_ext` does."""
    for target in VIEWS:
        module, _, name = target.partition(":")
        class_ = getattr(sys.modules.get(module), name, None)
        for formatter, method, _made in _hung(target):
            if shell is not None:
                getattr(shell.display_formatter, formatter).pop(f"{module}.{name}", None)
            if class_ is not None and method in vars(class_):
                delattr(class_, method)


def _hung(target: str) -> Iterator[tuple[str, str, Any]]:
    """Iterate over a class's formatters: the MIME type or method, its name, and the function."""
    yield "mimebundle_formatter", _METHOD, _method(target)
    if target in WIDGETS:
        yield "ipython_display_formatter", _DISPLAY, _display(target)


def _found(target: str) -> Any:
    """Return the thing at `module:name`."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _method(target: str) -> Any:
    def _repr_mimebundle_(self: Any, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """Return text, HTML and a picture, and a live widget if there is a front end."""
        return {**mimebundle(self, VIEWS[target]), **live_bundle(self, WIDGETS.get(target))}

    return _repr_mimebundle_


def _display(target: str) -> Any:
    def _ipython_display_(self: Any) -> None:
        """Show it alive, and as a picture that stays; the other forms where nobody is there."""
        if target == _RESULT and _is_shown(self.run_id):
            return  # its view stands under the cell already
        widget = live_widget(self, WIDGETS[target])
        if widget is None:
            raise NotImplementedError
        from jobnb.display.widgets.live_and_static import show_twins

        show_twins(widget, lambda: dict(mimebundle(self, VIEWS[target])))

    return _ipython_display_


def _is_shown(run_id: str) -> bool:
    awaited = sys.modules.get("jobnb.display.blocking_run")
    return awaited is not None and awaited.is_shown(run_id)


def live_widget(value: Any, widget: str) -> Any:
    """Return the live view of a value; None without a front end. Never raises.

    Args:
        value: What to show.
        widget: What makes the widget, as `module:name` within `display.widgets`.
    """
    from jobnb.display.environment import attempt, has_front_end

    if not has_front_end():
        return None
    return attempt(lambda: _found(f"jobnb.display.widgets.{widget}")(value), None)


def live_bundle(value: Any, widget: str | None) -> dict[str, Any]:
    """Return the bundle of a value's live view; empty without a front end. Never raises.

    Args:
        value: What to show.
        widget: What makes the widget, as `module:name` within `display.widgets`.
    """
    shown = live_widget(value, widget) if widget is not None else None
    if shown is None:
        return {}
    from jobnb.display.environment import attempt
    from jobnb.display.widgets.live_and_static import widget_bundle

    return attempt(lambda: widget_bundle(shown), {})


def mimebundle(value: Any, view: str) -> dict[str, str]:
    """Return the bundle of a value's view; a plain one if the view fails. Never raises.

    Args:
        value: What to show.
        view: The function, as `module:name` within this room.
    """
    from jobnb.display.environment import attempt
    from jobnb.display.value_words import short_repr
    from jobnb.display.view import bundle, fallback_bundle

    shown = attempt(lambda: bundle(_found(f"jobnb.display.{view}")(value)), None)
    return fallback_bundle(short_repr(value, 4000)) if shown is None else shown
