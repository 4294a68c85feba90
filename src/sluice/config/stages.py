"""The sections of params.yaml that the stages and gates of the pipeline read."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from sluice.config.section import Key, Ordered, Range, Section, Share


class Quality(Section):
    """The bounds of the data-quality gate.

    `rows` is the smallest number of rows, `duplicates` the largest share of rows that repeat an
    earlier one (ignoring the id), `near_duplicates` the largest share of rows that repeat another
    one except for a few values, and `class_share` the smallest share of any class. `mostly` is the
    smallest share of a column's values that must be as declared: in its range, among its values,
    and whole if the type is whole numbers.

    `leakage` is how much of the target one column alone may explain on rows that it was not fitted
    on, from 0 to 1. `missing_leakage` is the same for the pattern of missing values in one or two
    columns, and `combined_leakage` for a sum, difference, product or ratio of two columns and for a
    linear fit of up to three.
    """

    rows: PositiveInt
    duplicates: Share
    near_duplicates: Share = 0.1
    class_share: Share | None = None
    mostly: Share = 1.0
    leakage: Share
    missing_leakage: Share = 0.5
    combined_leakage: Share = 0.995

    @property
    def leakage_of_pairs(self) -> float:
        """How much two columns together may explain of classes, on the scale of `leakage`.

        Two honest columns may explain more than one, but leave a part of the rest.
        """
        return (1 + self.leakage) / 2


OF_PAIRS = "half way from quality.leakage in params.yaml to 1"
INDEPENDENT = "none"  # states that rows are independent


class Split(Section):
    """The share of rows in each part; the rest is for training. `salt` seeds the hash.

    `group` is a column whose equal values mark rows that belong together, such as all rows of a
    customer: they are kept in one part and resampled together. `none` states that rows are
    independent. `by_time` is a column of dates or numbers: older rows train, newer ones test.

    `train_rows` is the largest number of training rows. If there are more, a sample of them is
    kept, by the same hash, and the others are not used; rows of one group are kept together.
    """

    salt: str
    validation: Annotated[float, Field(gt=0, lt=1)]
    holdout: Annotated[float, Field(gt=0, lt=1)]
    latest: Annotated[float, Field(gt=0, lt=1)]
    group: str | None = None
    by_time: str | None = None
    train_rows: Annotated[int, Field(ge=100)] | None = None

    @property
    def group_column(self) -> str | None:
        """The column of groups; None if there is none, or if `group` states that rows are
        independent.
        """
        return None if self.group == INDEPENDENT else self.group

    @model_validator(mode="after")
    def _check_rest(self) -> Self:
        if self.validation + self.holdout + self.latest >= 1:
            raise ValueError("validation, holdout and latest together leave no rows to train on")
        return self


class Candidate(Section):
    """A model of `usecase.candidates` and its parameters.

    `search` lists changes of `parameters`. Training tries `parameters` unchanged and then with each
    of the changes, at most `budget` sets in total, and uses the best one.
    """

    model: str
    parameters: Ordered[Key, Any] = Field(default_factory=dict)
    search: list[Ordered[Key, Any]] = Field(default_factory=list)
    budget: PositiveInt = 3


class Selection(Section):
    """How one candidate is chosen on the validation rows.

    Among the candidates whose `metric` is at most `within` worse than the best one, the one with
    the lowest cost is chosen. `costs` says what each kind of error costs.
    """

    metric: str
    within: Annotated[float, Field(ge=0)] = 0.0
    costs: Ordered[Key, PositiveFloat] = Field(default_factory=dict)


# A better model may have seen the target.
CEILING = {"roc_auc": 0.995, "r2": 0.99}


def _with_every_ceiling(given: dict[str, float]) -> dict[str, float]:
    return dict(sorted({**CEILING, **given}.items()))


Ceiling = Annotated[dict[str, FiniteFloat], AfterValidator(_with_every_ceiling)]


class Performance(Section):
    """The bounds of the performance gate, by metric.

    `over_baselines` is how much better than every baseline the model must be, in units of the
    selection metric. `under_champion` is how much worse than the champion the model may be, as a
    share of the champion's value. Confidence intervals have the level `confidence` and come from
    `resamples` bootstrap samples. A model above a `ceiling` is too good to be true until a person
    accepts the finding; CEILING has the defaults. `judgements` is the number of models that may be
    judged on one holdout before it needs new rows.

    With data.segments, `over_global` is how much better the models of the segments must be than the
    model for all rows, on all rows together and in units of the selection metric.
    `segments_on_global` is the largest share of the segments that the model for all rows serves.
    """

    bounds: Ordered[str, Range]
    ceiling: Ceiling = Field(default_factory=lambda: dict(CEILING))
    over_baselines: FiniteFloat = 0.0
    over_global: FiniteFloat = 0.0
    segments_on_global: Share = 0.5
    under_champion: Share = 0.02
    resamples: Annotated[int, Field(ge=100, le=10_000)] = 400
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = 0.95
    judgements: PositiveInt = 100


class Fairness(Section):
    """The bounds of the fairness gate, by measure, and the smallest number of rows of a group.

    `bounds` apply to each sensitive column, and `intersections` to combinations of them. With
    data.segments, `bounds` also apply in each segment with enough rows.
    """

    group_rows: PositiveInt
    bounds: Ordered[str, Range]
    intersections: Ordered[str, Range]
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = 0.95


class Explanation(Section):
    """The bounds of the explanation gate.

    `largest_share` is the largest share of importance that one input may have. `proxy` is how well
    one input alone may distinguish the groups of a sensitive column, and `joint_proxy` how well all
    inputs together may: the largest ROC AUC of any group against the rest. `rows` is the number of
    holdout rows that are explained.
    """

    largest_share: Share
    proxy: Share = 0.95
    joint_proxy: Share = 0.99
    rows: Annotated[int, Field(ge=10, le=5_000)] = 200


class Parity(Section):
    """How far the scores of the exported model may differ from those of the fitted pipeline."""

    tolerance: PositiveFloat


class LoadBounds(Section):
    """The bounds of the load test.

    Latencies are in milliseconds, `throughput` is in requests per second, `memory_mib` in
    mebibytes, and `error_rate` is a share of all requests.
    """

    p50_ms: Range | None = None
    p95_ms: Range
    p99_ms: Range
    throughput: Range
    memory_mib: Range
    error_rate: Range


class Load(Section):
    """The load that the load test generates: its duration, and the rows in each request."""

    seconds: Annotated[float, Field(gt=0, le=600)]
    connections: Annotated[int, Field(ge=1, le=256)]
    rows: Annotated[int, Field(ge=1, le=1_000)] = 1
    bounds: LoadBounds


class Acceptance(Section):
    """An `insufficient` finding that a person accepts, and the reason."""

    finding: str
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
