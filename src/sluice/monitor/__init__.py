"""Monitoring: summaries of the scoring log, drift, ground truth, and the decision to retrain."""
