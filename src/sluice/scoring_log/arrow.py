"""Records as Arrow tables. Each row repeats the header's fields, so files can be read together."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from sluice.scoring_log.record import SHARED, LogRecord, SegmentHeader


def schema(header: SegmentHeader) -> pa.Schema:
    """The columns of a segment's Parquet file."""
    kinds = {"number": pa.float64(), "category": pa.string()}
    features = pa.struct([(column.name, kinds[column.type]) for column in header.columns])
    shared = [(name, pa.dictionary(pa.int32(), pa.string())) for name in SHARED]
    score = pa.list_(pa.float64()) if header.task == "multiclass" else pa.float64()
    return pa.schema(
        [
            ("time", pa.timestamp("us", "UTC")),
            ("request", pa.string()),
            ("row", pa.int32()),
            ("id", pa.string()),
            *shared,
            *([("features", features)] if header.columns else []),
            ("score", score),
            ("decision", pa.string()),
            ("latency", pa.float64()),
            ("x_request_id", pa.string()),
            ("segment", pa.string()),
        ],
        {"classes": msgspec.json.encode(header.classes)},
    )


def batch(header: SegmentHeader, records: list[LogRecord]) -> pa.RecordBatch:
    """Records of one segment as a batch of that schema."""
    wanted = schema(header)
    arrays = [_column(field, header, records) for field in wanted]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _column(field: pa.Field, header: SegmentHeader, records: list[LogRecord]) -> pa.Array:
    if field.name in SHARED:
        codes = pa.repeat(pa.scalar(0, pa.int32()), len(records))
        return pa.DictionaryArray.from_arrays(codes, pa.array([getattr(header, field.name)]))
    if field.name != "features":
        return pa.array([getattr(record, field.name) for record in records], field.type)
    inner = [field.type.field(i) for i in range(field.type.num_fields)]
    return pa.StructArray.from_arrays(
        [pa.array([r.features[i] for r in records], part.type) for i, part in enumerate(inner)],
        fields=inner,
    )
