"""release.yml and rollback.yml release only what was delivered and someone else approved."""

from __future__ import annotations

import json

import pytest

from sluice.delivery.publication import APPROVED, DESIRED, RELEASED, REVOKED
from support.releases import attested
from support.workflows.repository import Place

# Every run builds an image with the same name, so no two of them may run at the same time.
pytestmark = [pytest.mark.xdist_group("candidate"), pytest.mark.usefixtures("engine")]

RUN = 1  # the number that act gives every run


# Rehearsed for real in the first test only.
REHEARSED = ".venv/bin/sluice rollout rehearse out/candidate/package.tar --champion out/champion"


@pytest.fixture
def place(after_delivery: Place) -> Place:
    return after_delivery


def approved(place: Place, rehearsal: str = "make help") -> None:
    """hubot has approved the canary and the release; the rehearsal is another command.

    Only act reads this file of the workflow: each job has a clone of the commit.
    """
    for environment in ("canary", "production"):
        place.github.approve(RUN, "hubot", environment)
    name = ".github/workflows/release.yml"
    shown = 'cat out/rollout/report.md >> "$GITHUB_STEP_SUMMARY"'
    text = place.toy.text(name).replace(REHEARSED, rehearsal).replace(shown, "make help")
    place.toy.write(name, text.replace("path: out/rollout", "path: out/candidate/delivery.json"))


def version(place: Place) -> str:
    return place.github.releases[0]["tag_name"].removeprefix("v")


def nothing_was_released(place: Place) -> bool:
    return place.github.writes == [] and place.github.releases[0]["prerelease"]


def notes(place: Place, kind: str = APPROVED) -> list[dict]:
    """Each attested approval, or another attestation about production."""
    folder = place.workflows.state / "attestations"
    return [json.loads(path.read_bytes()) for path in folder.glob(f"*.{kind}.*.json")]


def release(place: Place, of: str | None = None) -> object:
    return place.dispatch("release", version=of or version(place))


def test_an_approved_version_becomes_the_champion(place):
    for environment in ("canary", "production"):
        place.github.approve(RUN, "hubot", environment)
    ran = release(place)
    assert ran.status == 0, ran.log[-4000:]
    assert ran.jobs == dict.fromkeys(
        ("preflight", "canary", "rehearse", "approve", "release"), "success"
    )
    (desired,) = notes(place, DESIRED)
    assert desired["predicate"]["version"] == version(place)
    assert ran.said("the canary was promoted and has all requests")
    done = place.github.releases[0]
    assert (done["prerelease"], place.github.latest) == (False, done["id"])
    assert "approved by hubot" in done["body"]
    (note,) = notes(place)
    assert note["digest"] == place.github.asset(done["tag_name"], "delivery.json")["digest"]
    assert note["predicate"]["approver"] == "hubot"
    (done,) = notes(place, RELEASED)
    assert (done["digest"], done["run"]) == (note["digest"], note["run"])
    # The approver's page.
    for words in (
        "Review deployments",
        "correct responses per second",
        "first release",
        "passes every gate",
    ):
        assert ran.said(words)


def test_nothing_is_released_without_an_approval(place):
    ran = release(place)
    assert ran.jobs["canary"] == "failure"
    assert ran.jobs.get("release") in (None, "skipped")
    assert ran.said("run 1 was not approved for canary by anyone other than")
    assert nothing_was_released(place)
    assert not notes(place)


@pytest.mark.parametrize(
    "at", ["Main Check again and record who approved what", "Main Carry out what was approved"]
)
def test_a_run_that_is_cancelled_after_the_approval_releases_nothing(place, at):
    approved(place)
    ran = place.dispatch("release", version=version(place), cancel_at=at)
    assert ran.status != 0
    assert ran.jobs.get("release") != "success"
    assert nothing_was_released(place)


def swap_package(place: Place) -> None:
    tag = place.github.releases[0]["tag_name"]
    (name,) = (a["name"] for a in place.github.releases[0]["assets"] if a["name"].endswith("tar"))
    place.github.swap(tag, name, place.github.kept[place.github.asset(tag, name)["id"]] + b"\0")


def weaken_production(place: Place) -> None:
    """Change the environment production: reviewers may approve what they started, and every branch
    may deploy.
    """
    production = place.github.environments["production"]
    production["deployment_branch_policy"] = None
    for rule in production["protection_rules"]:
        rule["prevent_self_review"] = False


def test_nobody_is_asked_to_approve_what_preflight_refuses(place):
    """tests/approval has every refusal of preflight; here the workflow stops because of one."""
    weaken_production(place)
    swap_package(place)
    place.github.approve(RUN, "hubot")
    ran = release(place)
    assert ran.jobs["preflight"] == "failure"
    assert ran.jobs.get("release") in (None, "skipped")
    assert ran.said("Preflight refuses; nobody is asked to approve.")
    for why in (
        "is not the one in delivery.json",
        "approve what they started themselves",
        "what may deploy: every branch",
    ):
        assert ran.said(why)
    assert nothing_was_released(place)


@pytest.mark.parametrize("look", [5, 7])
def test_a_package_that_is_replaced_after_the_approval_is_not_released(place, look):
    """The environment delays the second job, and in the meantime somebody replaces the package.

    The environment is looked at for the fifth time before the approval is attested, and for the
    seventh time after it. What else can change is in tests/approval, for both commands.
    """
    approved(place)
    asked = []

    def when_approved(verb: str, path: str, _: int) -> None:
        asked.append(path)
        if asked.count("/repos/octo/shop/environments/production") == look:
            swap_package(place)
            place.github.interfere = lambda *_: None

    place.github.interfere = when_approved
    ran = release(place)
    assert ran.jobs["approve" if look == 5 else "release"] == "failure"
    assert nothing_was_released(place)
    assert len(notes(place)) == (1 if look == 7 else 0)
    assert not notes(place, RELEASED)


def test_nobody_is_asked_to_approve_what_a_rehearsal_refuses(place):
    approved(place, f"{REHEARSED} --fault unknown")
    ran = release(place)
    assert ran.jobs["rehearse"] == "failure"
    assert {ran.jobs.get(job) for job in ("approve", "release")} <= {None, "skipped"}
    assert nothing_was_released(place)
    assert not notes(place)


def asked(place: Place, by: str) -> None:
    """The state after a first run, and after the report of an account."""
    settings = ".github/settings/delivery.json"
    said = {**place.toy.json(settings), "server": "production-server"}
    place.toy.write(settings, json.dumps(said) + "\n")
    place.toy.commit()
    digest = place.github.asset(f"v{version(place)}", "delivery.json")["digest"][7:]
    attested.approve(
        place.workflows.state / "attestations",
        digest,
        run=RUN,
        kind=DESIRED,
        predicate={"approver": "hubot", "champion": "none"},
    )
    payload = {"version": version(place), "digest": digest, "run": RUN}
    made = {"id": 300, "task": "canary", "environment": "canary", "payload": payload}
    place.github.deployments = [made]
    place.github.status(300, "success", f"{digest} promoted after 40 intervals", by)
    place.github.approve(RUN, "hubot")


def test_the_verdict_of_the_server_starts_the_second_half(place):
    asked(place, "production-server")
    ran = place.report()
    assert ran.status == 0, ran.log[-4000:]
    assert {ran.jobs.get(job) for job in ("canary", "rehearse")} <= {None, "skipped"}
    assert {ran.jobs[job] for job in ("preflight", "approve", "release")} == {"success"}
    assert ran.said("production-server reports: promoted after 40 intervals")
    done = place.github.releases[0]
    assert (done["prerelease"], place.github.latest) == (False, done["id"])
    assert len(notes(place)) == len(notes(place, RELEASED)) == 1


def test_a_verdict_by_anybody_else_starts_nothing(place):
    """The status is by another account than the server's; tests/approval tests the other
    attacks.
    """
    asked(place, "mallory")
    ran = place.report(by="mallory")
    assert ran.jobs["preflight"] == "failure"
    assert {ran.jobs.get(job) for job in ("approve", "release")} <= {None, "skipped"}
    assert ran.said("the status of deployment 300 is by mallory")
    assert nothing_was_released(place)
    ran = place.report(task="deploy")
    assert set(ran.jobs.values()) <= {"skipped"}
    assert nothing_was_released(place)


def test_a_text_that_is_not_a_version_is_refused_and_not_run_as_a_command(place):
    ran = release(place, "v1; touch pwned")
    assert ran.jobs["preflight"] == "failure"
    assert not list(place.workflows.home.rglob("pwned"))
    assert nothing_was_released(place)


def released(place: Place, tag: str, created: str) -> dict:
    """Make the delivery a full release, as an earlier or later run would have left it."""
    first = place.github.releases[0]
    first |= {"prerelease": False, "published_at": first["created_at"]}
    digest = place.github.asset(first["tag_name"], "delivery.json")["digest"]
    attested.release(place.workflows.state / "attestations", digest.removeprefix("sha256:"))
    other = json.loads(json.dumps(first)) | {"id": 4000 + len(place.github.releases)}
    other |= {"tag_name": tag, "created_at": created, "published_at": created}
    place.github.releases.append(other)
    place.github.latest = other["id"]
    return other


def test_a_rollback_makes_an_earlier_release_the_champion(place):
    later = released(place, "v2026.02.03-abcdefabcdef", "2026-02-03T00:00:00Z")
    place.github.approve(RUN, "hubot")
    for asset in later["assets"]:
        if asset["name"] == "delivery.json":
            content = json.loads(place.github.kept[asset["id"]]) | {
                "version": "2026.02.03-abcdefabcdef"
            }
            asset["id"] = 9001
            place.github.kept[9001] = json.dumps(content).encode()
            asset |= {"size": len(place.github.kept[9001]), "digest": None}
    reason = "recall fell among the young $(touch pwned) @everyone"
    ran = place.dispatch("rollback", version=version(place), reason=reason)
    assert ran.status == 0, ran.log[-4000:]
    first = place.github.releases[0]
    assert place.github.latest == first["id"]
    assert not first["prerelease"]
    assert later["prerelease"]
    assert {note["predicate"]["version"] for note in notes(place, REVOKED)} == {version(place)}
    assert "recall fell among the young" in later["body"]
    assert "@everyone" not in later["body"]
    assert not list(place.workflows.home.rglob("pwned"))


def test_a_rollback_to_a_version_that_was_never_released_is_refused(place):
    """The workflow stops at one refusal; tests/approval tests the others."""
    ran = place.dispatch("rollback", version=version(place), reason="too soon to say")
    assert ran.jobs["preflight"] == "failure"
    assert ran.jobs.get("rollback") in (None, "skipped")
    assert nothing_was_released(place)
