"""Config: typed classes and dict schemas in; values, or problems with their paths, out."""

from __future__ import annotations

from jobnb.config.binding import (
    BoundConfig,
    bind,
    bind_value,
    resolve_fields,
    resolved,
    without_secrets,
)
from jobnb.config.env import EnvVar, env_name, env_names
from jobnb.config.field import Field
from jobnb.config.mapping import (
    ConfigMapping,
    ConfiguredSchema,
    config_mapping,
    configured,
    configured_schema,
)
from jobnb.config.model import Config, PermissiveConfig, derived
from jobnb.config.models import Section, model_of
from jobnb.config.places import json_schema
from jobnb.config.plain import plain_config
from jobnb.config.run_config import CoercibleToRunConfig, RunConfig, raw_config
from jobnb.config.samples import completed, scaffold, with_defaults
from jobnb.config.schema import (
    Array,
    BoolSource,
    ConfigField,
    ConfigSchema,
    Enum,
    EnumValue,
    IntSource,
    Map,
    Noneable,
    Permissive,
    ScalarUnion,
    Selector,
    Shape,
    StringSource,
    schema_of,
)
from jobnb.config.yaml import (
    config_from_files,
    config_from_pkg_resources,
    config_from_yaml_strings,
    dump_yaml,
    load_yaml,
    merged,
    rewritten,
)

__all__ = [
    "Array",
    "BoolSource",
    "BoundConfig",
    "CoercibleToRunConfig",
    "Config",
    "ConfigField",
    "ConfigMapping",
    "ConfigSchema",
    "ConfiguredSchema",
    "Enum",
    "EnumValue",
    "EnvVar",
    "Field",
    "IntSource",
    "Map",
    "Noneable",
    "Permissive",
    "PermissiveConfig",
    "RunConfig",
    "ScalarUnion",
    "Section",
    "Selector",
    "Shape",
    "StringSource",
    "bind",
    "bind_value",
    "completed",
    "config_from_files",
    "config_from_pkg_resources",
    "config_from_yaml_strings",
    "config_mapping",
    "configured",
    "configured_schema",
    "derived",
    "dump_yaml",
    "env_name",
    "env_names",
    "json_schema",
    "load_yaml",
    "merged",
    "model_of",
    "plain_config",
    "raw_config",
    "resolve_fields",
    "resolved",
    "rewritten",
    "scaffold",
    "schema_of",
    "with_defaults",
    "without_secrets",
]
