"""Queries and bodies made at random, well-formed and not."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
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
)  # fmt: skip
NAMES = ("daily", "shop.ipynb", "__repository__", "orders", "letters", "a", "morning", "look")


class Fuzzer:
    """Makes queries and bodies.

    Args:
        seed: The same seed makes the same.
    """

    def __init__(self, seed: int) -> None:
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
        return self._broken(body) if self._random.random() < 0.1 else body

    def query(self) -> str:
        """A query or mutation, for the most part valid."""
        self._variables, self._declared = {}, []
        chosen = self._random
        roll = chosen.random()
        if roll < 0.03:
            return "{" * chosen.randrange(2000) + " version"
        if roll < 0.06:
            spread = " ".join(f"...f{number}" for number in range(5))
            parts = [f"fragment f{n} on Query {{ {spread} version }}" for n in range(5)]
            return "{ ...f0 } " + " ".join(parts)
        if roll < 0.08:
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
        return self._broken(text.encode()).decode("utf-8", "replace") if roll > 0.85 else text

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
                given.append(f"{each}: {self._argument(argument.type)}")
        arguments = f"({', '.join(given)})" if given else ""
        return f"{name}{arguments} {self._selection(field.type, depth)}"

    def _argument(self, kind: Any) -> str:
        if self._random.random() < 0.5:
            name = f"v{len(self._declared)}"
            self._declared.append(f"${name}: {kind}")
            odd = self._random.random() < 0.1
            self._variables[name] = self._odd() if odd else self._value(kind)
            return f"${name}"
        return self._literal(self._value(kind), get_named_type(kind))

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
        return json.dumps(value)

    def _value(self, kind: Any, depth: int = 4) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, depth)
        if self._random.random() < 0.03:
            return None
        if isinstance(kind, GraphQLList):
            count = self._random.randrange(3)
            return [self._value(kind.of_type, depth - 1) for _ in range(count)]
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self._value(field.type, depth - 1)
                for name, field in kind.fields.items()
                if isinstance(field.type, GraphQLNonNull)
                or (depth > 0 and self._random.random() < 0.3)
            }
        return self._scalar(kind.name)

    def _scalar(self, name: str) -> Any:
        chosen = self._random
        if name == "Int":
            return chosen.choice((0, 1, 2, -1, -5, 2**31 - 1, chosen.randrange(100)))
        if name == "Float":
            return chosen.choice((0, -1.5, 1e308, 1e18, 1357020000.0))
        if name == "Boolean":
            return chosen.random() < 0.5
        if name in ("RunConfigData", "GenericScalar"):
            return self._odd()
        texts = [each for each in ODD if isinstance(each, str)]
        return chosen.choice(NAMES) if chosen.random() < 0.7 else chosen.choice(texts)

    def _selection(self, kind: Any, depth: int) -> str:
        kind = get_named_type(kind)
        if isinstance(kind, (GraphQLScalarType, GraphQLEnumType)):
            return ""
        parts = ["__typename"]
        if isinstance(kind, (GraphQLUnionType, GraphQLInterfaceType)):
            several = list(self._schema.get_possible_types(kind))
            chosen = self._random.sample(several, min(2, len(several)))
            parts += [f"... on {each.name} {self._selection(each, depth)}" for each in chosen]
        elif isinstance(kind, GraphQLObjectType):
            names = list(kind.fields)
            for name in self._random.sample(names, min(3, len(names))):
                inner = get_named_type(kind.fields[name].type)
                leaf = isinstance(inner, (GraphQLScalarType, GraphQLEnumType))
                if leaf or depth > 0:
                    told = self._field(name, kind.fields[name], depth - 1)
                    self._aliases += 1
                    parts.append(f"s{self._aliases}: {told}")
        return "{ " + " ".join(parts) + " }"


NEVER = ("reloadWorkspace", "reloadRepositoryLocation", "shutdownRepositoryLocation")
"""What a fuzzed query does not do, for it takes long."""


def bodies(seed: int, count: int) -> Iterator[bytes]:
    """So many bodies."""
    fuzzer = Fuzzer(seed)
    for _ in range(count):
        yield fuzzer.body()
