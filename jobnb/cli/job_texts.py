"""`jobnb job print`, `scaffold-config` and `schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.jobs import chosen_job, job_option
from jobnb.cli.location import takes_code
from jobnb.cli.output import as_json_option, print_json

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource


def _job(code: CodeSource, name: str | None) -> Any:
    definitions = code.load()
    return definitions.get_job_def(chosen_job(list(definitions.job_names), name, code.name))


@click.command("print")
@takes_code()
@job_option
@click.option("--verbose", is_flag=True, help="Also print inputs, outputs and descriptions.")
@as_json_option
def job_print(code: CodeSource, job: str | None, verbose: bool, as_json: bool) -> None:
    """Print the ops or assets of a job, in the order in which they run."""
    from jobnb.plan.build import build_plan

    definition = _job(code, job)
    plan = build_plan(definition, check_config=False)
    steps = [_step(plan, index) for group in plan.order for index in group]
    if as_json:
        told = {"name": definition.name, "description": definition.description, "steps": steps}
        print_json(told)
        return
    click.echo(f"Job: {definition.name}")
    if verbose and definition.description:
        click.echo(f"  {definition.description.strip()}")
    for step in steps:
        after = f"  <- {', '.join(step['after'])}" if step["after"] else ""
        click.echo(f"  {step['step']}{after}")
        if verbose:
            _print_more(step)


def _print_more(step: dict[str, Any]) -> None:
    if step["description"]:
        click.echo(f"      {step['description'].strip()}")
    for word in ("inputs", "outputs"):
        for each in step[word]:
            click.echo(f"      {word[:-1]} {each['name']}: {each['type']}")


def _step(plan: Any, index: int) -> dict[str, Any]:
    step = plan.steps[index]
    return {
        "step": step.key,
        "after": sorted({plan.steps[each.step].key for each in step.waits_for}),
        "description": getattr(step.op, "description", None) or None,
        "inputs": [_port(each) for each in step.inputs],
        "outputs": [_port(each) for each in step.outputs],
    }


def _port(port: Any) -> dict[str, str]:
    return {"name": port.name, "type": str(port.data_type.display_name)}


@click.command("scaffold-config")
@takes_code()
@job_option
@click.option("--print-only-required", is_flag=True, help="Leave out what has a default.")
@as_json_option
def job_scaffold_config(
    code: CodeSource, job: str | None, print_only_required: bool, as_json: bool
) -> None:
    """Print a run config to start from: defaults, and a sample where a value is required."""
    from jobnb.config.samples import scaffold
    from jobnb.config.yaml import dump_yaml

    made = scaffold(_tree(_job(code, job)), print_only_required)
    if as_json:
        print_json(made)
    else:
        click.echo(dump_yaml(made).rstrip("\n"))


@click.command("schema")
@takes_code()
@job_option
def job_schema(code: CodeSource, job: str | None) -> None:
    """Print the JSON Schema of a job's run config, for editors.

    In VS Code: `"yaml.schemas": {"daily.schema.json": "conf/*.yaml"}`.
    """
    from jobnb.config import json_schema

    definition = _job(code, job)
    schema = json_schema(_tree(definition))
    about = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Run config of the job {definition.name}",
    }
    click.echo(json.dumps({**schema, **about}, indent=2, ensure_ascii=False))


def _tree(job: Any) -> Any:
    from jobnb.plan.run_config import config_schema_of

    return config_schema_of(job)
