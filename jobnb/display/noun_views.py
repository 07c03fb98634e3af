"""Views of ops, graphs and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.display.config_fields import fields_html, fields_text
from jobnb.display.environment import attempt
from jobnb.display.graph_pictures import as_seen, graph_picture, job_picture, node_picture
from jobnb.display.html import (
    EMPTY,
    Html,
    code,
    header,
    join,
    pairs,
    preformatted,
    table,
    tabs,
    tag,
)
from jobnb.display.markdown_html import markdown
from jobnb.display.picture import Picture, input_type, output_type
from jobnb.display.text import picture_text, shorten
from jobnb.display.view import View, picture_html
from jobnb.display.yaml_text import yaml_text
from jobnb.markdown import plain


def op_view(op: OpDefinition[..., Any]) -> View:
    """Return the view of an op: picture, documentation, inputs, outputs, config, resources."""
    picture = node_picture(op)
    html = join(
        [
            header(op.name, "op", note=tag_words(op.tags)),
            doc_html(op.description),
            picture_html(picture),
            tabs(
                [
                    ("Inputs and outputs", _puts_html(op)),
                    ("Config", fields_html(_config_schema(op))),
                    ("Resources", words(op_resources(op))),
                ],
                open_=2,
            ),
        ]
    )
    return View(f"op {op.name}", _op_text(op), html, picture)


def _op_text(op: OpDefinition[..., Any]) -> str:
    lines = [f"op {op.name}" + doc_line(op.description)]
    lines += [f"  in   {name}{_typed(input_type(op, name))}" for name in op.input_names]
    lines += [f"  out  {name}{_typed(output_type(op, name))}" for name in op.output_names]
    lines += [f"  config  {line}" for line in fields_text(_config_schema(op))]
    lines += [f"  resource  {name}" for name in op_resources(op)]
    return "\n".join(lines)


def _typed(name: str) -> str:
    return f": {name}" if name else ""


def _config_schema(op: OpDefinition[..., Any]) -> Any:
    # An annotation may name what a later cell defines.
    return attempt(lambda: op.config_schema, None)


def op_resources(op: Any) -> list[str]:
    """Return the resources of an op, sorted; none if its annotations cannot be evaluated yet."""
    return attempt(lambda: sorted(op.required_resource_keys), [])


def _puts_html(op: OpDefinition[..., Any]) -> Html:
    rows = [["in", code(n), input_type(op, n), _about(op, n, "ins")] for n in op.input_names]
    rows += [["out", code(n), output_type(op, n), _about(op, n, "outs")] for n in op.output_names]
    return table(["", "name", "type", ""], rows) if rows else EMPTY


def _about(op: OpDefinition[..., Any], name: str, where: str) -> str:
    given = (op.given_ins if where == "ins" else op.given_outs).get(name)
    parts = [given.description or "" if given else ""]
    if where == "outs" and given is not None:
        parts.append("" if getattr(given, "is_required", True) else "optional")
        parts.append("dynamic" if op.is_dynamic(name) else "")
    return ", ".join(part for part in parts if part)


def graph_view(graph: GraphDefinition) -> View:
    """Return the view of a graph with its nested graphs."""
    picture = graph_picture(graph)
    puts = ", ".join(graph.input_names) or "no inputs"
    outs = ", ".join(graph.output_names) or "no outputs"
    html = join(
        [
            header(graph.name, "graph", note=f"{puts} → {outs}"),
            doc_html(graph.description),
            picture_html(picture),
            tabs([("Config", _graph_config(graph)), ("Tags", pairs(dict(graph.tags)))], open_=0),
        ]
    )
    return View(f"graph {graph.name}", picture_text(picture), html, picture)


def _graph_config(graph: GraphDefinition) -> Html:
    mapping = graph.config_mapping
    if isinstance(mapping, Mapping):
        return preformatted(yaml_text(mapping))
    return fields_html(getattr(mapping, "config_schema", None))


def job_view(job: JobDefinition, *, picture: Picture | None = None, session: Any = None) -> View:
    """Return the view of a job: its graph, config fields, resources and tags."""
    drawn, said = as_seen(job, session)
    picture = picture or job_picture(drawn)
    noun = "asset job" if job.asset_layer is not None else "job"
    html = join(
        [
            header(job.name, noun, note=tag_words(job.tags)),
            tag("div", said, css="jn-muted") if said else EMPTY,
            doc_html(job.description),
            picture_html(picture),
            tabs(
                [
                    ("Config", _job_config(job)),
                    ("Resources", resources_html(job.resource_defs)),
                    ("Tags", pairs(dict(job.tags))),
                    ("Runs with", _runs_with(job)),
                ],
                open_=1,
            ),
        ]
    )
    about = doc_line(job.description).removeprefix(" - ")
    text = "\n".join(filter(None, [picture_text(picture), about, said]))
    return View(f"{noun} {job.name}", text, html, picture)


def _job_config(job: JobDefinition) -> Html:
    """Return the config that is hard-coded, or the fields of its mapping and of its ops."""
    parts: list[Html] = []
    if job.run_config:
        parts.append(preformatted(yaml_text(job.run_config)))
    mapping = job.config_mapping
    if mapping is not None:
        parts.append(fields_html(mapping.config_schema))
    if not job.run_config and mapping is None:
        parts += [_titled(name, fields_html(_config_schema(op))) for name, op in _ops_of(job)]
    return join(parts)


def _titled(name: str, body: Html) -> Html:
    return join([tag("div", code(name)), body]) if body else EMPTY


def _ops_of(job: JobDefinition) -> Iterable[tuple[str, OpDefinition[..., Any]]]:
    """Iterate over the ops of a job by their paths, the first fifty."""
    if job.asset_layer is not None:
        nodes = [(each.node_def.name, each.node_def) for each in job.asset_layer.assets]
    else:
        nodes = [(node.name, node.definition) for node in job.graph.nodes]
    count = 0
    while nodes and count < 50:
        name, definition = nodes.pop(0)
        if isinstance(definition, OpDefinition):
            count += 1
            yield name, definition
        elif isinstance(definition, GraphDefinition):
            nodes += [(f"{name}.{node.name}", node.definition) for node in definition.nodes]


def resources_html(resources: Mapping[str, Any]) -> Html:
    """Return resources as HTML: key, type, fields."""
    rows = [[code(key), *resource_words(each)] for key, each in resources.items()]
    return table(["key", "kind", "config", ""], rows) if rows else EMPTY


def resource_words(resource: Any) -> list[str | Html]:
    """Return the type of a resource, its fields, and its documentation."""
    if hasattr(resource, "value") and not isinstance(resource, type):
        return [type(resource.value).__name__, "", "a value"]
    function = getattr(resource, "resource_fn", None)
    name = getattr(function, "__name__", "") or type(resource).__name__
    fields = ", ".join(fields_text(getattr(resource, "config_schema", None)))
    about = plain(getattr(resource, "description", None) or "")
    return [name.replace("<lambda>", "resource"), shorten(fields, 160), shorten(about, 160)]


def _runs_with(job: JobDefinition) -> Html:
    facts: dict[str, str | None] = {}
    if job.has_specified_executor:
        facts["executor"] = str(getattr(job.executor_def, "name", "") or job.executor_def)
    partitions_def = attempt(lambda: job.partitions_def, None)
    if partitions_def is not None:
        facts["partitions"] = shorten(repr(partitions_def), 200)
    if job.hook_defs:
        facts["hooks"] = ", ".join(sorted(str(hook.name) for hook in job.hook_defs))
    if job.op_retry_policy is not None:
        facts["retries"] = str(job.op_retry_policy.max_retries)
    return pairs(facts)


def doc_html(description: str | None) -> Html:
    """Return a description as prose."""
    return tag("div", markdown(description), css="jn-doc") if description else EMPTY


def doc_line(description: str | None) -> str:
    """Return the first line of a description, after a dash."""
    first = plain(description or "").partition("\n")[0].strip()
    return f" - {shorten(first, 100)}" if first else ""


def words(names: Iterable[str]) -> Html:
    """Return names with commas between."""
    return join([code(name) for name in names], ", ")


def tag_words(tags: Mapping[str, str]) -> str:
    """Return tags on one line."""
    return shorten(" · ".join(f"{name}={value}" for name, value in tags.items()), 160)
