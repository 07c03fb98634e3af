"""Queries and bodies made at random, well-formed and not."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
)

from jobnb.server.schema import served_schema

ODD: tuple[Any, ...] = (
    None, "", "a", "é\u0000\ud83d\ude00", "nope", 0, -1, 2**31, 2**63, 1e308, -0.0, True, [], {},
    [[[]]], {"a": {"b": []}}, "2013-01-01", "ops: [", "'; drop table runs; --", "x" * 1000,
    "\ud800", "\x00", "-1", "99999999999999999999", "1e999", "nan", "inf", "2013-01-01...", "..",
    "eyJhIjoxfQ==", '["orders"]', "[1]", "{", "+orders", "*", "_", "%", 10**400, -(10**25),
    float("nan"), float("inf"), -float("inf"), 5e-324,
)  # fmt: skip
FLOATS = (
    0, -1.5, 1e999, 1e308, -1e308, 1e18, -1e18, 1e11, -1e11, 253402300800.0, 253402300799.5,
    -62135596801.0, 5e-324, -0.0, 1e16, 1357020000.0, 1357020000.5,
)  # fmt: skip
"""Times and other numbers: those of the last and the first year, of no year, and such."""
NAMES = ("daily", "shop.ipynb", "__repository__", "orders", "letters", "a", "morning", "look")


KNOWN: Mapping[str, Sequence[str]] = {
    "repositoryName": ("__repository__",),
    "repositoryLocationName": ("shop.ipynb",),
    "pipelineName": ("daily", "by_letter", "nested", "shop_job", "__ASSET_JOB"),
    "jobName": ("daily", "by_letter", "__ASSET_JOB"),
    "scheduleName": ("morning",),
    "sensorName": ("look", "on_orders"),
    "partitionSetName": ("by_letter_partition_set",),
    "partitionNames": ("a", "b", "c"),
    "partitionName": ("a", "b"),
    "path": ("orders", "revenue", "letters", "days", "grid", "owned"),
    "groupName": ("shop", "default"),
    "partitions": ("a", "b", "2013-01-01"),
    "start": ("a", "2013-01-01"),
    "end": ("b", "2013-01-03"),
    "solidSelection": ("load", "*twice", "load+"),
    "stepKeys": ("load", "twice"),
    "resourceName": ("shelf",),
    "name": ("morning", "look", "daily"),
    "key": ("dagster/partition", "team", "dagster/max_retries", "dagster/priority"),
}
"""What there is, by the name of the argument that asks for it."""


class Fuzzer:
    """Makes queries and bodies.

    Args:
        seed: The same seed makes the same.
        known: More of what there is, by the name of the argument.
    """

    def __init__(self, seed: int, known: Mapping[str, Sequence[str]] | None = None) -> None:
        self._known = {**KNOWN, **(known or {})}
        self._random = random.Random(seed)
        self._schema = served_schema()
        self._variables: dict[str, Any] = {}
        self._declared: list[str] = []
        self._aliases = 0

    def body(self) -> bytes:
        """The body of a request: mostly JSON with a query, sometimes anything."""
        roll = self._random.random()
        if roll < 0.04:
            return self._random.randbytes(self._random.randrange(200))
        if roll < 0.08:
            return json.dumps(self._odd()).encode("utf-8", "surrogatepass")
        if roll < 0.1:
            return b'{"query": ' + b"[" * self._random.randrange(3000)
        whole: dict[str, Any] = {"query": self.query()}
        if self._variables or roll < 0.4:
            whole["variables"] = self._variables if roll < 0.95 else self._odd()
        if roll > 0.97:
            whole["operationName"] = self._odd()
        body = json.dumps(whole).encode("utf-8", "surrogatepass")
        return self._broken(body) if self._random.random() < 0.03 else body

    def query(self) -> str:
        """A query or mutation, for the most part valid."""
        self._variables, self._declared = {}, []
        chosen = self._random
        roll = chosen.random()
        if roll < 0.01:
            return "{" * chosen.randrange(2000) + " version"
        if roll < 0.02:
            spread = " ".join(f"...f{number}" for number in range(5))
            parts = [f"fragment f{n} on Query {{ {spread} version }}" for n in range(5)]
            return "{ ...f0 } " + " ".join(parts)
        if roll < 0.023:
            aliases = " ".join(f"a{number}: version" for number in range(chosen.randrange(5000)))
            return f"{{ {aliases} }}"
        writes = chosen.random() < 0.25
        root = self._schema.mutation_type if writes else self._schema.query_type
        assert root is not None
        names = chosen.choices([each for each in root.fields if each not in NEVER], k=2)
        fields = " ".join(
            f"r{n}: {self._field(name, root.fields[name], 2)}" for n, name in enumerate(names)
        )
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        text = f"{'mutation' if writes else 'query'} Q{declared} {{ {fields} }}"
        return self._broken(text.encode()).decode("utf-8", "replace") if roll > 0.93 else text

    def _broken(self, data: bytes) -> bytes:
        """The same with some bytes changed, lost or doubled."""
        found = bytearray(data)
        for _ in range(self._random.randrange(1, 4)):
            if not found:
                break
            place = self._random.randrange(len(found))
            kind = self._random.randrange(3)
            if kind == 0:
                found[place] = self._random.randrange(256)
            elif kind == 1:
                del found[place]
            else:
                found[place:place] = found[place : place + 5]
        return bytes(found)

    def _odd(self) -> Any:
        return self._random.choice(ODD)

    def _field(self, name: str, field: Any, depth: int) -> str:
        given = []
        for each, argument in field.args.items():
            needed = isinstance(argument.type, GraphQLNonNull)
            if needed or self._random.random() < 0.4:
                given.append(f"{each}: {self._argument(each, argument.type)}")
        arguments = f"({', '.join(given)})" if given else ""
        return f"{name}{arguments} {self._selection(field.type, depth)}"

    def _argument(self, about: str, kind: Any) -> str:
        if self._random.random() < 0.5:
            name = f"v{len(self._declared)}"
            self._declared.append(f"${name}: {kind}")
            odd = self._random.random() < 0.05
            self._variables[name] = self._odd() if odd else self._value(about, kind)
            return f"${name}"
        return self._literal(self._value(about, kind), get_named_type(kind))

    def _literal(self, value: Any, kind: Any) -> str:
        if isinstance(kind, GraphQLEnumType) and isinstance(value, str):
            return value
        if isinstance(value, dict):
            fields = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
            told = (
                f"{key}: {self._literal(each, get_named_type(fields[key].type))}"
                for key, each in value.items()
                if key in fields
            )
            return "{" + ", ".join(told) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._literal(each, kind) for each in value) + "]"
        if isinstance(value, float) and not math.isfinite(value):
            return "1e999"
        return json.dumps(value)

    def _value(self, about: str, kind: Any, depth: int = 4) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(about, kind.of_type, depth)
        if self._random.random() < 0.03:
            return None
        if isinstance(kind, GraphQLList):
            count = self._random.randrange(3)
            return [self._value(about, kind.of_type, depth - 1) for _ in range(count)]
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self._value(name, field.type, depth - 1)
                for name, field in kind.fields.items()
                if isinstance(field.type, GraphQLNonNull)
                or (depth > 0 and self._random.random() < 0.3)
            }
        return self._scalar(about, kind.name)

    def _scalar(self, about: str, name: str) -> Any:
        chosen = self._random
        if name == "Int":
            return chosen.choice((0, 1, 2, -1, -5, 2**31 - 1, -(2**31), chosen.randrange(100)))
        if name == "Float":
            return chosen.choice(FLOATS)
        if name == "Boolean":
            return chosen.random() < 0.5
        if name in ("RunConfigData", "GenericScalar"):
            return self._odd()
        if about in self._known and chosen.random() < 0.9:
            return chosen.choice(self._known[about])
        texts = [each for each in ODD if isinstance(each, str)]
        return chosen.choice(NAMES) if chosen.random() < 0.7 else chosen.choice(texts)

    def _can_fail(self, several: list[Any]) -> bool:
        return any(each.name == "Error" for kind in several for each in kind.interfaces)

    def _selection(self, kind: Any, depth: int) -> str:
        kind = get_named_type(kind)
        if isinstance(kind, (GraphQLScalarType, GraphQLEnumType)):
            return ""
        parts = ["__typename"]
        if isinstance(kind, (GraphQLUnionType, GraphQLInterfaceType)):
            several = list(self._schema.get_possible_types(kind))
            worth = [each for each in several if "Error" not in each.name] or several
            chosen = self._random.sample(worth, min(2, len(worth)))
            parts.append("... on Error { message }" if self._can_fail(several) else "")
            parts += [f"... on {each.name} {self._selection(each, depth)}" for each in chosen]
        elif isinstance(kind, GraphQLObjectType):
            names = list(kind.fields)
            for name in self._random.sample(names, min(3, len(names))):
                inner = get_named_type(kind.fields[name].type)
                leaf = isinstance(inner, (GraphQLScalarType, GraphQLEnumType))
                if leaf or (depth > 0 and inner.name != "PythonError"):
                    told = self._field(name, kind.fields[name], depth - 1)
                    self._aliases += 1
                    parts.append(f"s{self._aliases}: {told}")
        return "{ " + " ".join(parts) + " }"


NEVER = ("reloadWorkspace", "reloadRepositoryLocation", "shutdownRepositoryLocation")
"""What a fuzzed query does not do, for it takes long."""


def bodies(
    seed: int, count: int, known: Mapping[str, Sequence[str]] | None = None
) -> Iterator[bytes]:
    """So many bodies."""
    fuzzer = Fuzzer(seed, known)
    for _ in range(count):
        yield fuzzer.body()
