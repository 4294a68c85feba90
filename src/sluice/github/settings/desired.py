"""Read the files in `.github/settings/`, which have the keys of GitHub's REST API."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json

# The environments whose jobs wait for an approval.
CANARY, PRODUCTION = "canary", "production"
# The jobs of this environment can read the token that changes releases.
PUBLISH = "publish"

T = TypeVar("T")
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Color = Annotated[str, Meta(pattern="^[0-9a-f]{6}$")]


class Record(Struct, forbid_unknown_fields=True, omit_defaults=True):
    def body(self) -> dict[str, Any]:
        """The keys that the file sets, as a request body."""
        body: dict[str, Any] = msgspec.to_builtins(self)
        return body


class ActionsPermissions(Record):
    enabled: bool
    sha_pinning_required: bool | None = None
    allowed_actions: Literal["all", "local_only", "selected"] | None = None


class WorkflowPermissions(Record):
    default_workflow_permissions: Literal["read", "write"]
    can_approve_pull_request_reviews: bool


class Actions(Record):
    permissions: ActionsPermissions
    workflow: WorkflowPermissions


class MergeSettings(Record):
    allow_merge_commit: bool | None = None
    allow_rebase_merge: bool | None = None
    allow_squash_merge: bool | None = None
    allow_auto_merge: bool | None = None
    allow_update_branch: bool | None = None
    delete_branch_on_merge: bool | None = None


class Repository(Record):
    settings: MergeSettings
    vulnerability_alerts: bool
    private_vulnerability_reporting: bool


class Reviewer(Record):
    user: Name | None = None
    team: Name | None = None

    def __post_init__(self) -> None:
        if (self.user is None) == (self.team is None):
            raise ValueError('expected {"user": LOGIN} or {"team": SLUG}')

    @property
    def key(self) -> tuple[Literal["User", "Team"], str]:
        """Type and name, by which reviewers are compared."""
        return ("User", self.user.lower()) if self.user else ("Team", str(self.team).lower())

    @property
    def words(self) -> str:
        return self.user or f"team {self.team}"


class Pattern(Record):
    name: Name
    type: Literal["branch", "tag"]

    @property
    def words(self) -> str:
        return f"{self.type} {self.name}"


class DesiredEnvironment(Record):
    name: Name
    branch_policies: Annotated[list[Pattern], Meta(min_length=1)]
    reviewers: Annotated[list[Reviewer], Meta(max_length=6)] = []
    prevent_self_review: bool = False
    can_admins_bypass: bool | None = None
    wait_timer: Annotated[int, Meta(ge=0, le=43_200)] | None = None

    @property
    def lacks_reviewers(self) -> bool:
        """Whether the environment needs an approval, but names nobody who can give it."""
        return self.prevent_self_review and not self.reviewers


class BypassActor(Record):
    actor_type: Literal[
        "Integration", "OrganizationAdmin", "RepositoryRole", "Team", "DeployKey", "User"
    ]
    bypass_mode: Literal["always", "pull_request", "exempt"]
    actor_id: int | None = None


class RefName(Record):
    include: list[str]
    exclude: list[str]


class Conditions(Record):
    ref_name: RefName


class Check(Record):
    context: Name
    integration_id: int | None = None


class PullRequestParameters(Record):
    required_approving_review_count: Annotated[int, Meta(ge=0, le=10)]
    require_code_owner_review: bool
    dismiss_stale_reviews_on_push: bool
    require_last_push_approval: bool
    required_review_thread_resolution: bool
    allowed_merge_methods: list[Literal["merge", "squash", "rebase"]] | None = None


class StatusCheckParameters(Record):
    required_status_checks: Annotated[list[Check], Meta(min_length=1)]
    strict_required_status_checks_policy: bool
    do_not_enforce_on_create: bool | None = None


class UpdateParameters(Record):
    update_allows_fetch_and_merge: bool


class Rule(Record, tag_field="type"):
    pass


class PullRequest(Rule, tag="pull_request"):
    parameters: PullRequestParameters


class RequiredStatusChecks(Rule, tag="required_status_checks"):
    parameters: StatusCheckParameters


class Creation(Rule, tag="creation"):
    pass


class Update(Rule, tag="update"):
    parameters: UpdateParameters | None = None


class Deletion(Rule, tag="deletion"):
    pass


class NonFastForward(Rule, tag="non_fast_forward"):
    pass


class RequiredLinearHistory(Rule, tag="required_linear_history"):
    pass


class RequiredSignatures(Rule, tag="required_signatures"):
    pass


AnyRule = (
    PullRequest
    | RequiredStatusChecks
    | Creation
    | Update
    | Deletion
    | NonFastForward
    | RequiredLinearHistory
    | RequiredSignatures
)


class Ruleset(Record):
    name: Name
    target: Literal["branch", "tag"]
    enforcement: Literal["active", "evaluate", "disabled"]
    bypass_actors: list[BypassActor]
    conditions: Conditions
    rules: Annotated[list[AnyRule], Meta(min_length=1)]


class Label(Record):
    name: Name
    color: Color
    description: Annotated[str, Meta(max_length=100)]


class DesiredSettings(Struct):
    """The content of all files."""

    actions: Actions
    rulesets: list[Ruleset]
    environments: list[DesiredEnvironment]
    repository: Repository
    labels: list[Label]

    @property
    def unreviewed(self) -> list[DesiredEnvironment]:
        """The environments that need reviewers and name none, as in a new copy of the template."""
        return [one for one in self.environments if one.lacks_reviewers]


def load(folder: Path) -> DesiredSettings:
    """Read the files. Raises SluiceError, with the file and the key, if one is not valid."""
    wanted = DesiredSettings(
        _read(folder / "actions.json", Actions),
        _read(folder / "rulesets.json", list[Ruleset]),
        _read(folder / "environments.json", list[DesiredEnvironment]),
        _read(folder / "repository.json", Repository),
        _read(folder / "labels.json", list[Label]),
    )
    _require_distinct(folder / "rulesets.json", (one.name for one in wanted.rulesets))
    environments = folder / "environments.json"
    _require_distinct(environments, (one.name.lower() for one in wanted.environments))
    _require_distinct(folder / "labels.json", (one.name.lower() for one in wanted.labels))
    _require_approval(environments, wanted.environments)
    return wanted


def write_reviewers(folder: Path, logins: list[str]) -> None:
    """Write these people into environments.json wherever reviewers are needed and missing."""
    path = folder / "environments.json"
    raw = json.loads(path.read_text("utf-8"))
    for one in raw:
        if one.get("prevent_self_review") and not one.get("reviewers"):
            one["reviewers"] = [{"user": login} for login in logins]
    files.write(path, (json.dumps(raw, indent=2, ensure_ascii=False) + "\n").encode())


def with_reviewers(wanted: DesiredSettings, logins: list[str]) -> DesiredSettings:
    """The settings with these people as reviewers wherever reviewers are needed and missing."""
    named = [Reviewer(user=login) for login in logins]
    return msgspec.structs.replace(
        wanted,
        environments=[
            msgspec.structs.replace(one, reviewers=named) if one.lacks_reviewers else one
            for one in wanted.environments
        ],
    )


def _read(path: Path, kind: type[T]) -> T:
    try:
        return decode_json(path.read_bytes(), kind)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: run this in the project's folder") from None
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".")
        raise SluiceError(f"{path}: {key + ': ' if key else ''}{said}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path} is not JSON: {error}") from None


def _require_distinct(path: Path, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SluiceError(f"{path}: two entries are named {name!r}: remove one")
        seen.add(name)


def _require_approval(path: Path, environments: list[DesiredEnvironment]) -> None:
    """Refuse files that would allow a release without the approval of a second person."""
    found = {one.name: one for one in environments}
    for name, why in (
        (CANARY, "its reviewers approve what may take over production"),
        (PRODUCTION, "its reviewers approve the releases"),
        (PUBLISH, "it holds the token that changes releases"),
    ):
        if name not in found:
            raise SluiceError(f"{path}: the environment {name!r} is missing: add it, because {why}")
        _require_branch(path, found[name])
    for one in (found[CANARY], found[PRODUCTION]):
        if not one.prevent_self_review:
            raise SluiceError(f"{path}: {one.name}: prevent_self_review must be true")
        if one.can_admins_bypass is not False:
            raise SluiceError(f"{path}: {one.name}: can_admins_bypass must be false")


def _require_branch(path: Path, one: DesiredEnvironment) -> None:
    for pattern in one.branch_policies:
        if not pattern.name.strip("*/"):
            raise SluiceError(
                f"{path}: {one.name}: branch_policies: {pattern.name!r} allows every "
                f"{pattern.type} to deploy: name 'main' only"
            )
