"""Writes the fitted pipeline for MLServer's scikit-learn runtime: PIPELINE TARGET."""

import sys
from pathlib import Path

import joblib

from sluice.train.persist import load

if __name__ == "__main__":
    joblib.dump(load(Path(sys.argv[1])), sys.argv[2])
