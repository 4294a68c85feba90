"""Adopt a table and run every gate on it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice import gates
from sluice.adopt import adopt, committed, replace
from sluice.check.run import run
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.verdict import Verdict
from support.adoption import interrupt, train_best
from support.fixture_project import Toy

Adopt = Callable[..., list[str]]
Contents = Callable[[Path], dict[str, bytes]]


# Trains all candidates and runs every gate, which `make quick` leaves out.
whole_pipeline = pytest.mark.heavy


def judge(root: Path, *names: str) -> dict[str, Verdict]:
    """Train the candidates, and run the named gates or, without names, all of them."""
    project = train_best(root)
    return {name: run(project, name) for name in names or gates.GATES}


def refused(verdicts: dict[str, Verdict]) -> list[str]:
    return [f"{v.gate}: {v.why}" for v in verdicts.values() if not v.passes]


def mixed(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(7)
    age, member = random.integers(18, 80, rows), random.random(rows) < 0.4
    city = random.choice(["Z\u00fcrich", "no", "a: b", "-"], rows)
    score = 0.08 * (age - 50) + 2 * member + 1.5 * (city == "no") + random.normal(0, 1, rows)
    visits = pd.Series(random.integers(0, 9, rows), dtype="Int64")
    size = np.round(random.normal(1.7, 0.1, rows), 2)
    return pd.DataFrame(
        {
            "customer id": [f"C-{k:05d}" for k in range(rows)],
            "age in years": age,
            "gr\u00f6\u00dfe.m": np.where(random.random(rows) < 0.1, np.nan, size),
            "\U0001f642 city": city,
            "${x}": random.normal(size=rows).round(4),
            "member": member,
            "visits": visits.where(random.random(rows) > 0.05),
            "sex": random.choice(["f", "m"], rows),
            "joined": pd.date_range("2020-01-01", periods=rows).astype(str),
            "bought": np.where(score > 1, "yes", "no"),
        }
    )


@whole_pipeline
@pytest.mark.parametrize("suffix", [".csv", pytest.param(".parquet", marks=pytest.mark.long)])
def test_a_table_with_texts_booleans_missing_values_dates_and_unusual_names(
    suffix: str, project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    file, frame = tmp_path / f"Mixed Data{suffix}", mixed(1500)
    frame.to_csv(file, index=False, sep=";") if suffix == ".csv" else frame.to_parquet(file)
    said = adopted(file, "bought", key="customer id", sensitive=("sex",))
    settings = Project(project).settings
    assert settings.name == "mixed-data"
    assert settings.task == "binary"
    assert "gr\u00f6\u00dfe.m" in settings.features
    assert not {"joined", "sex", "customer id"} & set(settings.features)
    assert any("joined" in line and "a date" in line for line in said)
    assert refused(judge(project)) == []


_WELL_KNOWN = {"breast_cancer": "binary", "wine": "multiclass", "diabetes": "regression"}


@whole_pipeline
@pytest.mark.parametrize(
    "name",
    # The table of the test before has two classes too.
    [pytest.param("breast_cancer", marks=pytest.mark.long), "wine", "diabetes"],
)
def test_well_known_tables_pass_every_gate(
    name: str, project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    """Two of the tables are so easy to predict that a person has to accept a finding."""
    from sklearn import datasets

    file = tmp_path / f"{name}.csv"
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    frame.rename_axis("row").to_csv(file)
    said = adopted(file, "target", key="row")
    assert Project(project).settings.task == _WELL_KNOWN[name]
    assert any("WARNING: no --sensitive column was given" in line for line in said)
    assert not any("was left out" in line for line in said)
    verdicts = judge(project)
    assert "no sensitive column was named" in verdicts["fairness"].why
    if refused(verdicts):
        assert name != "diabetes"
        (finding,) = (f for v in verdicts.values() for f in v.findings if not f.passes)
        assert finding.name == "performance/roc_auc too good to be true"
        assert finding.status == "insufficient"
        confirm(project, finding.name)
        verdicts["performance"] = run(Project(project), "performance")
    assert refused(verdicts) == []


def confirm(project: Path, *findings: str) -> None:
    path = project / "params.yaml"
    lines = (f"  - {{finding: {name!r}, reason: decided for this test}}\n" for name in findings)
    path.write_text(path.read_text("utf-8") + "".join(lines), "utf-8")


def leaking(rows: int) -> pd.DataFrame:
    frame = mixed(rows).drop(columns="joined")
    frame["paid"] = np.where(frame["bought"] == "yes", 9.5, 0.5)
    return frame


def test_a_leak_is_left_out_and_no_bound_is_derived_from_it(
    project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    leaking(600).to_csv(tmp_path / "leak.csv", index=False)
    said = adopted(tmp_path / "leak.csv", "bought", key="customer id")
    (line,) = (line for line in said if "'paid' was left out" in line)
    assert "suspected leak: it explains 1 of the target alone" in line
    settings = Project(project).settings
    assert "paid" not in settings.features
    assert settings.quality.leakage == 0.8
    low = settings.performance.bounds["roc_auc"].low
    assert low is not None
    assert low < 0.9
    assert run(Project(project), "data-quality").passes


@whole_pipeline
def test_a_kept_leak_does_not_pass(project: Path, adopted: Adopt, tmp_path: Path) -> None:
    leaking(600).to_csv(tmp_path / "leak.csv", index=False)
    said = adopted(tmp_path / "leak.csv", "bought", key="customer id", keep_suspects=True)
    assert any(line.startswith("WARNING: column 'paid' may be a leak") for line in said)
    assert any("a roc_auc of 1, which is too good to be true" in line for line in said)
    settings = Project(project).settings
    assert (settings.quality.leakage, settings.explanation.largest_share) == (0.8, 0.8)
    verdicts = judge(project, "data-quality", "performance")
    assert verdicts["data-quality"].why.startswith("data-quality/paid/leakage: 1 is outside")
    suspicious = "performance/roc_auc too good to be true"
    assert suspicious in [f.name for f in verdicts["performance"].findings if not f.passes]
    confirm(project, suspicious, "data-quality/paid/leakage")
    assert not run(Project(project), "data-quality").passes


def test_the_example_is_replaced(
    project: Path, file: Path, adopted: Adopt, contents: Contents
) -> None:
    (project / "out").mkdir()
    (project / "out" / "old.txt").write_text("built from the example")
    before = contents(project)
    adopted(file, "bought")
    after = contents(project)
    kept = {"src/usecase/candidates.py", "src/usecase/__init__.py", ".gitignore", ".dvc/config"}
    assert all(before[name] == after[name] for name in kept)
    gone = {"dvc.lock", "data/example.csv", "tests/usecase/test_example.py", "out/old.txt"}
    assert not gone & set(after)
    stored = [name for name in before if name.startswith(".dvc/store/")]
    assert stored
    assert not set(stored) & set(after)
    assert sum(name.startswith(".dvc/store/") for name in after) == 2
    assert b"**[unknown]**" in after["docs/datasheet.md"]
    assert {name for name in after if name.startswith("data/")} == {"data/table.csv"}
    assert b"example" not in after["src/usecase/expectations.py"]
    assert ".adopt" not in {path.name for path in project.iterdir()}


@whole_pipeline
def test_insufficient_evidence_can_be_accepted_by_name(
    project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1]})
    frame["y"] = np.where(frame["a"] + random.normal(0, 0.5, 200) > 0, "yes", "no")
    frame.to_csv(tmp_path / "thin.csv", index=False)
    adopted(tmp_path / "thin.csv", "y")
    verdict = judge(project, "performance")["performance"]
    thin = [finding for finding in verdict.findings if not finding.passes]
    assert thin
    assert all(
        re.search(r"would settle it|accept this finding by name, with the reason", finding.why)
        for finding in thin
    )
    path = project / "params.yaml"
    accepted = "".join(
        f"  - {{finding: {finding.name!r}, reason: decided for this test}}\n" for finding in thin
    )
    path.write_text(path.read_text("utf-8") + accepted, "utf-8")
    verdict = run(Project(project), "performance")
    assert verdict.passes
    assert "decided for this test" in verdict.why


def test_a_class_with_too_few_rows_is_refused(
    project: Path, adopted: Adopt, contents: Contents, tmp_path: Path
) -> None:
    before = contents(project)
    frame = pd.DataFrame({"a": np.arange(100.0) + 0.5, "y": ["no"] * 98 + ["yes"] * 2})
    frame.to_csv(tmp_path / "rare.csv", index=False)
    with pytest.raises(SluiceError, match="class 'yes' of 'y' has 2 of 100 rows, too few"):
        adopted(tmp_path / "rare.csv", "y")
    assert contents(project) == before


def test_a_file_that_is_too_large_for_github_is_refused(
    file: Path, adopted: Adopt, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = file.parent / "project"
    monkeypatch.setattr("sluice.pipeline.remote.LARGEST_FILE", 2**10)
    before = contents(project)
    with pytest.raises(SluiceError, match="GitHub refuses files over 0 MiB: store it"):
        adopted(file, "bought")
    assert contents(project) == before


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    mixed(300).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("at", ["add", "push"])
def test_the_project_is_unchanged_if_dvc_fails(
    at: str, file: Path, adopted: Adopt, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = file.parent / "project"
    before, real = contents(project), replace.dvc.ask

    def failing(root: Path, *arguments: str) -> object:
        return real(root, at, "nowhere") if arguments[0] == at else real(root, *arguments)

    monkeypatch.setattr(replace.dvc, "ask", failing)
    with pytest.raises(SluiceError, match=f"'dvc {at}' failed, so nothing was changed"):
        adopted(file, "bought")
    assert contents(project) == before


@pytest.mark.parametrize("at", [1, 8, 9, 10, 14])
def test_the_project_is_unchanged_after_an_interruption(
    at: int, file: Path, adopted: Adopt, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = file.parent / "project"
    before = contents(project)
    interrupt(monkeypatch, at)
    with pytest.raises(KeyboardInterrupt):
        adopted(file, "bought")
    assert contents(project) == before


@pytest.mark.parametrize(
    "name", ["params.yaml", "src/usecase/scenarios.py", "src/usecase/mine.py", "data.dvc"]
)
def test_uncommitted_changes_are_not_replaced(
    name: str, project: Path, file: Path, adopted: Adopt
) -> None:
    path = project / name
    path.write_text((path.read_text("utf-8") if path.exists() else "") + "# mine\n", "utf-8")
    with pytest.raises(SluiceError, match=f"{name} is not committed"):
        adopted(file, "bought")
    assert path.read_text("utf-8").endswith("# mine\n")


def test_data_that_dvc_does_not_track_is_not_replaced(
    project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    (project / "data" / "mine.csv").write_text("a\n1\n", "utf-8")
    with pytest.raises(SluiceError, match=r"data/mine\.csv differs from what data\.dvc names"):
        adopted(tmp_path / "table.csv", "bought")
    assert (project / "data" / "mine.csv").exists()


def test_a_fresh_clone_without_data_can_adopt(project: Path, file: Path, adopted: Adopt) -> None:
    shutil.rmtree(project / "data")
    shutil.rmtree(project / ".dvc" / "cache")
    inside = shutil.copy(file, project / "bought.csv")
    said = adopted(inside, "bought")
    assert (project / "data" / "bought.csv").exists()
    assert "bought.csv is inside the repository, so 'git add -A' would commit it" in said[-1]


def test_a_file_that_git_ignores_or_that_is_elsewhere_is_not_committed(project: Path) -> None:
    for name in ("out/mine.csv", "mine.csv"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("a\n1\n", "utf-8")
    assert committed.would_commit(project, project / "mine.csv")
    assert not committed.would_commit(project, project / "out" / "mine.csv")
    assert not committed.would_commit(project, project.parent / "mine.csv")


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("\ufeff\n", [], "is empty: expected a table with a header"),
        ("x,y\n" + "1,yes\n2,no\n3,no \n" * 20, [], "'no' and 'no ' differ only in spaces"),
        ("x,y\n" + "1,yes\n2,no\n" * 30, ["--keep", "y=NA"], "column 'y' has 'NA' in no row"),
        ("x, Y\n" + "1,yes\n2,no\n" * 30, [], "did you mean ' Y'? It differs only in spaces"),
    ],
)
def test_the_command_refuses_in_one_line(
    text: str, options: list[str], reason: str, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text(text, "utf-8")
    table = str(tmp_path / "table.csv")
    ran = Toy(project).sluice("adopt", table, "--target", "y", *options)
    assert ran.status != 0
    assert reason in ran.line
    assert "unexpected;" not in ran.err


def test_adopting_outside_of_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="could not be undone with git: not a git repository"):
        adopt(tmp_path, tmp_path / "t.csv", target="y", id=None, sensitive=[], say=print)
