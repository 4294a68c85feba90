"""From what was asked and scored to the log's records."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sluice.model import Scores, Signature, Tensors
from sluice.scoring_log.record import LoggedColumn, LogRecord
from sluice.serve.request import ScoringRequest, decided_classes


class Recorder:
    """Makes records with the features that are logged, and no others."""

    def __init__(self, signature: Signature, logged: Sequence[LoggedColumn]) -> None:
        names = {column.name for column in logged}
        self._signature = signature
        self._every = len(names) == len(signature.inputs)
        self._numbers = [i for i, name in enumerate(signature.numbers) if name in names]
        self._categories = [i for i, name in enumerate(signature.categories) if name in names]

    def records(self, questions: list[ScoringRequest], scores: Scores) -> list[LogRecord]:
        now, clock = time.time_ns() // 1000, time.monotonic()
        said = decided_classes(self._signature, scores)
        values = scores.values.tolist()
        records: list[LogRecord] = []
        for question in questions:
            latency = round(clock - question.started, 6)
            features = self._features(question.tensors)
            for row, known in enumerate(features):
                place = len(records)
                records.append(
                    LogRecord(
                        now,
                        question.id,
                        row,
                        question.ids[row] if question.ids else None,
                        known,
                        values[place],
                        said[place] if said else None,
                        latency,
                    )
                )
        return records

    def _features(self, tensors: Tensors) -> list[list[float | str | None]]:
        numbers, categories = tensors.numbers, tensors.categories
        if not self._every:
            numbers, categories = numbers[:, self._numbers], categories[:, self._categories]
        return [
            known + [text or None for text in texts]
            for known, texts in zip(numbers.tolist(), categories.tolist(), strict=True)
        ]
