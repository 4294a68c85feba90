"""What the pipeline's stages do, as one script in plain pandas and scikit-learn, without intervals.

It reads the table, looks for values that are not known, repeated and out of range, splits, fits the
two candidates of the example, and computes its metrics with those of each sensitive group.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, recall_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

_TARGET, _ID, _CATEGORIES, _GROUPS = "default_next_month", "ID", ["EDUCATION"], ["SEX", "MARRIAGE"]


def main(folder: Path) -> None:
    frame = pd.read_parquet(folder)
    numbers = [n for n in frame if n not in (_TARGET, _ID, "AGE", *_CATEGORIES, *_GROUPS)]
    print(frame.describe().to_string())
    print(frame.isna().sum().to_string(), frame[_ID].is_unique)
    print(frame.drop(columns=_ID).duplicated().mean())
    train, rest = train_test_split(frame, test_size=0.47, random_state=0)
    validation, holdout = train_test_split(rest, test_size=0.55, random_state=0)
    inputs = [*numbers, *_CATEGORIES]
    models = [
        LogisticRegression(solver="newton-cholesky"),
        HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.06, max_leaf_nodes=15, early_stopping=False
        ),
    ]
    fitted = []
    for model in models:
        columns = make_column_transformer(
            (StandardScaler(), numbers), (OneHotEncoder(sparse_output=False), _CATEGORIES)
        )
        fitted.append(make_pipeline(columns, model).fit(train[inputs], train[_TARGET]))
    best = max(
        fitted, key=lambda m: roc_auc_score(validation[_TARGET], scores(m, validation[inputs]))
    )
    score, truth = scores(best, holdout[inputs]), holdout[_TARGET]
    flagged = score > 0.2
    print(roc_auc_score(truth, score), average_precision_score(truth, score))
    print(brier_score_loss(truth, score), recall_score(truth, flagged))
    for name in _GROUPS:
        print(flagged.groupby(holdout[name]).mean(), flagged.groupby([holdout[name], truth]).mean())


def scores(model: object, rows: pd.DataFrame) -> pd.Series:
    return pd.Series(model.predict_proba(rows)[:, 1], rows.index)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
