"""Descriptions of small definitions, made by hypothesis: what `outcomes.jsonl` is recorded for.

`python -m tests.recorded.descriptions 300 70 60 90 60` prints so many of each kind, a JSON object
on each line. They are kept in the table; no test makes them anew: none depends on hypothesis.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

OUTS = ("one", "one", "one", "typed", "none", "optional", "two", "dyn", "dyn", "events")
DOES = (*["ok"] * 12, "raise", "failure", "final", "again", "vain", "flaky")
CONFIGS = {"int": [1, "x", None], "shape": [{"n": 1}, {"n": 1, "m": 1}, {}, {"n": "x"}, {"o": 1}]}
CONFIGS["class"] = CONFIGS["shape"]


DETAILS = {
    "two": st.fixed_dictionaries({"gives": st.sampled_from(["xy", "y", "y", "x", ""])}),
    "dyn": st.fixed_dictionaries(
        {"count": st.integers(0, 3)}, optional={"do": st.sampled_from(["same", "ok", "ok"])}
    ),
    "optional": st.sampled_from([{}, {"do": "silent"}]),
    "typed": st.sampled_from([{}, {}, {}, {"do": "text"}]),
}
"""What else is said of an op with such an output."""


@st.composite
def node(draw: Any, number: int, before: list[Any], depth: int = 0, params: int = 0) -> Any:
    """One op, or a graph of some, fed by what stands before it."""
    if depth == 0 and draw(st.integers(0, 5)) == 0:
        return draw(graph(before))
    made: dict[str, Any] = {"in": draw(inputs(before, params))}
    made["out"] = out = draw(st.sampled_from(OUTS))
    if (do := draw(st.sampled_from(DOES))) != "ok":
        made["do"] = do
    for known, details in DETAILS.items():
        if out == known and (more := draw(details)):
            made |= more
    if draw(st.integers(0, 5)) == 0:
        made["retry"] = draw(st.integers(1, 2))
    if draw(st.integers(0, 6)) == 0:
        made["cfg"] = draw(st.sampled_from(sorted(CONFIGS)))
    names = [f"i{i}" for i in range(len(made["in"]))]
    if names and draw(st.integers(0, 4)) == 0:
        name = draw(st.sampled_from(names))
        made |= draw(
            st.sampled_from(
                [
                    {"types": {name: "int"}},
                    {"types": {name: "list"}},
                    {"types": {name: "str"}},
                    {"nothing": [name]},
                    {"defaults": [name]},
                ]
            )
        )
    if draw(st.integers(0, 11)) == 0:
        made["hooked"] = draw(st.sampled_from(["success", "failure", "success raise"]))
    return made


@st.composite
def inputs(draw: Any, before: list[Any], params: int) -> list[Any]:
    """What feeds an op: mostly what fits, at times what does not."""
    if not before and not params:
        return [] if draw(st.integers(0, 11)) else [["unfed"]]
    found = []
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 2]))):
        if params and draw(st.booleans()):
            found.append(["value", ["p", draw(st.integers(0, params - 1))]])
            continue
        if not before:
            continue
        number = draw(st.integers(0, len(before) - 1))
        of = before[number]
        out = of.get("out")
        place = [number, draw(st.sampled_from("xy")) if out == "two" else ""]
        is_mapped = any(each[0] == "map" for each in of.get("in", ()))
        if out == "none":
            found.append(["value", place])
        elif out == "dyn" or is_mapped:
            found.append(
                [draw(st.sampled_from(["map", "map", "collect", "collect", "value"])), place]
            )
        elif draw(st.integers(0, 4)) == 0:
            # Dagster refuses what stands twice in one list.
            other = draw(st.integers(0, len(before) - 1))
            last = [other, "y" if before[other].get("out") == "two" else ""]
            found.append(
                ["many", place, *([last] if other != number or not draw(st.integers(0, 9)) else [])]
            )
        else:
            found.append([draw(st.sampled_from(["value"] * 18 + ["map", "unfed", "unfed"])), place])
    # One op maps over one thing.
    return [
        each
        for i, each in enumerate(found)
        if each[0] != "map" or each[0] not in [e[0] for e in found[:i]]
    ]


@st.composite
def graph(draw: Any, before: list[Any]) -> Any:
    """A nested graph; its output is that of one of its ops, or it has none."""
    fed = [each for each in draw(inputs(before, 0)) if each[0] in ("value", "map")]
    inner: list[Any] = []
    for number in range(draw(st.integers(1, 3))):
        inner.append(draw(node(number, inner, 1, len(fed))))
    fit = [
        i
        for i, each in enumerate(inner)
        if each["out"] in (("one", "typed") if draw(st.integers(0, 9)) else ("dyn",))
        and not any(e[0] == "map" for e in each["in"])
    ]
    ret = draw(st.sampled_from([*fit, *fit, None]))
    out = (
        "dyn"
        if ret is not None and inner[ret]["out"] == "dyn"
        else "one"
        if ret is not None
        else "no"
    )
    return {"graph": inner, "in": fed, "ret": ret, "out": out}


@st.composite
def job(draw: Any) -> Any:
    """A job with what belongs to it."""
    nodes: list[Any] = []
    for number in range(draw(st.integers(1, 5))):
        usable = nodes if not nodes or nodes[-1].get("out") != "no" else nodes[:-1]
        nodes.append(draw(node(number, list(usable))))
    made: dict[str, Any] = {"kind": "job", "nodes": nodes}
    if draw(st.integers(0, 3)) == 0:
        hooks = ["success", "failure", "success raise", "failure raise"]
        made["hooks"] = draw(st.lists(st.sampled_from(hooks), min_size=1, max_size=2, unique=True))
    if draw(st.integers(0, 3)) == 0:
        made["res"] = draw(resources())
        keys = [*made["res"], "lost"] if draw(st.integers(0, 7)) == 0 else [*made["res"]]
        for each in nodes:
            if "graph" not in each and draw(st.booleans()):
                each["res"] = [draw(st.sampled_from(keys))]
    if draw(st.integers(0, 2)) == 0:
        made["io"] = draw(st.sampled_from(["ok", "ok", "store raises", "load raises", "no load"]))
    if draw(st.integers(0, 9)) == 0:
        made["retry"] = 1
    if draw(st.integers(0, 7)) == 0:
        made["select"] = [draw(st.sampled_from(["n0", "n1", "n0*", "*n1", "++n2", "n0+", "nope"]))]
    if draw(st.integers(0, 9)) == 0:
        made["keys"], made["partition"] = ["a", "b"], draw(st.sampled_from(["a", "b", "zz"]))
    config = draw(config_of(nodes, made.get("res", {})))
    if config is not None:
        made["config"] = config
    return made


@st.composite
def resources(draw: Any) -> Any:
    """Up to three resources, some of which need others."""
    does = st.sampled_from(["ok", "ok", "yields", "yields", "raise", "close raises"])
    keys = ["a", "b", "c"][: draw(st.integers(1, 3))]
    wanted = [*keys, *keys, "lost"]
    made = {}
    for number, key in enumerate(keys):
        others = keys[:number] if draw(st.integers(0, 9)) else wanted
        needs = [draw(st.sampled_from(others))] if others and draw(st.booleans()) else []
        made[key] = {"do": draw(does), "needs": needs}
        if draw(st.integers(0, 7)) == 0:
            made[key]["cfg"] = True
    return made


@st.composite
def config_of_ops(draw: Any, nodes: list[Any], start: str) -> Any:
    """The config of ops and of those in graphs."""
    ops: dict[str, Any] = {}
    for number, each in enumerate(nodes):
        name = f"{start}{number}"
        if "graph" in each:
            inner = draw(config_of_ops(each["graph"], f"{name}_"))
            if inner:
                ops[name] = {"ops": inner}
            continue
        if each.get("cfg"):
            known = CONFIGS[each["cfg"]]
            ops[name] = {"config": draw(st.sampled_from(known[:1] * 9 + known))}
        where = [i for i, e in enumerate(each.get("in", ())) if e[0] == "unfed"]
        if where and draw(st.integers(0, 3)):
            value = {"value": 5} if f"i{where[0]}" not in each.get("types", {}) else 5
            value = value if draw(st.integers(0, 5)) else "x"
            ops.setdefault(name, {})["inputs"] = {f"i{i}": value for i in where}
    return ops


@st.composite
def config_of(draw: Any, nodes: list[Any], found: Any) -> Any:
    """The run config, mostly right."""
    ops = draw(config_of_ops(nodes, "n"))
    made: dict[str, Any] = {"ops": ops} if ops else {}
    configured = {key: {"config": {"n": 1}} for key, each in found.items() if each.get("cfg")}
    if configured:
        made["resources"] = configured
    if draw(st.integers(0, 19)) == 0:
        made[draw(st.sampled_from(["ops", "solids", "loggers"]))] = {"nope": {"config": 1}}
    return made or None


@st.composite
def assets(draw: Any) -> Any:
    """Some assets, partitioned or not, and what of them is materialized."""
    made = []
    days = ["Daily", {"start_date": "2023-01-01", "end_date": "2023-01-05"}]
    weeks = ["Weekly", {"start_date": "2023-01-01", "end_date": "2023-01-22"}]
    parts = draw(
        st.sampled_from(
            [[None], [None], [["static", ["a", "b"]], None], [days, days, None], [days, weeks]]
        )
    )
    for number in range(draw(st.integers(1, 5))):
        deps = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
        each: dict[str, Any] = {
            "deps": deps,
            "do": draw(st.sampled_from(["ok", "ok", "ok", "told", "raise"])),
        }
        part = draw(st.sampled_from(parts))
        if part is not None:
            each["part"] = part
        after = [i for i in range(number) if i not in deps]
        if after and draw(st.integers(0, 3)) == 0:
            each["after"] = [draw(st.sampled_from(after))]
        if draw(st.integers(0, 9)) == 0:
            each["retry"] = 1
        made.append(each)
    told: dict[str, Any] = {"kind": "assets", "assets": made}
    told["io"] = draw(st.sampled_from(["ok", "ok", "ok", "ok", "store raises", "load raises"]))
    if draw(st.integers(0, 2)) == 0:
        told["select"] = sorted(draw(st.sets(st.integers(0, len(made) - 1), min_size=1)))
    if parts != [None] and draw(st.integers(0, 9)):
        told["partition"] = draw(
            st.sampled_from(
                ["a", "zz"]
                if parts[0] and parts[0][0] == "static"
                else ["2023-01-02", "2023-01-01", "2023-01-08"]
            )
        )
    return told


SIMPLE = st.sampled_from(["int", "str", "float", "bool", "any"])
DEFAULTS = st.sampled_from([1, "x", None, 2.5, True, {}, []])


def fields(inner: Any) -> Any:
    how = st.one_of(
        st.sampled_from(["required", "required", "optional"]),
        st.fixed_dictionaries({"default": DEFAULTS}),
    )
    return st.dictionaries(st.sampled_from("abc"), st.tuples(inner, how), max_size=3)


SCHEMAS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.tuples(st.just("array"), inner),
        st.tuples(st.just("maybe"), inner),
        st.tuples(st.just("map"), inner),
        st.tuples(st.just("enum"), st.just(["red", "blue"])),
        st.tuples(
            st.just("either"),
            SIMPLE.filter(lambda each: each != "any"),
            st.tuples(st.just("shape"), fields(SIMPLE)),
        ),
        st.tuples(st.sampled_from(["shape", "shape", "shape", "open", "select"]), fields(inner)),
    ),
    max_leaves=4,
)
ATOMS = st.sampled_from([1, 0, -3, "x", "red", "1", 2.5, True, None])
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=4,
)


@st.composite
def fitting(draw: Any, schema: Any) -> Any:
    """A value that a schema may take; at times another one."""
    if draw(st.integers(0, 9)) == 0:
        return draw(VALUES)
    if isinstance(schema, str):
        words = {
            "int": [1, -2],
            "str": ["x", ""],
            "float": [2.5, 1],
            "bool": [True],
            "any": [1, "x", {"a": 1}],
        }
        return draw(st.sampled_from(words[schema]))
    kind, *parts = schema
    if kind == "array":
        return draw(st.lists(fitting(parts[0]), max_size=2))
    if kind == "maybe":
        return draw(st.one_of(st.none(), fitting(parts[0])))
    if kind == "map":
        return draw(st.dictionaries(st.sampled_from("ab"), fitting(parts[0]), max_size=2))
    if kind == "enum":
        return draw(st.sampled_from(parts[0]))
    if kind == "either":
        return draw(st.one_of(fitting(parts[0]), fitting(parts[1])))
    known = parts[0]
    if kind == "select":
        chosen = draw(st.sampled_from(sorted(known) or ["a"]))
        return {chosen: draw(fitting(known[chosen][0])) if chosen in known else 1}
    return {
        name: draw(fitting(each[0]))
        for name, each in known.items()
        if each[1] == "required" or draw(st.booleans())
    }


@st.composite
def config(draw: Any) -> Any:
    """A config schema and a value for it."""
    schema = draw(SCHEMAS)
    made = {"kind": "config", "schema": schema}
    if draw(st.integers(0, 7)):
        made["value"] = draw(fitting(schema))
    return made


NOTES = st.sampled_from(["int", "str", "float", "bool", "color"])


def model_fields(depth: int) -> Any:
    inner = (
        NOTES
        if depth > 1
        else st.one_of(
            NOTES,
            NOTES,
            st.tuples(st.sampled_from(["list", "maybe", "dict"]), NOTES),
            st.tuples(st.just("model"), st.deferred(lambda: model_fields(depth + 1))),
        )
    )
    fit = {"int": 1, "str": "x", "float": 2.5, "bool": True}
    odd = st.sampled_from([1, "x", 2.5, True])

    def with_default(note: Any) -> Any:
        known = fit.get(note) if isinstance(note, str) else None
        default = odd if known is None else st.sampled_from([known] * 5 + ["x"])
        some = st.fixed_dictionaries({"default": default})
        return st.tuples(
            st.just(note), st.one_of(st.none(), st.none(), some if known else st.none())
        )

    return st.dictionaries(
        st.sampled_from("abc"), inner.flatmap(with_default), min_size=1, max_size=3
    )


@st.composite
def of_note(draw: Any, note: Any) -> Any:
    if draw(st.integers(0, 24)) == 0:
        return draw(VALUES)
    if isinstance(note, str):
        words = {
            "int": [1],
            "str": ["x"],
            "float": [2.5, 1],
            "bool": [True],
            "color": ["RED", "red", "PINK"],
        }
        return draw(st.sampled_from(words[note]))
    word, inner = note
    if word == "model":
        return {
            name: draw(of_note(each))
            for name, (each, default) in inner.items()
            if default is None or draw(st.booleans())
        }
    if word == "list":
        return draw(st.lists(of_note(inner), max_size=2))
    if word == "dict":
        return draw(st.dictionaries(st.sampled_from("xy"), of_note(inner), max_size=2))
    return draw(st.one_of(st.none(), of_note(inner)))


@st.composite
def model(draw: Any) -> Any:
    """A config class and a value for it."""
    known = draw(model_fields(0))
    return {"kind": "model", "fields": known, "value": draw(of_note(("model", known)))}


@st.composite
def partition(draw: Any) -> Any:
    """Partitions, and keys to ask them of."""
    starts = {
        "Hourly": ["2023-04-04-22:00", "2023-03-11-20:00"],
        "Daily": ["2023-03-20", "2023-04-05", "2023-05-01"],
        "Weekly": ["2023-01-01", "2023-01-04"],
        "Monthly": ["2022-11-01", "2023-01-15"],
    }
    kind = draw(st.sampled_from([*starts, *starts, "static", "multi"]))
    static = ["static", draw(st.lists(st.sampled_from(["a", "b", "a b", "c-d", "ü"]), max_size=3))]
    if kind == "static":
        of: Any = static
    else:
        about: dict[str, Any] = {
            "start_date": draw(st.sampled_from(starts.get(kind, starts["Daily"])))
        }
        if draw(st.integers(0, 2)) == 0:
            about["timezone"] = draw(
                st.sampled_from(["America/New_York", "Europe/Berlin", "Nowhere/Land"])
            )
        if draw(st.integers(0, 2)) == 0:
            about["end_offset"] = draw(st.sampled_from([1, 2, -1]))
        if kind in starts and draw(st.integers(0, 2)) == 0:
            about["minute_offset"] = draw(st.sampled_from([15, 0, 60]))
        if kind in ("Daily", "Weekly", "Monthly") and draw(st.integers(0, 2)) == 0:
            about["hour_offset"] = draw(st.sampled_from([3, 23, 24]))
        if kind in ("Weekly", "Monthly") and draw(st.integers(0, 1)) == 0:
            about["day_offset"] = draw(
                st.sampled_from([2, 6, 15] if kind == "Monthly" else [1, 6, 7])
            )
        if kind in starts and kind != "Hourly" and draw(st.integers(0, 5)) == 0:
            about["fmt"], about["start_date"] = "%d.%m.%Y", "05.01.2023"
        if kind == "Daily" and draw(st.integers(0, 3)) == 0:
            about["end_date"] = draw(st.sampled_from(["2023-04-01", "2023-06-01", "2023-01-01"]))
        of = (
            [kind, about]
            if kind in starts
            else ["multi", {"day": ["Daily", about], "place": static}]
        )
    asked = draw(
        st.lists(
            st.sampled_from([0, -1, 1, "2023-04-01", "zz", "a", ""]),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    return {"kind": "partition", "of": of, "asked": asked}


KINDS = {
    "job": job(),
    "assets": assets(),
    "partition": partition(),
    "config": config(),
    "model": model(),
}


def descriptions(kind: str, count: int) -> list[str]:
    """So many different descriptions of a kind, as JSON, always the same ones."""
    found: dict[str, None] = {}
    wanted = KINDS[kind]

    @seed(1407)
    @settings(
        max_examples=count * 6,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(wanted)
    def collect(made: Any) -> None:
        found[json.dumps(made, separators=(",", ":"), ensure_ascii=False)] = None

    collect()
    # Hypothesis begins with small ones: of the later ones, more tell something.
    every = list(found)
    step = max(1, len(every) // count)
    return every[::step][:count]


if __name__ == "__main__":
    warnings.simplefilter("ignore", HypothesisWarning)
    counts = dict(zip(KINDS, map(int, sys.argv[1:]), strict=False))
    for each_kind, wanted_count in counts.items():
        print(*descriptions(each_kind, wanted_count), sep="\n")
