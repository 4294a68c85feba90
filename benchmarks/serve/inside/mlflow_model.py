"""Writes the fitted pipeline as an MLflow model that predicts probabilities: PIPELINE TARGET."""

import sys
from pathlib import Path

import mlflow.sklearn

from sluice.train.persist import load

if __name__ == "__main__":
    mlflow.sklearn.save_model(
        load(Path(sys.argv[1])),
        sys.argv[2],
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
    )
