"""`make tools` installs the missing programs and nothing else, as root or with sudo."""

import os

import pytest

from support.image.containers import ROOT, run

TOOLS = ROOT / ".ci" / "tools"
BASH = "/bin/bash"


@pytest.fixture
def machine(tmp_path):
    """Run .ci/tools on a machine with these programs; apt-get and sudo record their arguments.

    Programs that are given by name run a script of their own.
    """
    recorded = tmp_path / "commands"

    def make(*programs, root=True, **own):
        scripts = dict.fromkeys(programs, "") | {"id": f"echo {0 if root else 1000}"}
        scripts |= {"env": 'shift; "$@"'}
        scripts |= {name: f'echo "$@" >> {recorded}' for name in programs if name == "apt-get"}
        scripts |= {name: f'echo sudo "$@" >> {recorded}' for name in programs if name == "sudo"}
        scripts |= {name.replace("_", "-"): script for name, script in own.items()}
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!{BASH}\n{script}\n")
            (tmp_path / name).chmod(0o755)
        return run(BASH, TOOLS, PATH=str(tmp_path))

    return make


@pytest.mark.parametrize("browser", ["chromium", "chromium-browser", "google-chrome"])
def test_nothing_is_installed_if_nothing_is_missing(machine, browser):
    programs = ("promtool", browser, "docker-registry", "docker-compose", "java")
    assert machine(*programs).went_well().said == ""


def test_missing_programs_are_installed(machine, tmp_path):
    said = machine("promtool", "apt-get").went_well().said
    assert said.splitlines() == [
        "installing chromium docker-registry docker-compose default-jre-headless with apt-get: "
        "about a minute, once"
    ]
    commands = (tmp_path / "commands").read_text().splitlines()
    assert commands[0] == "update -qq"
    assert commands[1].startswith("install --yes ")
    assert commands[1].endswith(" chromium docker-registry docker-compose default-jre-headless")


def test_sudo_is_used_by_other_users_than_root(machine, tmp_path):
    machine("apt-get", "sudo", root=False).went_well()
    commands = (tmp_path / "commands").read_text().splitlines()
    assert all(line.startswith("sudo --non-interactive ") for line in commands)
    assert commands[-1].endswith(
        " prometheus chromium docker-registry docker-compose default-jre-headless"
    )


def test_programs_that_cannot_be_installed_are_listed(machine):
    done = machine("apt-get", root=False)
    assert (done.status, done.err.count(os.linesep)) == (1, 1)
    assert done.err.startswith("make tools: as root, install: prometheus ")


def test_a_machine_without_apt_is_told_what_to_install(machine):
    done = machine("promtool")
    assert (done.status, done.err.count(os.linesep)) == (1, 1)
    assert (
        "install what Debian calls: chromium docker-registry docker-compose default-jre-headless"
        in done.err
    )


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        ("update", "cannot download its list of packages"),
        ("install", "cannot install all of these"),
    ],
)
def test_a_package_that_cannot_be_installed(machine, fails, why):
    done = machine("promtool", apt_get=f'[ "$1" != {fails} ]')
    assert (done.status, done.err.count(os.linesep)) == (1, 1)
    assert f"make tools: apt-get {why}" in done.err


def test_a_sudo_that_asks_for_a_password(machine):
    done = machine("apt-get", root=False, sudo="exit 1")
    assert (done.status, done.err.count(os.linesep)) == (1, 1)
    assert "sudo asks for a password; as root, install: prometheus " in done.err
