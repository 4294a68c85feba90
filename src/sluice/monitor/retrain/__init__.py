"""Retraining: new labelled rows, a new model, the comparison on new rows, and a proposal."""
