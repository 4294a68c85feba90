"""Commits, branches and pull requests that are made through GitHub's REST API, without git."""

from __future__ import annotations

import base64
from typing import Any

from msgspec import Struct

from sluice.github.api import responses
from sluice.github.api.comparison import Comparison
from sluice.github.api.connection import PAGE, as_body, quoted


class Made(Struct):
    """The answer of GitHub after it has stored a blob, a tree or a commit."""

    sha: str


class _Repository(Struct):
    default_branch: str


class Author(Struct):
    email: str


class Commit(Struct):
    """A commit, and the tree of its content."""

    sha: str
    author: Author
    tree: Made
    parents: list[Made]


class Branches(Comparison):
    """One method for each request; errors are described in `Connection`."""

    def main(self) -> str:
        """The name of the default branch."""
        answer = self.read(_Repository, lambda: self.rest.repos.get(*self.place))
        return answer.default_branch

    def head(self, branch: str) -> str | None:
        """The commit at the head of a branch; None if there is no such branch."""
        git, name = self.rest.git, f"heads/{quoted(branch)}"
        found = self.read_or_none(responses.Ref, lambda: git.get_ref(*self.place, name))
        return found.object.sha if found else None

    def commit(self, sha: str) -> Commit:
        return self.read(Commit, lambda: self.rest.git.get_commit(*self.place, quoted(sha)))

    def create_blob(self, content: bytes) -> str:
        """Store a file's content; returns its hash. No commit contains it yet."""
        text = base64.b64encode(content).decode()
        return self._made("create_blob", {"content": text, "encoding": "base64"})

    def create_tree(self, base: str, blobs: dict[str, str]) -> str:
        """Store a tree; returns its hash. base: the tree of the commit that is changed.

        blobs: the hash of each file, by its path.
        """
        entries = [
            {"path": path, "mode": "100644", "type": "blob", "sha": sha}
            for path, sha in sorted(blobs.items())
        ]
        return self._made("create_tree", {"base_tree": base, "tree": entries})

    def create_commit(self, message: str, tree: str, parent: str) -> str:
        """Store a commit; returns its hash. The author is the token's account, and GitHub signs the
        commit.
        """
        return self._made("create_commit", {"message": message, "tree": tree, "parents": [parent]})

    def create_branch(self, branch: str, sha: str) -> None:
        """Raises RefusedError if the branch exists already."""
        body = as_body({"ref": f"refs/heads/{branch}", "sha": sha})
        self.ask(lambda: self.rest.git.create_ref(*self.place, data=body))

    def move_branch(self, branch: str, sha: str) -> None:
        """Reset the branch to this commit."""
        git, name = self.rest.git, f"heads/{quoted(branch)}"
        body = as_body({"sha": sha, "force": True})
        self.ask(lambda: git.update_ref(*self.place, name, data=body))

    def pulls(self, branch: str, base: str) -> list[responses.Pull]:
        """The open pull requests from this branch of the repository itself."""
        pulls, head = self.rest.pulls, f"{self.access.owner}:{branch}"
        return self.pages(
            list[responses.Pull],
            lambda page: pulls.list(
                *self.place, state="open", head=head, base=base, per_page=PAGE, page=page
            ),
            lambda answer: answer,
        )

    def create_pull(self, branch: str, base: str, title: str, body: str) -> responses.Pull:
        data = as_body({"title": title, "body": body, "head": branch, "base": base})
        return self.read(responses.Pull, lambda: self.rest.pulls.create(*self.place, data=data))

    def update_pull(self, number: int, title: str, body: str) -> None:
        data = as_body({"title": title, "body": body})
        self.ask(lambda: self.rest.pulls.update(*self.place, number, data=data))

    def add_label(self, number: int, label: str) -> None:
        data = as_body({"labels": [label]})
        self.ask(lambda: self.rest.issues.add_labels(*self.place, number, data=data))

    def _made(self, method: str, body: dict[str, Any]) -> str:
        request = getattr(self.rest.git, method)
        return self.read(Made, lambda: request(*self.place, data=as_body(body))).sha
