"""`make tools` installs the missing programs and nothing else, as root or with sudo."""

import os

import pytest

from support.image.containers import ROOT, run

TOOLS = ROOT / ".ci" / "tools"
BASH = "/bin/bash"


@pytest.fixture
def machine(tmp_path):
    """Run .ci/tools on a machine with these programs; apt-get and sudo print their arguments."""

    def make(*programs, root=True):
        scripts = dict.fromkeys(programs, "") | {"id": f"echo {0 if root else 1000}"}
        if "apt-get" in programs:
            scripts["apt-get"] = 'echo "$@"'
            scripts["env"] = 'shift; "$@"'
        if "sudo" in programs:
            scripts["sudo"] = 'echo sudo "$@"'
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!{BASH}\n{script}\n")
            (tmp_path / name).chmod(0o755)
        return run(BASH, TOOLS, PATH=str(tmp_path))

    return make


@pytest.mark.parametrize("browser", ["chromium", "chromium-browser", "google-chrome"])
def test_nothing_is_installed_if_nothing_is_missing(machine, browser):
    assert machine("promtool", browser, "docker-registry", "java").went_well().said == ""


def test_missing_programs_are_installed(machine):
    commands = machine("promtool", "java", "apt-get").went_well().out.splitlines()
    assert commands[0] == "update --quiet"
    assert commands[1].startswith("install --yes ")
    assert commands[1].endswith(" chromium docker-registry")


def test_sudo_is_used_by_other_users_than_root(machine):
    commands = machine("apt-get", "sudo", root=False).went_well().out.splitlines()
    assert all(line.startswith("sudo --non-interactive ") for line in commands)
    assert commands[1].endswith(" prometheus chromium docker-registry default-jre-headless")


def test_programs_that_cannot_be_installed_are_named(machine):
    done = machine("apt-get", root=False)
    assert (done.status, done.err.count(os.linesep)) == (1, 1)
    assert done.err.startswith("make tools: run it as root, to install: prometheus ")


def test_a_machine_without_apt_is_told_what_to_install(machine):
    done = machine("promtool", "java")
    assert (done.status, done.err.count(os.linesep)) == (1, 1)
    assert "install by hand what Debian calls: chromium docker-registry" in done.err
