"""The `jobnb` command: its groups, and where each command is."""

from __future__ import annotations

import click

from jobnb.cli.exit_codes import epilog
from jobnb.cli.groups import HELP, LazyGroup, OneLineGroup


def _show_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("jobnb")
    except PackageNotFoundError:
        found = "not installed"
    click.echo(f"jobnb, version {found}")
    ctx.exit()


@click.group(cls=OneLineGroup, context_settings=HELP, epilog=epilog(), commands_at={
    "completion": ("jobnb.cli.completion:completion", "Print the set-up of a shell's completion."),
    "daemon": ("jobnb.cli.daemon:daemon", "Evaluate schedules and sensors until it is stopped."),
    "dev": ("jobnb.cli.ui:dev", "Show the page, and evaluate schedules and sensors."),
    "diff": ("jobnb.cli.diff:diff_command", "Compare the definitions of two notebooks."),
    "docs": ("jobnb.cli.docs:docs", "Write the reference of all names as HTML."),
    "execute": ("jobnb.cli.execute:execute", "Execute a notebook, and a job of it."),
    "serve": ("jobnb.cli.serve:serve", "Answer Dagster's GraphQL clients."),
    "ui": ("jobnb.cli.ui:ui", "Show a page in the browser: graph, launchpad, runs."),
    "export": ("jobnb.cli.modules:export_command", "Export a notebook as a Python module."),
    "import": ("jobnb.cli.modules:import_command", "Make a notebook of a Python module."),
})  # fmt: skip
@click.option(
    "-v",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Jobs and assets of Jupyter notebooks, from the command line.

    Commands that need definitions take NOTEBOOK, FILE.py or MODULE as an argument, or as -n, -f
    or -m. Lists print JSON with --json.
    """


_GROUPS: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "job": ("Jobs: list, execute, launch and backfill them.", {
        "backfill": ("jobnb.cli.job_backfill:job_backfill", "Run a job for many partitions."),
        "execute": ("jobnb.cli.jobs:job_execute", "Run a job in this process."),
        "launch": ("jobnb.cli.jobs:job_launch", "Launch a run in a process of its own."),
        "list": ("jobnb.cli.listing:job_list", "List jobs."),
        "print": ("jobnb.cli.job_texts:job_print", "Print the ops of a job."),
        "scaffold-config": ("jobnb.cli.job_texts:job_scaffold_config",
                            "Print a run config to start from."),
        "schema": ("jobnb.cli.job_texts:job_schema", "Print the JSON Schema of a run config."),
    }),
    "asset": ("Assets: list, materialize and wipe them.", {
        "list": ("jobnb.cli.listing:asset_list", "List assets, and how they stand."),
        "materialize": ("jobnb.cli.assets:asset_materialize", "Materialize assets."),
        "wipe": ("jobnb.cli.assets:asset_wipe", "Forget what is known of assets."),
    }),
    "run": ("The history of runs.", {
        "cancel": ("jobnb.cli.runs:run_cancel", "Cancel a run, in whatever process it is."),
        "delete": ("jobnb.cli.runs:run_delete", "Delete a run and its log."),
        "list": ("jobnb.cli.runs:run_list", "List runs, the newest first."),
        "resume": ("jobnb.cli.runs:run_resume", "Run again what did not succeed."),
        "show": ("jobnb.cli.runs:run_show", "Show a run, step by step."),
        "wipe": ("jobnb.cli.runs:run_wipe", "Delete all runs and their logs."),
    }),
    "backfill": ("The history of backfills.", {
        "cancel": ("jobnb.cli.backfills:backfill_cancel",
                   "Cancel a backfill, in whatever process it is."),
        "list": ("jobnb.cli.backfills:backfill_list", "List backfills, the newest first."),
        "resume": ("jobnb.cli.backfills:backfill_resume", "Try again what it has not made."),
        "show": ("jobnb.cli.backfills:backfill_show", "Show how far a backfill is."),
    }),
    "schedule": ("Schedules: list, start, stop and preview them.", {
        "list": ("jobnb.cli.automation:schedule_list", "List schedules, and how they stand."),
        "logs": ("jobnb.cli.automation:schedule_logs", "Show the last ticks of a schedule."),
        "preview": ("jobnb.cli.automation:schedule_preview", "Show what it would launch."),
        "restart": ("jobnb.cli.automation:schedule_restart", "Stop and start schedules."),
        "start": ("jobnb.cli.automation:schedule_start", "Start schedules."),
        "stop": ("jobnb.cli.automation:schedule_stop", "Stop schedules."),
    }),
    "sensor": ("Sensors: list, start, stop and preview them.", {
        "cursor": ("jobnb.cli.automation:sensor_cursor", "Show, set or delete a cursor."),
        "list": ("jobnb.cli.automation:sensor_list", "List sensors, and how they stand."),
        "logs": ("jobnb.cli.automation:sensor_logs", "Show the last ticks of a sensor."),
        "preview": ("jobnb.cli.automation:sensor_preview", "Show what it would launch."),
        "start": ("jobnb.cli.automation:sensor_start", "Start sensors."),
        "stop": ("jobnb.cli.automation:sensor_stop", "Stop sensors."),
    }),
    "definitions": ("What a code location defines.", {
        "validate": ("jobnb.cli.definitions:validate", "Check that all of it can be loaded."),
    }),
    "instance": ("The history as a whole.", {
        "concurrency": ("jobnb.cli.limits:concurrency", "Limits of pools of steps."),
        "info": ("jobnb.cli.instance:info", "Show where it is and what is in it."),
        "migrate": ("jobnb.cli.instance:migrate", "Bring it up to this version's tables."),
        "prune": ("jobnb.cli.instance:prune", "Delete what is old, and unused values."),
        "queue": ("jobnb.cli.limits:queue", "How many runs may be in progress at once."),
    }),
}  # fmt: skip

for _name, (_help, _commands) in _GROUPS.items():
    cli.add_command(LazyGroup(_name, help=_help, commands_at=_commands))


def main() -> None:
    """Run the console script `jobnb`."""
    cli(prog_name="jobnb")


if __name__ == "__main__":
    main()
