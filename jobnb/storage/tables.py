"""The tables of the history, the same on SQLite and on any other SQLAlchemy database."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from jobnb.state import RunStatus

__all__ = [
    "CHUNK_SPAN",
    "SCHEMA_VERSION",
    "UNDER_WAY",
    "asset_partitions",
    "assets",
    "backfills",
    "dynamic_partitions",
    "event_chunks",
    "indexed_events",
    "kvs",
    "leases",
    "metadata",
    "partition_plans",
    "presets",
    "run_tags",
    "runs",
]

SCHEMA_VERSION = 2
"""Raised whenever a change here would be misread by an older jobnb."""

CHUNK_SPAN = 65536
"""An event's storage id is its chunk's id times this, plus its place in the chunk."""

UNDER_WAY = frozenset({RunStatus.STARTING, RunStatus.STARTED, RunStatus.CANCELING})
"""A run that stands at one of these is being done by a process, which has its lease."""

# SQLite counts rows by itself only where the column is exactly INTEGER.
_Id = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False, unique=True),
    Column("job_name", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("snapshot_id", Text),
    Column("created", Float(53), nullable=False),
    Column("updated", Float(53), nullable=False),
    Column("started", Float(53)),
    Column("ended", Float(53)),
    Column("root_run_id", String(64)),
    Column("body", LargeBinary, nullable=False),
    Index("runs_by_status", "status", "id"),
    Index("runs_by_job", "job_name", "id"),
    Index("runs_by_created", "created"),
    Index("runs_by_root", "root_run_id"),
    sqlite_autoincrement=True,
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.run_id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", Text, nullable=False),
    Index("run_tags_by_key", "key", "value", "run_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("mark", Text, nullable=False),
    Column("seen", Float(53), nullable=False),
)

event_chunks = Table(
    "event_chunks",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("event_chunks_by_run", "run_id", "first_seq", unique=True),
    sqlite_autoincrement=True,
)

indexed_events = Table(
    "indexed_events",
    metadata,
    Column("storage_id", _Id, primary_key=True, autoincrement=False),
    Column("run_id", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("time", Float(53), nullable=False),
    Column("step_key", Text),
    Column("asset_key", Text),
    Column("partition", Text),
    Column("body", LargeBinary, nullable=False),
    Index("indexed_events_by_kind", "kind", "asset_key", "storage_id"),
)

assets = Table(
    "assets",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("asset_key", String(2000), nullable=False, unique=True),
    Column("run_id", String(64), nullable=False),
    Column("storage_id", BigInteger),
    Column("time", Float(53)),
    Column("body", LargeBinary),
)

# Without a rowid the rows of an asset lie side by side, and its key is stored once per row only.
asset_partitions = Table(
    "asset_partitions",
    metadata,
    Column("asset_key", String(2000), primary_key=True),
    Column("partition", String(2000), primary_key=True),
    Column("storage_id", BigInteger),
    Column("run_id", String(64)),
    Column("time", Float(53)),
    Column("failed_run_id", String(64)),
    sqlite_with_rowid=False,
)
"""What became of each partition: its latest materialization, and the run that failed since."""

partition_plans = Table(
    "partition_plans",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("asset_key", String(2000), primary_key=True),
    Column("partition", String(2000), primary_key=True),
    sqlite_with_rowid=False,
)
"""The partitions that runs under way still mean to make; a run that has ended has none."""

dynamic_partitions = Table(
    "dynamic_partitions",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("definition", String(255), nullable=False),
    Column("partition", String(2000), nullable=False),
    Column("created", Float(53), nullable=False),
    UniqueConstraint("definition", "partition"),
    sqlite_autoincrement=True,
)

backfills = Table(
    "backfills",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("backfill_id", String(64), nullable=False, unique=True),
    Column("status", String(32), nullable=False),
    Column("created", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

presets = Table(
    "presets",
    metadata,
    Column("job_name", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("updated", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

kvs = Table(
    "kvs",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("value", Text, nullable=False),
)
