"""Turns scored requests into records of the scoring log."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sluice.model import Scores, Signature, Tensors
from sluice.scoring_log.record import LoggedColumn, LogRecord
from sluice.serve.request import Row, ScoringRequest, decided_classes


class Recorder:
    """Makes records that contain only the logged columns of the inputs."""

    def __init__(self, signature: Signature, logged: Sequence[LoggedColumn]) -> None:
        names = {column.name for column in logged}
        self._signature = signature
        self._all_logged = len(names) == len(signature.inputs)
        self._numbers = [i for i, name in enumerate(signature.numbers) if name in names]
        self._categories = [i for i, name in enumerate(signature.categories) if name in names]

    def records(self, requests: list[ScoringRequest], scores: Scores) -> list[LogRecord]:
        """One record for each row. `scores` has the rows of all requests, in their order."""
        now, clock = time.time_ns() // 1000, time.monotonic()
        decisions = decided_classes(self._signature, scores)
        values, segments = scores.values.tolist(), scores.segments
        records: list[LogRecord] = []
        for request in requests:
            latency = round(clock - request.started, 6)
            features = self._features(request.rows)
            for row, known in enumerate(features):
                place = len(records)
                records.append(
                    LogRecord(
                        now,
                        request.id,
                        row,
                        request.ids[row] if request.ids else None,
                        known,
                        values[place],
                        decisions[place] if decisions else None,
                        latency,
                        request.x_request_id,
                        None if segments is None else segments[place],
                    )
                )
        return records

    def _features(self, rows: Tensors | Row) -> list[list[float | str | None]]:
        """The logged values of each row: first the numbers, then the categories."""
        if isinstance(rows, Row):
            return [self._features_of(rows)]
        numbers, categories = rows.numbers, rows.categories
        if not self._all_logged:
            numbers, categories = numbers[:, self._numbers], categories[:, self._categories]
        return [
            known + [text or None for text in texts]
            for known, texts in zip(numbers.tolist(), categories.tolist(), strict=True)
        ]

    def _features_of(self, row: Row) -> list[float | str | None]:
        if self._all_logged:
            return [*row.numbers, *[text or None for text in row.categories]]
        return [
            *[row.numbers[place] for place in self._numbers],
            *[row.categories[place] or None for place in self._categories],
        ]
