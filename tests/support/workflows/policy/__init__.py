"""Rules for all workflows, for everything that act does not simulate.

A rule is a function that looks at all files at once, and returns the problems that it finds.
"""

from support.workflows.policy import access, order, shell, sources, unowned
from support.workflows.policy.files import Rule

RULES: tuple[Rule, ...] = (
    access.workflows_grant_no_permissions,
    access.jobs_write_only_what_the_table_says,
    access.pull_requests_cannot_write,
    access.untrusted_code_gets_no_token,
    access.checkouts_keep_no_token_and_take_no_other_code,
    access.only_the_steps_of_the_table_have_a_secret,
    access.jobs_use_the_environments_of_the_table,
    sources.actions_are_pinned,
    sources.jobs_have_a_fixed_runner_and_a_time_limit,
    sources.only_ci_has_caches,
    shell.failures_are_not_ignored,
    shell.expressions_are_not_pasted_into_commands,
    shell.inputs_cannot_be_taken_for_options,
    shell.commands_are_plain,
    order.runs_that_write_are_not_cancelled,
    order.production_waits_for_preflight,
    order.a_release_follows_the_verdict_on_its_package,
    order.what_happens_to_production_is_attested,
    order.production_changes_one_run_at_a_time,
    order.all_green_needs_every_job,
    order.only_listed_conditions_skip_anything,
    order.the_base_branch_decides_what_is_skipped,
    order.delivery_runs_its_jobs_in_order,
    unowned.unowned_code_writes_nothing,
    unowned.jobs_that_write_take_data_only,
    unowned.what_is_delivered_is_the_package_that_was_compared,
    unowned.variables_decide_nothing,
)
