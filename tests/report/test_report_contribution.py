"""The report says above the gates how a contribution changes them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from sluice import gates
from sluice.contribution.compare import compare
from sluice.contribution.record import Contribution
from sluice.project import Project
from sluice.report.write import write
from support.contribution import every_setting
from support.fixture_project import params


def above_the_gates(project: Project, made: Contribution) -> tuple[str, str]:
    write(project, gates.collect(project), contribution=made)
    markup = (project.report / "report.md").read_text("utf-8")
    page = (project.report / "report.html").read_text("utf-8")
    return markup.split("| Verdict |")[0], page.split('class="gates"')[0]


_USECASE = (
    "Code of the use case changed. "
    "It runs confined and cannot change a verdict, but still needs a review:"
)


def test_changed_files_of_the_use_case_are_listed(make: Callable[..., Project]) -> None:
    path = "src/usecase/<b>.py"
    made = compare(
        "main", every_setting(), every_setting(), [path, "src/usecase2/a.py", "dvc.lock"]
    )
    assert (made.files, made.inside) == (("src/usecase2/a.py",), (path,))
    markup, page = above_the_gates(make(), replace(made, files=()))
    assert f"{_USECASE} src/usecase/&#60;b&#62;.py\n" in markup
    assert "This contribution" not in markup + page
    assert f"{_USECASE} src/usecase/&lt;b&gt;.py" in page


def test_a_changed_target_makes_every_setting_new(make: Callable[..., Project]) -> None:
    here = params("multiclass")
    here["data"]["target"] = "<b>|x"
    here["columns"]["<b>|x"] = here["columns"].pop(params("multiclass")["data"]["target"])
    made = compare("main", every_setting(), here, ["params.yaml"])
    assert {one.key for one in made.predicted} == {"task", "data.target", "data.positive"}
    assert made.looser
    markup, page = above_the_gates(make(), made)
    for text in (markup, page):
        before, details, _ = text.partition("<details>")
        assert "changes what the model predicts" in before
        assert "review every range, bound and acceptance as new" in before
        assert "| On " not in before
        assert details
        assert "looser" not in text
    assert "&#60;b&#62;&#124;x instead of" in markup
    assert "&lt;b&gt;|x instead of" in page
    looser = every_setting()
    looser["quality"]["duplicates"] = 0.9
    same = above_the_gates(make(), compare("main", every_setting(), looser, ["params.yaml"]))
    assert all("looser" in text.partition("<details>")[0] for text in same)
