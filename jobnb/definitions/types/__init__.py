"""Types of inputs and outputs: their checks and config loaders."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.types.builtin import ANY, BOOL, FLOAT, INT, NOTHING, STRING
from jobnb.definitions.types.data_type import (
    DataType,
    DataTypeKind,
    PythonObjectDataType,
    TypeCheckContext,
)
from jobnb.definitions.types.loader import (
    DataTypeLoader,
    DataTypeLoaderContext,
    data_type_loader,
)
from jobnb.definitions.types.resolution import (
    Bool,
    Dict,
    Float,
    Int,
    List,
    Nothing,
    Optional,
    Set,
    String,
    Tuple,
    check_data_type,
    make_python_type_usable_as_data_type,
    resolve,
    usable_as_data_type,
)

__all__ = [
    "ANY",
    "BOOL",
    "FLOAT",
    "INT",
    "NOTHING",
    "STRING",
    "Any",
    "Bool",
    "DataType",
    "DataTypeKind",
    "DataTypeLoader",
    "DataTypeLoaderContext",
    "Dict",
    "Float",
    "Int",
    "List",
    "Nothing",
    "Optional",
    "PythonObjectDataType",
    "Set",
    "String",
    "Tuple",
    "TypeCheckContext",
    "check_data_type",
    "data_type_loader",
    "make_python_type_usable_as_data_type",
    "resolve",
    "usable_as_data_type",
]
