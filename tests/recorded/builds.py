"""Build what a description says, with Dagster or with jobnb, run it, and return the outcome.

A description is JSON (see `descriptions.py`). Nothing here is of one of the two libraries: either
is passed in as `D`, and has the names as attributes. So the same lines record and compare.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterator
from typing import Any, Optional

Description = dict[str, Any]
Outcome = dict[str, Any]

CODES = {
    "STEP_START": "S",
    "STEP_INPUT": "I",
    "LOADED_INPUT": "L",
    "STEP_OUTPUT": "O",
    "HANDLED_OUTPUT": "H",
    "STEP_SUCCESS": "W",
    "STEP_FAILURE": "X",
    "STEP_SKIPPED": "K",
    "STEP_UP_FOR_RETRY": "R",
    "STEP_RESTARTED": "A",
    "HOOK_COMPLETED": "h",
    "HOOK_ERRORED": "e",
    "HOOK_SKIPPED": "k",
    "ASSET_MATERIALIZATION": "M",
    "ASSET_OBSERVATION": "V",
    "ASSET_MATERIALIZATION_PLANNED": "P",
    "STEP_EXPECTATION_RESULT": "E",
    "PIPELINE_START": "b",
    "PIPELINE_SUCCESS": "w",
    "PIPELINE_FAILURE": "x",
    "RESOURCE_INIT_STARTED": "r",
    "RESOURCE_INIT_SUCCESS": "s",
    "RESOURCE_INIT_FAILURE": "f",
}
"""A sign for each kind of event that is compared."""

NOW = dt.datetime(2023, 4, 5, 6, 7, tzinfo=dt.UTC)


def outcome_of(description: Description, D: Any) -> Outcome:
    """What comes of a description."""
    return _KINDS[description["kind"]](description, D)


def _names(error: BaseException, D: Any) -> list[str]:
    """The names of the classes of an error, as Dagster calls them too."""
    theirs = getattr(D, "names_of_error", None)
    return theirs(error) if theirs else [type(error).__name__]


def _tried(D: Any, make: Callable[[], Any]) -> Any:
    """A value as text, or the error that came instead."""
    try:
        return repr(make())
    except Exception as error:
        return {"error": _names(error, D)}


def _define(source: str, space: dict[str, Any]) -> None:
    """Run lines that define a function with the parameters that a description asks for."""
    # What this module imports from the future is not passed on: annotations are to be classes.
    exec(compile(source, "<described>", "exec", dont_inherit=True), space)


# --- jobs ---------------------------------------------------------------------------------


def _job(description: Description, D: Any) -> Outcome:
    log: list[str] = []
    try:
        job = _Jobs(D, description, log).job()
    except Exception as error:
        return {"definition": _names(error, D)}
    given = {"run_config": description.get("config")}
    if "partition" in description:
        given["partition_key"] = description["partition"]
    if "select" in description:
        given["op_selection"] = description["select"]
    told = _run(D, lambda fails: job.execute_in_process(raise_on_error=fails, **given), log)
    result = told.pop("result", None)
    if result is not None:
        told["values"] = {
            each: _tried(D, lambda each=each: result.output_for_node(*each.split("/")))
            for each in _outputs(description)
        }
    told["log"] = log
    return told


def _outputs(description: Description) -> Iterator[str]:
    for number, node in enumerate(description["nodes"]):
        kind = node.get("out", "one")
        if kind == "two":
            yield from (f"n{number}/x", f"n{number}/y")
        elif "graph" not in node or node["ret"] is not None:
            yield f"n{number}"


def _run(D: Any, run: Callable[[bool], Any], log: list[str] | None = None) -> Outcome:
    """How a run ends that raises; then the events, and the log, of one that does not."""
    told: Outcome = {}
    try:
        run(True)
    except Exception as error:
        told["raised"] = _names(error, D)
    if log is not None:
        log.clear()
    try:
        result = run(False)
    except Exception as error:
        told["refused"] = _names(error, D)
        return told
    told["success"] = result.success
    told["events"] = _events(result.all_events)
    told["result"] = result
    return told


def _events(events: Any) -> dict[str, str]:
    """The signs of the events of each step in their order, and under "" those of the run."""
    signs: dict[str, str] = {}
    for each in events:
        sign = CODES.get(each.event_type_value)
        if sign is not None:
            place = "" if sign in "rsfbwxP" else each.step_key or ""
            signs[place] = signs.get(place, "") + sign
    # Hooks are a set: in which order they are called is chance.
    return {key: _sorted_hooks(text) for key, text in sorted(signs.items())}


def _sorted_hooks(signs: str) -> str:
    done, hooks = "", ""
    for sign in signs + " ":
        if sign in "hek":
            hooks += sign
        else:
            done, hooks = done + "".join(sorted(hooks)) + sign, ""
    return done.rstrip()


class _Jobs:
    """Builds the job of a description."""

    def __init__(self, D: Any, description: Description, log: list[str]) -> None:
        self.D, self.description, self.log = D, description, log

    def job(self) -> Any:
        D, said = self.D, self.description
        resources = {key: self._resource(key, each) for key, each in said.get("res", {}).items()}
        if "io" in said:
            resources["io_manager"] = _io_manager(D, said["io"], self.log)
        given: dict[str, Any] = {"resource_defs": resources or None}
        given["hooks"] = {self._hook(i, each) for i, each in enumerate(said.get("hooks", []))}
        if "keys" in said:
            given["config"] = D.static_partitioned_config(said["keys"])(lambda key: {})
        if "retry" in said:
            given["op_retry_policy"] = D.RetryPolicy(max_retries=said["retry"])
        ops = [self.node(f"n{i}", each) for i, each in enumerate(said["nodes"])]

        def composed() -> None:
            self._compose(ops, said["nodes"], ())

        return D.job(name="made", **given)(composed)

    def node(self, name: str, said: Description) -> Any:
        return self._graph(name, said) if "graph" in said else self._op(name, said)

    def _graph(self, name: str, said: Description) -> Any:
        ops = [self.node(f"{name}_{i}", each) for i, each in enumerate(said["graph"])]
        names = [f"p{i}" for i in range(len(said["in"]))]

        def inside(*given: Any) -> Any:
            placed = self._compose(ops, said["graph"], given)
            return None if said["ret"] is None else placed[said["ret"]]

        space: dict[str, Any] = {"inside": inside}
        _define(f"def compose({', '.join(names)}):\n    return inside({', '.join(names)})", space)
        out = {} if said["ret"] is None else {"out": self.D.GraphOut()}
        return self.D.graph(name=name, **out)(space["compose"])

    def _compose(
        self, ops: list[Any], said: list[Description], given: tuple[Any, ...]
    ) -> list[Any]:
        placed: list[Any] = []
        for op, each in zip(ops, said, strict=True):
            placed.append(self._invoke(op, each, placed, given))
        return placed

    def _invoke(self, op: Any, said: Description, placed: list[Any], given: tuple[Any, ...]) -> Any:
        fixed: dict[str, Any] = {}
        mapped: tuple[str, Any] | None = None
        for i, (mode, *places) in enumerate(said.get("in", ())):
            if mode == "unfed":
                continue
            found = [self._found(place, placed, given) for place in places]
            name = f"p{i}" if "graph" in said else f"i{i}"
            if mode == "map":
                mapped = name, found[0]
            elif mode == "many":
                fixed[name] = found
            else:
                fixed[name] = found[0].collect() if mode == "collect" else found[0]
        if said.get("hooked"):
            op = op.with_hooks({self._hook(9, said["hooked"])})
        if mapped is None:
            return op(**fixed)
        name, over = mapped
        return over.map(lambda element: op(**fixed, **{name: element}))

    @staticmethod
    def _found(place: Any, placed: list[Any], given: tuple[Any, ...]) -> Any:
        if place[0] == "p":
            return given[place[1]]
        number, output = place
        return getattr(placed[number], output) if output else placed[number]

    def _hook(self, number: int, said: str) -> Any:
        kind, _, raises = said.partition(" ")

        def hooked(context: Any) -> None:
            self.log.append(f"{kind} {context.op.name}")
            if raises:
                raise ValueError("the hook")

        hooked.__name__ = f"hook{number}"
        return getattr(self.D, f"{kind}_hook")(hooked)

    def _resource(self, key: str, said: Description) -> Any:
        log = self.log

        def simple(_context: Any) -> int:
            log.append(f"open {key}")
            if said["do"] == "raise":
                raise ValueError(key)
            return 1

        def generator(context: Any) -> Iterator[int]:
            yield simple(context)
            log.append(f"close {key}")
            if said["do"] == "close raises":
                raise ValueError(key)

        made = simple if said["do"] in ("ok", "raise") else generator
        schema = {"config_schema": {"n": int}} if said.get("cfg") else {}
        return self.D.resource(required_resource_keys=set(said["needs"]), **schema)(made)

    # --- ops

    def _op(self, name: str, said: Description) -> Any:
        D = self.D
        names = [f"i{i}" for i in range(len(said.get("in", ())))]
        space: dict[str, Any] = {"body": self._body(said), "int": int}
        notes = said.get("types", {})
        params = [f"{each}: {notes[each]}" if each in notes else each for each in names]
        fed = [each for each in names if each not in said.get("nothing", ())]
        params = [each for each in params if each.partition(":")[0] in fed]
        if said.get("cfg") == "class":
            notes_of = {"n": int, "m": int}
            space["Cfg"] = type(
                "Cfg", (D.Config,), {"__annotations__": notes_of, "m": 2, "__module__": __name__}
            )
            params.insert(0, "config: Cfg")
        cfg = ", config" if said.get("cfg") == "class" else ", None"
        if said.get("out", "one") in ("one", "typed", "none"):
            result = {"typed": " -> int", "none": " -> None"}.get(said.get("out", "one"), "")
            head, how = f"def op({', '.join(['context', *params])}){result}:", "return next"
        else:
            head, how = f"def op({', '.join(['context', *params])}):", "yield from "
        _define(f"{head}\n    {how}(body(context, [{', '.join(fed)}]{cfg}))", space)
        given: dict[str, Any] = {}
        ins = {each: D.In(D.Nothing) for each in names if each not in fed}
        ins |= {each: D.In(default_value=3) for each in said.get("defaults", ())}
        if ins:
            given["ins"] = ins
        given |= self._out(said)
        if said.get("cfg") in ("int", "shape"):
            given["config_schema"] = (
                int if said["cfg"] == "int" else {"n": int, "m": D.Field(int, default_value=2)}
            )
        if said.get("res"):
            given["required_resource_keys"] = set(said["res"])
        if "retry" in said:
            given["retry_policy"] = D.RetryPolicy(max_retries=said["retry"])
        return D.op(name=name, **given)(space["op"])

    def _out(self, said: Description) -> dict[str, Any]:
        D, kind = self.D, said.get("out", "one")
        if kind == "two":
            return {
                "out": {"x": D.Out(is_required=False), "y": D.Out(is_required=said["gives"] != "")}
            }
        if kind == "dyn":
            return {"out": D.DynamicOut()}
        if kind == "optional":
            return {"out": D.Out(is_required=False)}
        if kind == "stored":
            return {"out": D.Out(io_manager_key="other")}
        return {}

    def _body(self, said: Description) -> Callable[..., Iterator[Any]]:
        D, kind, do = self.D, said.get("out", "one"), said.get("do", "ok")

        def body(context: Any, given: list[Any], config: Any) -> Iterator[Any]:
            _misbehave(D, do, context)
            total = _sum(given) + _config_sum(context, said, config)
            total += sum(getattr(context.resources, key) for key in said.get("res", ()))
            if kind in ("one", "typed", "stored"):
                value: Any = "text" if do == "text" else total + 1
                yield value if kind != "stored" else D.Output(value)
            elif kind == "none":
                yield None
            elif kind == "optional":
                if do != "silent":
                    yield D.Output(total)
            elif kind == "two":
                for name in said["gives"]:
                    yield D.Output(total, name)
            elif kind == "dyn":
                for number in range(said["count"]):
                    key = "same" if do == "same" else f"k{number}"
                    yield D.DynamicOutput(total + number, key)
            elif kind == "events":
                yield D.AssetMaterialization("made", metadata={"n": total})
                yield D.ExpectationResult(success=do != "text", label="fine")
                yield D.Output(total, metadata={"n": total})

        return body


def _misbehave(D: Any, do: str, context: Any) -> None:
    if do == "raise":
        raise ValueError("no")
    if do == "failure":
        raise D.Failure("no", metadata={"n": 1})
    if do == "final":
        raise D.Failure("no", allow_retries=False)
    if do == "again" and context.retry_number < 2:
        raise D.RetryRequested(max_retries=2)
    if do == "vain":
        raise D.RetryRequested(max_retries=1)
    if do == "flaky" and context.retry_number < 1:
        raise ValueError("not yet")


def _sum(given: Any) -> int:
    if isinstance(given, (list, tuple)):
        return sum(map(_sum, given))
    return given if isinstance(given, int) else 100


def _config_sum(context: Any, said: Description, config: Any) -> int:
    if said.get("cfg") == "int":
        return int(context.op_config)
    if said.get("cfg") == "shape":
        return int(context.op_config["n"] + context.op_config["m"])
    return config.n + config.m if said.get("cfg") == "class" else 0


def _io_manager(D: Any, said: str, log: list[str]) -> Any:
    class Kept(D.IOManager):
        def __init__(self) -> None:
            self.values: dict[Any, Any] = {}

        def handle_output(self, context: Any, obj: Any) -> None:
            if said == "store raises":
                raise ValueError("store")
            where = tuple(
                context.get_identifier() if not context.has_asset_key else context.asset_key.path
            )
            where += tuple(context.asset_partition_keys) if context.has_asset_partitions else ()
            log.append(f"store {'.'.join(where if context.has_asset_key else where[1:])}")
            self.values[".".join(where[0 if context.has_asset_key else 1 :])] = obj

        def load_input(self, context: Any) -> Any:
            if said == "load raises":
                raise ValueError("load")
            if said == "no load":
                return None
            if context.has_asset_key:
                parts = context.asset_partition_keys if context.has_asset_partitions else [None]
                found = {
                    each: self.values.get(
                        ".".join([*context.asset_key.path, *([each] if each else [])])
                    )
                    for each in parts
                }
                log.append(f"load {'.'.join(context.asset_key.path)} {sorted(map(str, found))}")
                return found if len(found) != 1 else next(iter(found.values()))
            where = ".".join(context.upstream_output.get_identifier()[1:])
            log.append(f"load {where}")
            return self.values[where]

    kept = Kept()
    return D.IOManagerDefinition.hardcoded_io_manager(kept)


# --- assets -------------------------------------------------------------------------------


def _assets(description: Description, D: Any) -> Outcome:
    log: list[str] = []
    try:
        assets = [_asset(D, i, each) for i, each in enumerate(description["assets"])]
    except Exception as error:
        return {"definition": _names(error, D)}
    given: dict[str, Any] = {}
    if "select" in description:
        given["selection"] = [assets[i] for i in description["select"]]
    if "partition" in description:
        given["partition_key"] = description["partition"]
    manager = _io_manager(D, description["io"], log)

    def run(fails: bool) -> Any:
        return D.materialize(
            assets, resources={"io_manager": manager}, raise_on_error=fails, **given
        )

    told = _run(D, run, log)
    result = told.pop("result", None)
    if result is not None:
        told["values"] = {
            f"a{i}": _tried(D, lambda i=i: result.asset_value(f"a{i}")) for i in range(len(assets))
        }
    told["log"] = log
    return told


def _asset(D: Any, number: int, said: Description) -> Any:
    names = [f"a{i}" for i in said["deps"]]
    space: dict[str, Any] = {}

    def body(given: list[Any]) -> Any:
        if said["do"] == "raise":
            raise ValueError("no")
        total = sum(each if isinstance(each, int) else 10 for each in given) + 1
        return D.Output(total, metadata={"n": total}) if said["do"] == "told" else total

    space["body"] = body
    _define(f"def a{number}({', '.join(names)}):\n    return body([{', '.join(names)}])", space)
    given: dict[str, Any] = {}
    if said.get("part"):
        given["partitions_def"] = _partitions(D, said["part"])
    if said.get("after"):
        given["non_argument_deps"] = {f"a{i}" for i in said["after"]}
    if "retry" in said:
        given["retry_policy"] = D.RetryPolicy(max_retries=said["retry"])
    return D.asset(**given)(space[f"a{number}"])


# --- partitions ---------------------------------------------------------------------------


def _partitions(D: Any, said: list[Any]) -> Any:
    kind, *arguments = said
    if kind == "static":
        return D.StaticPartitionsDefinition(arguments[0])
    if kind == "multi":
        return D.MultiPartitionsDefinition(
            {name: _partitions(D, each) for name, each in arguments[0].items()}
        )
    return getattr(D, f"{kind}PartitionsDefinition")(**arguments[0])


def _partition(description: Description, D: Any) -> Outcome:
    try:
        made = _partitions(D, description["of"])
    except Exception as error:
        return {"definition": _names(error, D)}
    keys = list(made.get_partition_keys(current_time=NOW))
    told: Outcome = {"keys": [*keys[:3], *keys[-3:]], "count": len(keys)}
    told["last"] = _tried(D, lambda: made.get_last_partition_key(NOW))
    told["first"] = _tried(D, lambda: made.get_first_partition_key(NOW))
    for key in description["asked"]:
        known = (
            key if isinstance(key, str) else (keys[key] if -len(keys) <= key < len(keys) else "-")
        )
        told[f"has {key}"] = known in keys
        if description["of"][0] not in ("static", "multi"):
            told[f"window {key}"] = _tried(
                D,
                lambda known=known: [
                    each.isoformat() for each in made.time_window_for_partition_key(known)
                ],
            )
        subset = _tried(
            D,
            lambda known=known: sorted(
                made.empty_subset().with_partition_keys([known]).get_partition_keys()
            ),
        )
        told[f"subset {key}"] = subset
    if description["of"][0] not in ("static", "multi"):
        told["cron"] = _tried(D, made.get_cron_schedule)
    if len(keys) > 3:
        ends = D.PartitionKeyRange(keys[1], keys[min(4, len(keys) - 1)])
        told["range"] = _tried(D, lambda: list(made.get_partition_keys_in_range(ends)))
    return told


# --- config -------------------------------------------------------------------------------


def _config(description: Description, D: Any) -> Outcome:
    try:
        schema = _schema(D, description["schema"])

        @D.op(config_schema=schema)
        def taking(context: Any) -> Any:
            return _plain(context.op_config)

        @D.job
        def made() -> None:
            taking()

    except Exception as error:
        return {"definition": _names(error, D)}
    config = (
        {} if "value" not in description else {"ops": {"taking": {"config": description["value"]}}}
    )
    told = _run(D, lambda fails: made.execute_in_process(config, raise_on_error=fails))
    result = told.pop("result", None)
    told.pop("events", None)
    if result is not None:
        told["value"] = _tried(D, lambda: result.output_for_node("taking"))
    return told


def _plain(value: Any) -> Any:
    """A value without the classes that hold it."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.name if isinstance(value, enum.Enum) else value


def _schema(D: Any, said: Any) -> Any:
    if isinstance(said, str):
        return {"int": int, "str": str, "float": float, "bool": bool, "any": D.Any}[said]
    kind, *parts = said
    if kind == "array":
        return [_schema(D, parts[0])]
    if kind == "maybe":
        return D.Noneable(_schema(D, parts[0]))
    if kind == "map":
        return {str: _schema(D, parts[0])}
    if kind == "enum":
        return D.Enum("Chosen", [D.EnumValue(each) for each in parts[0]])
    if kind == "either":
        return D.ScalarUnion(_schema(D, parts[0]), _schema(D, parts[1]))
    fields = {name: _field(D, each) for name, each in parts[0].items()}
    return {"shape": D.Shape, "open": D.Permissive, "select": D.Selector}[kind](fields)


def _field(D: Any, said: list[Any]) -> Any:
    schema, how = said
    if how == "required":
        return D.Field(_schema(D, schema))
    if how == "optional":
        return D.Field(_schema(D, schema), is_required=False)
    return D.Field(_schema(D, schema), default_value=how["default"])


def _model(description: Description, D: Any) -> Outcome:
    """A config class; its op returns what it got."""
    try:
        model = _class(D, "Model", description["fields"])

        def taking(config: Any) -> Any:
            return _of_model(config)

        taking.__annotations__["config"] = model

        @D.job
        def made() -> None:
            D.op(taking)()

    except Exception as error:
        return {"definition": _names(error, D)}
    config = {"ops": {"taking": {"config": description["value"]}}}
    told = _run(D, lambda fails: made.execute_in_process(config, raise_on_error=fails))
    result = told.pop("result", None)
    told.pop("events", None)
    if result is not None:
        told["value"] = _tried(D, lambda: result.output_for_node("taking"))
    return told


def _of_model(value: Any) -> Any:
    fields = getattr(value, "__fields__", None) if not isinstance(value, (dict, list)) else None
    if fields:
        return {name: _of_model(getattr(value, name)) for name in sorted(fields)}
    if isinstance(value, dict):
        return {key: _of_model(each) for key, each in sorted(value.items())}
    return [_of_model(each) for each in value] if isinstance(value, list) else _plain(value)


def _class(D: Any, name: str, fields: dict[str, Any]) -> Any:
    notes, space = {}, {}
    for field, (kind, default) in fields.items():
        notes[field] = _note(D, field, kind)
        if default is not None:
            space[field] = default["default"]
    return type(name, (D.Config,), {"__annotations__": notes, "__module__": __name__, **space})


class Color(enum.Enum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


def _note(D: Any, name: str, kind: Any) -> Any:
    if isinstance(kind, str):
        return {"int": int, "str": str, "float": float, "bool": bool, "color": Color}[kind]
    word, inner = kind
    if word == "model":
        return _class(D, f"Of{name}", inner)
    note = _note(D, name, inner)
    if word == "maybe":
        return Optional[note]  # noqa: UP045 the older form is what programs have
    return list[note] if word == "list" else dict[str, note]  # type: ignore[valid-type]


_KINDS: dict[str, Callable[[Description, Any], Outcome]] = {
    "job": _job,
    "assets": _assets,
    "partition": _partition,
    "config": _config,
    "model": _model,
}
