"""The part of the fake GitHub that stores commits and branches, and opens pull requests."""

from __future__ import annotations

import base64
import hashlib
import json
from threading import Lock
from typing import Any

from support.github.fake_pulls import BASE, BOT, pull

BOT_EMAIL = "41898282+github-actions[bot]@users.noreply.github.com"
Answer = tuple[int, Any]
GONE: Answer = (404, {"message": "Not Found"})


def _sha(kind: str, content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
    return hashlib.sha1(kind.encode() + text, usedforsecurity=False).hexdigest()


class FakeBranches:
    """Stores commits and trees by their hash. A tree has its base and what differs from it, by
    path.
    """

    pulls: list[dict[str, Any]]

    def __init__(self) -> None:
        self.branches = {"main": BASE}
        self.objects: dict[str, Any] = {}
        self.may_open = True
        self.labels_of: dict[int, list[str]] = {}
        self._lock = Lock()

    def files_of(self, commit: str) -> dict[str, bytes]:
        """The files that a commit has changed."""
        tree = self.objects[self.objects[commit]["tree"]["sha"]]
        return {one["path"]: self.objects[one["sha"]] for one in tree["tree"]}

    def add_commit(self, branch: str, email: str) -> None:
        """A commit that someone has pushed to the branch."""
        parent = {"sha": self.branches.get(branch, BASE)}
        made = {"author": {"email": email}, "tree": {"sha": "d" * 40}, "parents": [parent]}
        self.branches[branch] = _sha("commit", made)
        self.objects[self.branches[branch]] = made | {"sha": self.branches[branch]}

    def ahead(self, branch: str) -> Answer:
        """The commits of a branch that main lacks, as GitHub compares them."""
        found, sha = list[dict[str, Any]](), self.branches[branch]
        while sha in self.objects:
            made = self.objects[sha]
            found.insert(0, {"sha": sha, "commit": {"message": made.get("message", "")}})
            sha = made["parents"][0]["sha"]
        status = "ahead" if found else "identical"
        return 200, {"status": status, "total_commits": len(found), "commits": found}

    def _branch_ref(self, branch: str, **_: Any) -> Answer:
        sha = self.branches.get(branch)
        target = {"sha": sha, "type": "commit"}
        return (200, {"ref": f"refs/heads/{branch}", "object": target}) if sha else GONE

    def _create_blob(self, *, body: Any, **_: Any) -> Answer:
        content = base64.b64decode(body["content"], validate=True)
        sha = _sha("blob", content)
        self.objects[sha] = content
        return 201, {"sha": sha, "url": "x"}

    def _create_tree(self, *, body: Any, **_: Any) -> Answer:
        if any(one["sha"] not in self.objects for one in body["tree"]):
            return 422, {"message": "tree.sha is not a valid object"}
        return self._keep("tree", body)

    def _create_commit(self, *, body: Any, **_: Any) -> Answer:
        if body["tree"] not in self.objects:
            return 422, {"message": "Tree SHA does not exist"}
        made = {
            "message": body["message"],
            "tree": {"sha": body["tree"]},
            "parents": [{"sha": sha} for sha in body["parents"]],
            "author": {"name": "github-actions[bot]", "email": BOT_EMAIL},
        }
        return self._keep("commit", made)

    def _keep(self, kind: str, made: dict[str, Any]) -> Answer:
        sha = _sha(kind, made)
        self.objects[sha] = made | {"sha": sha}
        return 201, self.objects[sha]

    def _git_commit(self, sha: str, **_: Any) -> Answer:
        plain = {"sha": sha, "author": {"email": "a@b"}, "tree": {"sha": "c" * 40}, "parents": []}
        return 200, self.objects.get(sha, plain)

    def _create_ref(self, *, body: Any, **_: Any) -> Answer:
        name = body["ref"].removeprefix("refs/heads/")
        with self._lock:
            if name in self.branches:
                return 422, {"message": "Reference already exists"}
            self.branches[name] = body["sha"]
        return 201, {"ref": body["ref"], "object": {"sha": body["sha"], "type": "commit"}}

    def _update_ref(self, branch: str, *, body: Any, **_: Any) -> Answer:
        old = self.objects.get(body["sha"], {}).get("parents", [])
        if not body.get("force") and {"sha": self.branches[branch]} not in old:
            return 422, {"message": "Update is not a fast forward"}
        self.branches[branch] = body["sha"]
        return 200, {"ref": branch, "object": {"sha": body["sha"], "type": "commit"}}

    def _create_pull(self, *, body: Any, **_: Any) -> Answer:
        if not self.may_open:
            why = "GitHub Actions is not permitted to create or approve pull requests."
            return 403, {"message": why}
        with self._lock:
            label = f"octo:{body['head']}"
            if any(one["head"]["label"] == label for one in self.pulls if one["state"] == "open"):
                said = [{"message": f"A pull request already exists for {label}."}]
                return 422, {"message": "Validation Failed", "errors": said}
            number = max((one["number"] for one in self.pulls), default=0) + 1
            made = pull(number, branch=body["head"], sha=self.branches[body["head"]])
            self.pulls.append(made | {"title": body["title"], "body": body["body"], "user": BOT})
        return 201, self.pulls[-1]

    def _update_pull(self, number: str, *, body: Any, **_: Any) -> Answer:
        found = next(one for one in self.pulls if one["number"] == int(number))
        found.update(body)
        return 200, found

    def _add_labels(self, number: str, *, body: Any, **_: Any) -> Answer:
        self.labels_of.setdefault(int(number), []).extend(body["labels"])
        return 200, [{"name": name} for name in self.labels_of[int(number)]]
