"""The fields of GitHub's answers that sluice uses; None if a field is missing.

githubkit's own models are not used: they refuse answers from older servers that lack a field, drop
fields that the API description lacks, and take a second to import.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field


class Repository(Struct):
    private: bool
    archived: bool = False
    allow_merge_commit: bool | None = None
    allow_rebase_merge: bool | None = None
    allow_squash_merge: bool | None = None
    allow_auto_merge: bool | None = None
    allow_update_branch: bool | None = None
    delete_branch_on_merge: bool | None = None


class ActionsPermissions(Struct):
    enabled: bool
    allowed_actions: str | None = None
    sha_pinning_required: bool | None = None


class WorkflowPermissions(Struct):
    default_workflow_permissions: str
    can_approve_pull_request_reviews: bool


class Switch(Struct):
    enabled: bool


class Account(Struct):
    id: int
    login: str | None = None
    slug: str | None = None
    type: str | None = None

    @property
    def is_person(self) -> bool:
        """Whether GitHub says that this is a user, and neither a bot nor an app."""
        login = (self.login or "").lower()
        return self.type == "User" and bool(login) and not login.endswith("[bot]")


class EnvironmentReviewer(Struct):
    """A user or team; either field can be missing, and then the name is empty."""

    type: str = ""
    reviewer: Account | None = None

    @property
    def name(self) -> str:
        return (self.reviewer and (self.reviewer.login or self.reviewer.slug)) or ""

    @property
    def key(self) -> tuple[str, str]:
        return self.type, self.name.lower()

    @property
    def words(self) -> str:
        if not (self.type and self.name):
            return "a reviewer whom GitHub does not name"
        return f"team {self.name}" if self.type == "Team" else self.name


class ProtectionRule(Struct):
    type: str
    wait_timer: int = 0
    prevent_self_review: bool = False
    reviewers: list[EnvironmentReviewer] = []


class DeploymentBranchPolicy(Struct):
    protected_branches: bool
    custom_branch_policies: bool


class EnvironmentResponse(Struct):
    name: str
    protection_rules: list[ProtectionRule] = []
    deployment_branch_policy: DeploymentBranchPolicy | None = None
    can_admins_bypass: bool | None = None

    @property
    def by_patterns(self) -> bool:
        policy = self.deployment_branch_policy
        return policy is not None and policy.custom_branch_policies

    @property
    def reviewers(self) -> list[EnvironmentReviewer]:
        return [one for rule in self.protection_rules for one in rule.reviewers]

    @property
    def prevent_self_review(self) -> bool:
        return any(rule.prevent_self_review for rule in self.protection_rules)

    @property
    def wait_timer(self) -> int:
        """Minutes to wait before a deployment."""
        return max((rule.wait_timer for rule in self.protection_rules), default=0)


class Policy(Struct):
    """A pattern of branches or tags that may deploy, even if GitHub omits its number or name."""

    id: int | None = None
    name: str | None = None
    type: str = "branch"

    @property
    def words(self) -> str:
        return f"{self.type} {self.name or 'pattern without a name'}"


class Policies(Struct):
    branch_policies: list[Policy]


class RulesetName(Struct):
    id: int
    name: str
    source_type: str = "Repository"


class RefName(Struct):
    include: list[str] = []
    exclude: list[str] = []


class Conditions(Struct):
    ref_name: RefName = field(default_factory=RefName)


class Check(Struct):
    context: str
    integration_id: int | None = None


class RuleParameters(Struct):
    """The parameters of all kinds of rules that a settings file can set."""

    required_approving_review_count: int | None = None
    require_code_owner_review: bool | None = None
    dismiss_stale_reviews_on_push: bool | None = None
    require_last_push_approval: bool | None = None
    required_review_thread_resolution: bool | None = None
    allowed_merge_methods: list[str] | None = None
    required_status_checks: list[Check] | None = None
    strict_required_status_checks_policy: bool | None = None
    do_not_enforce_on_create: bool | None = None
    # GitHub omits it if it is off.
    update_allows_fetch_and_merge: bool = False


class Rule(Struct):
    type: str
    parameters: RuleParameters | None = None


class Ruleset(Struct):
    id: int
    name: str
    enforcement: str
    target: str = "branch"
    # GitHub shows this only to those who may change the ruleset.
    bypass_actors: list[dict[str, Any]] | None = None
    conditions: Conditions | None = None
    rules: list[Rule] = []


class Label(Struct):
    name: str
    color: str
    description: str | None = None


class Owner(Struct):
    login: str


class RepositoryName(Struct):
    full_name: str
    owner: Owner


class Run(Struct):
    """A run of a workflow; `conclusion` is None until the run is completed."""

    id: int
    event: str
    status: str
    path: str
    head_sha: str
    run_attempt: int = 1
    conclusion: str | None = None
    head_branch: str | None = None
    # None if the fork was deleted in the meantime.
    head_repository: RepositoryName | None = None
    # Who started the run, and who started its last attempt.
    actor: Account | None = None
    triggering_actor: Account | None = None


class Side(Struct):
    ref: str
    sha: str
    repo: RepositoryName | None = None


class Pull(Struct):
    number: int
    state: str
    head: Side
    base: Side
    changed_files: int = 0


class PullFile(Struct):
    filename: str
    previous_filename: str | None = None


class Artifact(Struct):
    id: int
    name: str
    size_in_bytes: int
    expired: bool


class Artifacts(Struct):
    artifacts: list[Artifact]


class Job(Struct):
    name: str
    conclusion: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the job failed, was cancelled, or has not ended."""
        return self.conclusion not in ("success", "skipped", "neutral")


class Jobs(Struct):
    jobs: list[Job]


class Content(Struct):
    type: str
    size: int = 0
    encoding: str = ""
    content: str = ""


class Listed(Struct):
    """An entry of a folder."""

    name: str
    sha: str


class Author(Struct):
    login: str
    type: str


class Comment(Struct):
    id: int
    body: str | None = None
    user: Author | None = None


class Asset(Struct):
    """A file of a release; `digest` is `sha256:…` if GitHub gives it."""

    id: int
    name: str
    size: int
    state: str = "uploaded"
    digest: str | None = None


class Release(Struct):
    id: int
    tag_name: str
    draft: bool
    prerelease: bool
    html_url: str
    upload_url: str
    created_at: str
    name: str | None = None
    body: str | None = None
    published_at: str | None = None
    assets: list[Asset] = []
    immutable: bool = False

    @property
    def full(self) -> bool:
        return not (self.draft or self.prerelease)


class RefTarget(Struct):
    sha: str
    type: str


class Ref(Struct):
    object: RefTarget


class CommitMessage(Struct):
    message: str


class ChangedCommit(Struct):
    sha: str
    commit: CommitMessage


class Changes(Struct):
    """The commits between two revisions; the last one is the newest."""

    status: Literal["ahead", "behind", "diverged", "identical"]
    total_commits: int
    commits: list[ChangedCommit]


class EnvironmentName(Struct):
    name: str


class Approval(Struct):
    """A reviewer's decision on the jobs of a run that wait for these environments."""

    state: str
    environments: list[EnvironmentName]
    user: Account
    comment: str = ""


class Attestations(Struct):
    attestations: list[dict[str, Any]]
