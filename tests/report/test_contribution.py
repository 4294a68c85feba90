"""What a contribution changes of how it is judged: whatever loosens is called looser."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from sluice import gates
from sluice.config import validate
from sluice.contribution import from_git
from sluice.contribution.compare import compare
from sluice.contribution.record import ChangedSetting, Contribution
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.project import Project
from sluice.report.write import write
from support.fixture_project import Toy, params

Settings = dict[str, Any]
Change = Callable[[Settings], object]
CODES = list(range(100, 115))


def base() -> Settings:
    """A valid params.yaml that says something of everything."""
    made = params("binary")
    made["columns"]["colour"]["values"] = ["red", "green", "blue"]
    made["columns"]["key"]["use"] = "ignored"
    made["columns"]["code"] = {"type": "category", "values": CODES}
    made["data"]["sensitive"] = {
        "side": {"groups": {"left": ["left"], "right": ["right"]}},
        "born": {"bands": [1950, 1975]},
    }
    made["performance"]["bounds"]["cost"] = {"high": 0.6}
    made["performance"].pop("resamples")
    made["explanation"].pop("rows")
    made["accept"] = [{"finding": "performance/recall", "reason": "known since last year"}]
    return made


def above_the_gates(project: Project, made: Contribution) -> tuple[str, str]:
    write(project, gates.collect(project), contribution=made)
    markup = (project.report / "report.md").read_text("utf-8")
    page = (project.report / "report.html").read_text("utf-8")
    return markup.split("| Verdict |")[0], page.split('class="gates"')[0]


def held(change: Change, before: Change = lambda settings: None, *, valid: bool = True) -> Any:
    sides = base(), base()
    before(sides[0])
    before(sides[1])
    change(sides[1])
    if valid:
        validate(sides[0], "base")
        validate(sides[1], "here")
    return compare("main", *sides, ["params.yaml"])


def only(
    change: Change, before: Change = lambda settings: None, *, valid: bool = True
) -> ChangedSetting:
    (one,) = held(change, before, valid=valid).settings
    assert one.before != one.after
    assert max(len(one.before), len(one.after)) <= 80
    return one


def put(path: str, value: Any) -> Change:
    """Set what a path names; where it names a part of the path with dots, none does."""
    *above, last = path.split(".")

    def change(settings: Settings) -> None:
        inner = settings
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value

    return change


def drop(path: str) -> Change:
    *above, last = path.split(".")

    def change(settings: Settings) -> None:
        inner = settings
        for name in above:
            inner = inner[name]
        del inner[last]

    return change


LOOSER: list[tuple[str, Any]] = [
    # Held against a default that nothing in the file says.
    ("columns.weight.missing", 1.0),
    ("fairness.confidence", 0.9),
    ("performance.confidence", 0.9),
    ("performance.resamples", 100),
    ("performance.under_champion", 0.5),
    ("explanation.rows", 10),
    # Numbers that do not look like numbers.
    ("quality.leakage", True),
    ("performance.under_champion", True),
    ("performance.bounds.roc_auc.low", "0.1"),
    ("performance.bounds.roc_auc.low", False),
    ("performance.bounds.cost.high", "99"),
    ("performance.over_baselines", "-5"),
    # Less is asked, or less is looked at.
    ("load.seconds", 0.001),
    ("load.connections", 1),
    ("load.rows", 1),
    ("split.holdout", 0.3),
    ("fairness.group_rows", 1),
    ("parity.tolerance", 0.01),
    ("columns.slope.low", None),
    ("columns.slope.low", -10.000000001),
    ("columns.colour.values", ["red", "green", "blue", "grey"]),
    ("columns.colour.values", ["red", "green", "grey"]),
    ("columns.colour.values", ["blue", "green", "red"]),
    ("columns.colour.values", None),
    ("columns.colour.values", []),
    ("data.sensitive.born.bands", [2040]),
    ("data.sensitive.born.bands", [2040, 2041]),
    ("data.sensitive.born.bands", [2040, 2041, 2042]),
    ("data.sensitive.side.groups.left", ["left", "middle"]),
    ("data.sensitive.side.groups.left", []),
    ("data.sensitive_inputs", ["side"]),
    ("accept", [{"finding": "performance/recall", "reason": "because I say so"}]),
]
TIGHTER: list[tuple[str, Any]] = [
    ("performance.bounds.roc_auc.low", 0.7500001),
    ("performance.bounds.roc_auc.low", "0.9"),
    ("performance.bounds.roc_auc.high", 0.99),
    ("fairness.confidence", 0.99),
    ("performance.resamples", 1000),
    ("columns.visits.missing", 0),
    ("columns.waste.low", 0),
    ("columns.colour.values", ["red", "green"]),
    ("load.seconds", 3),
    ("load.connections", 8),
    ("load.bounds.p50_ms", {"high": 5}),
    ("split.holdout", 0.41),
    ("accept", []),
]
CHANGED: list[tuple[str, Any]] = [
    ("data.sensitive.born.bands", [1950, 1960, 1975]),
    ("data.sensitive.side.groups.other", ["other"]),
    ("data.sensitive.colour", {}),
    ("data.positive", "no"),
    ("data.id", None),
    ("data.file", "data/other.csv"),
    ("selection.metric", "brier"),
    ("selection.within", 0.5),
    ("selection.costs.false_negative", 1e6),
    ("seed", 12),
    ("split.salt", "other"),
    ("split.latest", 0.031),
]


@pytest.mark.parametrize(("path", "value"), LOOSER)
def test_what_loosens_is_called_looser(path: str, value: Any) -> None:
    one = only(put(path, value))
    assert (one.kind, one.key.partition(":")[0]) == ("looser", path)


@pytest.mark.parametrize(("path", "value"), TIGHTER)
def test_what_tightens_is_called_tighter(path: str, value: Any) -> None:
    assert only(put(path, value)).kind == "tighter"


@pytest.mark.parametrize(("path", "value"), CHANGED)
def test_what_is_neither_is_shown(path: str, value: Any) -> None:
    assert only(put(path, value)).kind == "changed"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "other"),
        ("candidates.linear.parameters", {"C": 3}),
        # The default, and the same number written otherwise.
        ("fairness.confidence", 0.95),
        ("columns.weight.missing", 0),
        ("performance.bounds.roc_auc.low", "0.75"),
        ("performance.bounds.roc_auc.low", 7.5e-1),
        ("columns.weight.high", 200.0),
        ("load.bounds.p50_ms", None),
    ],
)
def test_what_changes_nothing_is_not_shown(path: str, value: Any) -> None:
    made = held(put(path, value))
    assert (made.settings, made.files) == ((), ())


@pytest.mark.parametrize(
    "path",
    [
        "performance.bounds.cost",
        "fairness.confidence",
        "columns.visits.missing",
        "data.sensitive.born",
        "columns.colour.values",
    ],
)
def test_what_is_gone(path: str) -> None:
    known = put("fairness.confidence", 0.99)
    kinds = {one.kind for one in held(drop(path), known).settings}
    assert kinds == ({"tighter"} if path == "columns.visits.missing" else {"looser"})


def test_a_sensitive_column_that_is_grouped_anew_or_by_its_values() -> None:
    one, two, _ = held(put("data.sensitive.side", {})).settings
    assert (one.kind, two.kind) == ("looser", "looser")
    kinds = [
        o.kind for o in held(drop("data.sensitive.side"), put("data.sensitive.side", {})).settings
    ]
    assert kinds == ["looser"]


def test_a_whole_column_is_neither() -> None:
    new = held(put("columns.more", {"type": "number", "low": 0, "missing": 1.0}))
    gone = held(drop("columns.waste"))
    assert {one.kind for one in (*new.settings, *gone.settings)} == {"changed"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([*CODES[:-1], 999], "+999 \u2212114"),
        ([*CODES, "100"], "+'100'"),
        ([*CODES[:-2], *CODES[:-3:-1]], "15 items, arranged otherwise"),
        ([*range(200, 300)], "+200 +201"),
    ],
)
def test_a_long_list_shows_what_is_added_and_removed(values: list[Any], said: str) -> None:
    one = only(put("columns.code.values", values))
    assert (one.kind, one.before) == ("looser", "15 items")
    assert one.after.startswith(said)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("salt", "salt "),
        ("salt", "salt\u200b"),
        ("s" * 300, "s" * 299 + "t"),
        ("s" * 300, "s" * 301),
        ("s" * 80, "s" * 80 + " "),
        ("1", "1\n"),
        ("\ud800", "\ud801"),
        ("a\u2028b", "a\u2029b"),
    ],
)
def test_texts_of_one_look_are_shown_apart(before: str, after: str) -> None:
    one = only(put("split.salt", after), put("split.salt", before), valid=before != "\ud800")
    assert " ".join(one.before.split()) != " ".join(one.after.split())
    msgspec.json.encode(one)


def test_one_and_true_are_two_things() -> None:
    one = only(put("data.positive", True), put("data.positive", 1), valid=False)
    assert (one.before, one.after) == ("1", "True")


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("quality.leakage", True, "looser"),
        ("performance.bounds.roc_auc.low", "0.1", "looser"),
        ("performance.bounds.roc_auc.low", "0.9", "tighter"),
        ("performance.bounds.roc_auc.low", "much", "looser"),
        ("performance.bounds.roc_auc.low", float("nan"), "looser"),
        ("performance.bounds.cost.high", "1e999", "looser"),
        ("quality.leakage", [0.1], "looser"),
        ("columns.weight.missing", 1.0, "looser"),
        ("fairness.confidence", 0.9, "looser"),
        ("load.bounds.p50_ms", {"high": 5}, "tighter"),
        ("champion", {"margin": 1}, "looser"),
    ],
)
def test_settings_that_do_not_read_are_compared_as_they_are(
    path: str, value: Any, kind: str
) -> None:
    assert only(put(path, value), put("unknown", 1), valid=False).kind == kind


@pytest.mark.parametrize(
    "path",
    ["dvc.lockx", "dvc.lock/x", "README.md.py", "docsx/a", "src/usecase", "x/dvc.lock", "x/docs/a"],
)
def test_a_free_file_is_free_by_its_whole_name(path: str) -> None:
    free = ["dvc.lock", "README.md", "docs/a", "tests/usecase/a.py"]
    assert compare("main", base(), base(), [path, *free]).files == (path,)


def test_what_runs_inside_the_gates_is_named(make: Callable[..., Project]) -> None:
    path = "src/usecase/<b>.py"
    made = compare("main", base(), base(), [path, "src/usecase2/a.py", "dvc.lock"])
    assert (made.files, made.inside) == (("src/usecase2/a.py",), (path,))
    markup, page = above_the_gates(make(), replace(made, files=()))
    assert "Runs inside the gates, read it: src/usecase/&#60;b&#62;.py\n" in markup
    assert "This contribution" not in markup + page
    assert "Runs inside the gates, read it: src/usecase/&lt;b&gt;.py" in page


def test_what_predicts_something_else_compares_with_nothing(make: Callable[..., Project]) -> None:
    here = params("multiclass")
    here["data"]["target"] = "<b>|x"
    here["columns"]["<b>|x"] = here["columns"].pop(params("multiclass")["data"]["target"])
    made = compare("main", base(), here, ["params.yaml"])
    assert {one.key for one in made.predicted} == {"task", "data.target"}
    assert made.looser
    markup, page = above_the_gates(make(), made)
    for text in (markup, page):
        before, details, _ = text.partition("<details>")
        assert "predicts something else" in before
        assert "every range, bound and acceptance is new" in before
        assert "| On " not in before
        assert details
        assert "looser" not in text
    assert "&#60;b&#62;&#124;x instead of" in markup
    assert "&lt;b&gt;|x instead of" in page
    same = above_the_gates(make(), held(put("quality.duplicates", 0.9)))
    assert all("looser" in text.partition("<details>")[0] for text in same)


def test_settings_where_there_were_none() -> None:
    made = compare("main", {}, base(), [])
    assert {one.kind for one in made.settings if not one.key.startswith("accept")} == {"changed"}
    gone = compare("main", base(), {}, []).settings
    assert gone[0].kind == "looser"
    assert compare("main", {}, [], []).settings == ()


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a [1, 1]\n"
        + "\n".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(24)
        ),
        f"a: &a {'x' * 60_000}\nb: [{'*a, ' * 1_000}]",
    ],
)
def test_a_bomb_is_refused_before_it_is_read(bomb: str) -> None:
    with pytest.raises(SluiceError, match="too much to hold"):
        compare("main", base(), parse_yaml(bomb.encode(), "params.yaml"), [])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "commit", "-qm", "empty", "--allow-empty")
    (root / "params.yaml").write_text(json.dumps(base()))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "settings")
    return root


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=toy", "-c", "user.email=toy@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def test_settings_that_the_base_has_not(repository: Path) -> None:
    made = from_git.since(repository, "HEAD~1")
    assert {one.before for one in made.settings} == {"\u2013"}
    assert "params.yaml" in made.files


def test_a_name_that_is_no_text(repository: Path) -> None:
    (repository / os.fsdecode(b"tests/\xff\n.py").replace("tests/", "")).write_text("")
    git(repository, "add", "-A")
    made = from_git.since(repository, "HEAD")
    assert made.files == ("\ufffd\n.py",)
    assert "\ufffd" in msgspec.json.encode(made).decode()


def test_git_that_fails_is_not_nothing_changed(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"broken")
    with pytest.raises(SluiceError, match="git diff failed"):
        from_git.since(repository, "HEAD")
    with pytest.raises(SluiceError, match="git status failed"):
        from_git.lock_is_stale(repository)


def test_settings_that_git_has_lost(repository: Path) -> None:
    found = subprocess.run(
        ["git", "rev-parse", "HEAD:params.yaml"], cwd=repository, check=True, capture_output=True
    )
    blob = found.stdout.decode().strip()
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(SluiceError, match=r"git .* failed"):
        from_git.since(repository, "HEAD")


def test_no_repository_is_not_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(SluiceError, match="git status failed"):
        from_git.lock_is_stale(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SluiceError, match="git does not run here"):
        from_git.lock_is_stale(tmp_path)


def test_settings_as_the_run_reads_them(toy: Toy) -> None:
    with toy.params() as settings:
        settings["quality"]["leakage"] = True
        settings["columns"]["weight"]["missing"] = 1.0
    (toy.root / os.fsdecode(b"\xff.py")).write_text("")
    toy.git("add", "-A")
    toy.sluice("run", "--against", "HEAD").went_well()
    made = toy.report()["contribution"]
    assert [(one["kind"], one["key"], one["after"]) for one in made["settings"]] == [
        ("looser", "columns.weight.missing", "1"),
        ("looser", "quality.leakage", "1"),
    ]
    assert "\ufffd.py" in made["files"]


def test_a_revision_that_is_none_is_on_the_report(toy: Toy) -> None:
    ran = toy.sluice("run", "--against", "nowhere")
    assert ran.status == 2
    report = toy.report()
    assert not report["releasable"]
    assert "--against nowhere: git has no such revision here" in report["trouble"]
    assert "no such revision" in toy.text("out/report/report.md")
