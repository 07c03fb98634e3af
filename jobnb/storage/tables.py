"""The tables of the history, the same on SQLite and PostgreSQL."""

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
    Table,
    Text,
    UniqueConstraint,
)

from jobnb.state import RunStatus

SCHEMA_VERSION = 3
"""Raised whenever a change here would be misread by an older jobnb."""

CHUNK_SPAN = 65536
"""An event's storage id is its chunk's id times this, plus its place in the chunk."""

UNDER_WAY = frozenset({RunStatus.STARTING, RunStatus.STARTED, RunStatus.CANCELING})
"""A run that stands at one of these is being done by a process, which has its lease."""

# SQLite counts rows by itself only where the column is exactly INTEGER.
_Id = BigInteger().with_variant(Integer(), "sqlite")

# Texts are in the order of their characters, as on SQLite, whatever language the database sorts in.
_Text = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run_id", _Text, nullable=False, unique=True),
    Column("job_name", _Text, nullable=False),
    Column("status", _Text, nullable=False),
    Column("snapshot_id", _Text),
    Column("created", Float(53), nullable=False),
    Column("updated", Float(53), nullable=False),
    Column("started", Float(53)),
    Column("ended", Float(53)),
    Column("root_run_id", _Text),
    Column("notebook", _Text),
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
    Column("run_id", _Text, ForeignKey("runs.run_id"), primary_key=True),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
    Index("run_tags_by_key", "key", "value", "run_id").ddl_if(dialect="sqlite"),
    # A value may be longer than what PostgreSQL takes into any other kind of index.
    Index("run_tags_by_value", "value", postgresql_using="hash").ddl_if(dialect="postgresql"),
)

leases = Table(
    "leases",
    metadata,
    Column("run_id", _Text, primary_key=True),
    Column("host", _Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("mark", _Text, nullable=False),
    Column("seen", Float(53), nullable=False),
)

cancel_requests = Table(
    "cancel_requests",
    metadata,
    Column("run_id", _Text, primary_key=True),
    Column("time", Float(53), nullable=False),
    Column("reason", _Text, nullable=False),
)
"""The runs that some process wants to end; the process that does a run looks here."""

pools = Table(
    "pools",
    metadata,
    Column("pool", _Text, primary_key=True),
    Column("places", Integer, nullable=False),
)
"""How many steps of a pool run at once, in all processes."""

pool_places = Table(
    "pool_places",
    metadata,
    Column("pool", _Text, primary_key=True),
    Column("run_id", _Text, primary_key=True),
    Column("step_key", _Text, primary_key=True),
    Column("priority", BigInteger, nullable=False),
    Column("asked", Float(53), nullable=False),
    Column("taken", Float(53)),
    Column("host", _Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("mark", _Text, nullable=False),
    Column("seen", Float(53), nullable=False),
    Index("pool_places_by_run", "run_id"),
)
"""The steps that have a place in a pool, and those that wait for one (not `taken`)."""

event_chunks = Table(
    "event_chunks",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run_id", _Text, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("kinds", _Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("event_chunks_by_run", "run_id", "first_seq", unique=True),
    sqlite_autoincrement=True,
)

indexed_events = Table(
    "indexed_events",
    metadata,
    Column("storage_id", _Id, primary_key=True, autoincrement=False),
    Column("run_id", _Text, nullable=False),
    Column("kind", _Text, nullable=False),
    Column("time", Float(53), nullable=False),
    Column("step_key", _Text),
    Column("asset_key", _Text),
    Column("partition", _Text),
    Column("body", LargeBinary, nullable=False),
    Index("indexed_events_by_kind", "kind", "asset_key", "storage_id"),
)

assets = Table(
    "assets",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("asset_key", _Text, nullable=False, unique=True),
    Column("run_id", _Text, nullable=False),
    Column("storage_id", BigInteger),
    Column("time", Float(53)),
    Column("body", LargeBinary),
)

# Without a rowid the rows of an asset lie side by side, and its key is stored once per row only.
asset_partitions = Table(
    "asset_partitions",
    metadata,
    Column("asset_key", _Text, primary_key=True),
    Column("partition", _Text, primary_key=True),
    Column("storage_id", BigInteger),
    Column("run_id", _Text),
    Column("time", Float(53)),
    Column("failed_run_id", _Text),
    sqlite_with_rowid=False,
)
"""What became of each partition: its latest materialization, and the run that failed since."""

partition_plans = Table(
    "partition_plans",
    metadata,
    Column("run_id", _Text, primary_key=True),
    Column("asset_key", _Text, primary_key=True),
    Column("partition", _Text, primary_key=True),
    sqlite_with_rowid=False,
)
"""The partitions that runs under way still mean to make; a run that has ended has none."""

dynamic_partitions = Table(
    "dynamic_partitions",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("definition", _Text, nullable=False),
    Column("partition", _Text, nullable=False),
    Column("created", Float(53), nullable=False),
    UniqueConstraint("definition", "partition"),
    sqlite_autoincrement=True,
)

backfills = Table(
    "backfills",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("backfill_id", _Text, nullable=False, unique=True),
    Column("status", _Text, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

presets = Table(
    "presets",
    metadata,
    Column("job_name", _Text, primary_key=True),
    Column("name", _Text, primary_key=True),
    Column("updated", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

kvs = Table(
    "kvs",
    metadata,
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
)

code_listings = Table(
    "code_listings",
    metadata,
    Column("version", _Text, primary_key=True),
    Column("listing", _Text, nullable=False),
)
"""The text of code that runs ran, by its version."""

instigators = Table(
    "instigators",
    metadata,
    Column("origin", _Text, primary_key=True),
    Column("kind", _Text, nullable=False),
    Column("name", _Text, nullable=False),
    Column("location", _Text, nullable=False),
    Column("status", _Text, nullable=False),
    Column("started", Float(53)),
    Column("cursor", _Text),
    Column("last_tick", Float(53)),
    Column("last_end", Float(53)),
    Column("last_run_key", _Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("not_before", Float(53)),
    Column("current", Float(53)),
    Column("host", _Text),
    Column("pid", BigInteger),
    Column("mark", _Text),
    Column("loop_id", _Text),
    Column("seen", Float(53)),
)
"""How schedules and sensors stand, and the loop that is at a tick of one."""

ticks = Table(
    "ticks",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("origin", _Text, nullable=False),
    Column("time", Float(53), nullable=False),
    Column("status", _Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("origin", "time"),
    sqlite_autoincrement=True,
)

run_keys = Table(
    "run_keys",
    metadata,
    Column("origin", _Text, primary_key=True),
    Column("run_key", _Text, primary_key=True),
    Column("run_id", _Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The run that each run key of a schedule or sensor launched."""
