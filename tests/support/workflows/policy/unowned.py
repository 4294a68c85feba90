"""Neither code that no owner has reviewed nor variables that anyone can set decide anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from support.workflows.policy.files import (
    DELIVER,
    SECURITY,
    Files,
    all_jobs,
    all_steps,
    needs,
    strings,
)

# Commands that run src/usecase, its tests, or the code in a package.
_RUNS_IT = re.compile(
    r"sluice (?:package build|run|adopt|package assemble|rollout|monitor retrain)\b|"
    r"make (?:package|test|quick|check|bench)"
)
# Commands that a job with write access may run: those that treat a package as data.
_AS_DATA = re.compile(
    r"cmp |make wheels image |\.venv/bin/sluice (?:package (?:verify|bom|push)|delivery "
    r"(?:place|assemble|publish)|approval (?:desire|announce|confirm|release|revoke|rollback)|"
    r"github (?:comment|propose))\b"
)
# After that code has run, a job may only pass on its files.
_HANDS_ON = ("actions/upload-artifact@",)
_APP = "vars.RETRAINING_APP"
_ATTESTATIONS = "vars.ATTESTATIONS"
_REVIEWED = {"BASE_IMAGE": "${{ vars.BASE_IMAGE }}", "REGISTRY": "${{ vars.REGISTRY }}"}
_PLACE = "${{ steps.place.outputs.registry }}"
_SHA256 = "${{ needs.image.outputs.package }}"
_TAR = re.compile(r"sluice (?:package bom|staging test|delivery assemble) (\S+\.tar)")


def unowned_code_writes_nothing(files: Files) -> list[str]:
    """A job that runs code without an owner has no token that writes, no login, no secret, and no
    step that trusts this code. The code can change the search path, the environment and the files
    of every later step of its job.
    """
    problems = []
    for file, name, job in all_jobs(files):
        steps = job["steps"]
        first = next((n for n, one in enumerate(steps) if _runs_it(one)), None)
        if first is None:
            continue
        where = f"{file}: {name}"
        writes = {scope for scope, value in job["permissions"].items() if value != "read"}
        problems += [f"{where}: writes {sorted(writes)}"] if writes else []
        problems += [f"{where}: outputs {sorted(job['outputs'])}"] if "outputs" in job else []
        problems += [f"{where}: environment"] if "environment" in job else []
        problems += [f"{where}: logs in" for one in steps if "login" in one.get("uses", "")]
        problems += [
            f"{where}: after the code of the use case: {one.get('run') or one.get('uses')}"
            for one in steps[first + 1 :]
            if not (_runs_it(one) or _only_hands_on(one))
        ]
    return problems


def _runs_it(step: dict[str, Any]) -> bool:
    return bool(_RUNS_IT.search(step.get("run", "")))


def _only_hands_on(step: dict[str, Any]) -> bool:
    if "env" in step:
        return False
    run = step.get("run", "")
    return step.get("uses", "").startswith(_HANDS_ON) or (
        run.startswith("cat out/") and run.endswith('.md >> "$GITHUB_STEP_SUMMARY"')
    )


def jobs_that_write_take_data_only(files: Files) -> list[str]:
    """Only the files of a job that ran unowned code may be used, not its outputs."""
    problems = []
    for file, name, job in all_jobs(files):
        writes = any(value != "read" for value in job["permissions"].values())
        if not writes or file == SECURITY:
            continue
        problems += [
            f"{file}: {name}: {line}"
            for step in job["steps"]
            for line in step.get("run", "").splitlines()
            if not _AS_DATA.match(line) and not line.startswith("--")
        ]
        unowned = {one for one in needs(job) if any(map(_runs_it, files[file].jobs[one]["steps"]))}
        problems += [
            f"{file}: {name}: {text}"
            for text in strings(job)
            for one in unowned
            if f"needs.{one}.outputs" in text
        ]
    return problems


def what_is_delivered_is_the_package_that_was_compared(files: Files) -> list[str]:
    """Two jobs build the package; a third one compares and names it, and all later ones verify its
    digest.
    """
    jobs, problems = files[DELIVER].jobs, []
    image = jobs.get("image", {"steps": []})
    runs = [one.get("run", "") for one in image["steps"]]
    compared = "cmp built/package/*.tar built/rebuilt/*.tar"
    measured = '.venv/bin/sluice package verify built/package/*.tar --outputs "$GITHUB_OUTPUT"'
    if [one for one in runs if one][:2] != [compared, measured]:
        problems.append(f"{DELIVER}: image: begins with {runs}")
    if image.get("outputs", {}).get("package") != "${{ steps.package.outputs.sha256 }}":
        problems.append(f"{DELIVER}: image: does not say which package it was")
    login = [n for n, one in enumerate(image["steps"]) if "login-action" in one.get("uses", "")]
    built = [n for n, one in enumerate(image["steps"]) if "make wheels image" in one.get("run", "")]
    if len(login) != 1 or len(built) != 1 or login < built:
        problems.append(f"{DELIVER}: image: logs in before the image is built")
    for name in ("compare", "test", "publish"):
        problems += _unverified(name, jobs.get(name, {"steps": []})["steps"])
    subjects = [one for one in _attested(jobs.get("attest", {"steps": []})) if "tar" in str(one)]
    if [one.get("subject-digest") for one in subjects] != [f"sha256:{_SHA256}"] * 2:
        problems.append(f"{DELIVER}: attest: {subjects}")
    return problems


def _unverified(name: str, steps: list[dict[str, Any]]) -> Iterator[str]:
    """Steps that use a package before this job has verified that it is the compared package."""
    known: set[str] = set()
    for step in steps:
        run = step.get("run", "")
        verified = re.fullmatch(r'\S+sluice package verify (\S+) --sha256 "\$SHA256"', run)
        if verified and step.get("env") == {"SHA256": _SHA256}:
            known.add(verified[1])
        used = [*_TAR.findall(run), *re.findall(r'PACKAGE="([^"]+)"', run)]
        yield from (f"{DELIVER}: {name}: {one} is not verified" for one in used if one not in known)
    if not known:
        yield f"{DELIVER}: {name}: verifies no package"


def _attested(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["with"] for one in job["steps"] if "actions/attest@" in one.get("uses", "")]


def variables_decide_nothing(files: Files) -> list[str]:
    """Anyone with write access can set repository variables. Only two are used: one says what the
    plan allows, the other names the App whose key is a secret.
    """
    problems = []
    for where, step in all_steps(files):
        known = (_ATTESTATIONS, _APP)
        said = [t for t in strings(step) if "vars." in t and not any(one in t for one in known)]
        if "sluice delivery place" in step.get("run", ""):
            said = [] if step.get("env") == _REVIEWED else [str(step.get("env"))]
        login = step.get("uses", "").startswith("docker/login-action@")
        if login and step["with"].get("registry") != _PLACE:
            said.append(str(step["with"]))
        if "sluice package push" in step.get("run", "") and step.get("env") != {"REGISTRY": _PLACE}:
            said.append(str(step.get("env")))
        problems += [f"{where}: {text}" for text in said]
    return problems
