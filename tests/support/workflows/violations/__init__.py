"""For every rule of the policy, changes of the workflows that it must find."""

from support.workflows.policy.files import Violation
from support.workflows.violations import access, order, shell, sources, unowned

VIOLATIONS: list[Violation] = [
    *access.VIOLATIONS,
    *sources.VIOLATIONS,
    *shell.VIOLATIONS,
    *order.VIOLATIONS,
    *unowned.VIOLATIONS,
]
