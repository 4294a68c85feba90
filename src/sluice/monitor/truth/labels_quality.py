"""Whether a file of labels can be trusted: which labels were left out, and what looks wrong."""

from __future__ import annotations

import numpy as np

from sluice.monitor.truth.context import Context
from sluice.monitor.truth.join import SPELLED, STRANGERS, Joined
from sluice.stats import two_sample
from sluice.task import Task
from sluice.verdict import Bound, Finding, Status, plain

_GATE = "ground-truth"
_RULE = "a fixed rule of sluice"
_MOST_LEFT_OUT = 0.01  # the largest share of labels that may be left out for one reason
_JUMP_DAYS = 7
_JUMP_FLOOR = 0.05
_FEWEST_COPIES = 100  # from this many labels, full agreement with the decisions is suspicious
_MOST_AGREEMENT = 0.999
_TOO_UNLIKELY = float(np.log(1e-6))  # probability that a batch agrees by chance
_MOST_DAYS = 28


def findings(joined: Joined, task: Task) -> list[Finding]:
    """What was left out, one finding for each reason, and whether decisions were copied."""
    found = [_left_out(joined, at) for at in range(len(joined.problems))]
    if not joined.problems:
        why = f"all {joined.labels:,} labels could be used; {joined.corrected:,} were corrected"
        found.append(Finding(f"{_GATE}/labels", Status.PASS, why, n=joined.labels))
    if task != "regression":
        found += _copied(joined)
    return found


def _left_out(joined: Joined, at: int) -> Finding:
    problem = joined.problems[at]
    share = plain(problem.rows / max(1, joined.labels))
    some = "; ".join(problem.examples)
    why = f"{problem.rows:,} of {joined.labels:,} labels were left out, such as {some}"
    name = f"{_GATE}/labels {problem.name}"
    if problem.name == STRANGERS:  # a file may have more customers than the log
        return Finding(name, Status.PASS, why, share, n=joined.labels)
    bound = Bound(_RULE, high=0.0 if problem.name == SPELLED else _MOST_LEFT_OUT)
    status = Status.PASS if bound.admits(share) else Status.FAIL
    if status is Status.FAIL:
        why += ": correct the file"
    return Finding(name, status, why, share, n=joined.labels, bound=bound)


def _copied(joined: Joined) -> list[Finding]:
    """Labels that repeat the model's own decisions are no evidence about the model.

    The labels of the most recent days are also checked alone, for each number of days, because a
    new batch of copies would be hidden among many older labels.
    """
    newest = joined.known.max(initial=0)
    batches = [("labels", np.ones(len(joined.truth), bool))] + [
        (f"labels that became known in the last {days} days", joined.known > newest - days)
        for days in range(1, _MOST_DAYS + 1)
    ]
    agree, chance = joined.truth == joined.decisions, _chances(joined)
    shares = [
        (plain(float(agree[rows].mean())), float(np.log(chance[rows]).sum()), int(rows.sum()), name)
        for name, rows in batches
        if rows.sum() >= _FEWEST_COPIES
    ]
    if not shares:
        return []
    bound = Bound(_RULE, high=_MOST_AGREEMENT)
    name = f"{_GATE}/labels that equal the decisions"
    copied = [one for one in shares if not bound.admits(one[0]) and one[1] < _TOO_UNLIKELY]
    if not copied:
        share, _, n, _ = shares[0]
        return [Finding(name, Status.PASS, f"{share:.1%} of {n:,} labels", share, n=n)]
    share, _, n, batch = max(copied, key=lambda one: one[2])
    why = (
        f"{share:.1%} of the {n:,} {batch}: they seem to be copies of the model's decisions "
        "instead of true outcomes; find out where the file comes from"
    )
    return [Finding(name, Status.FAIL, why, share, n=n, bound=bound)]


def _chances(joined: Joined) -> np.ndarray:
    """The probability, by the model's scores, that each true outcome equals the decision; [n]."""
    scores, decisions = joined.scores, np.maximum(joined.decisions, 0)
    if scores.ndim == 1:
        chance = np.where(decisions == 1, scores, 1 - scores)
    else:
        chance = scores[np.arange(len(scores)), decisions]
    return np.clip(chance, 1e-12, 1.0)


def jumps(joined: Joined, context: Context) -> list[Finding]:
    """Whether the classes in the labels of the last seven days differ from those in all earlier
    ones.
    """
    if context.reference.task == "regression" or not len(joined.known):
        return []
    new = joined.known > joined.known.max() - _JUMP_DAYS
    size = len(context.reference.classes)
    both = [np.bincount(joined.truth[part], minlength=size).astype(float) for part in (~new, new)]
    if min(counts.sum() for counts in both) < _FEWEST_COPIES:
        return []
    difference = two_sample.chi_squared(*two_sample.merge(both[0], both[1], ordered=False))
    chance = two_sample.larger_difference(difference, _JUMP_FLOOR)
    shares = [counts / counts.sum() for counts in both]
    at = int(np.argmax(np.abs(shares[1] - shares[0])))
    told = (
        f"{context.reference.classes[at]!r} is the truth of {shares[1][at]:.1%} of the labels of "
    )
    told += f"the last {_JUMP_DAYS} days, and of {shares[0][at]:.1%} of those before"
    name = f"{_GATE}/classes of the newest labels"
    alarm = chance <= context.settings.monitor.false_alarms_a_year / 365
    size_ = plain(difference.size)
    n = int(both[1].sum())
    bound = Bound(_RULE, high=_JUMP_FLOOR)
    if not alarm:
        return [Finding(name, Status.PASS, told, size_, n=n, bound=bound)]
    why = f"{told}: either outcomes have changed, or this batch of labels is wrong; check it"
    return [Finding(name, Status.FAIL, why, size_, n=n, bound=bound)]
