"""Push images to a real registry, and pull base images from it."""

import pytest

from sluice.errors import SluiceError
from sluice.image import record
from sluice.image.push import normalized
from support.fixture_project import Toy
from support.image.containers import docker, run, sluice
from support.image.registry import registry

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def remote_base(store, base, tmp_path_factory):
    """A base image that is in the registry, but not on the engine; named by tag and digest.

    This fixture comes first, so that the registry already has the base of the images that other
    tests push.
    """
    name, folder = f"{store.host}/base", tmp_path_factory.mktemp("base")
    (folder / "Dockerfile").write_text(f"FROM {base.image}\nLABEL org.sluice.test=base\n")
    docker("build", "--tag", f"{name}:1", folder).went_well()
    docker("push", "--quiet", f"{name}:1").went_well()
    (reference,) = (each for each in _names(f"{name}:1", name) if "@" in each)
    docker("image", "rm", f"{name}:1").went_well()
    assert docker("image", "inspect", reference).status != 0
    yield f"{name}:1@{reference.partition('@')[2]}"
    docker("image", "rm", reference)


def test_a_pushed_image_is_named_by_its_digest(store, small_image, tmp_path):
    out = tmp_path / "outputs"
    out.write_text("before=1\n")
    done = sluice(
        "package", "push", small_image, f"{store.host}/Octo/Shop", "--outputs", out
    ).went_well()
    reference = done.out.removeprefix("pushed: ").removesuffix("\n")
    name, _, digest = reference.partition("@")
    expected = f"before=1\nimage={reference}\nname={name}\ndigest={digest}\n"
    assert out.read_text() == expected
    assert name == f"{store.host}/octo/shop"
    manifest = store.manifest("octo/shop", digest)
    pushed = docker("image", "inspect", "--format={{.Id}}", small_image).out.strip()
    assert manifest["config"]["digest"] == pushed
    again = sluice("package", "push", small_image, name).went_well()
    assert again.out == done.out
    _forget(small_image, name)
    docker("pull", "--quiet", reference).went_well()
    assert docker("image", "inspect", "--format={{.Id}}", reference).out.strip() == pushed
    docker("image", "rm", reference)


def _names(image, repository):
    names = '--format={{join .RepoTags " "}} {{join .RepoDigests " "}}'
    listed = docker("image", "inspect", names, image).went_well().out.split()
    return [each for each in listed if each.startswith(repository)]


def _forget(image, repository):
    """Remove all names of an image; some engines remove the digests with the last tag."""
    for name in _names(image, repository):
        docker("image", "rm", name)
    assert not _names(image, repository)


def test_a_registry_that_does_not_answer_is_reported(small_image, tmp_path):
    name = "127.0.0.1:9/octo/shop"
    done = sluice("package", "push", small_image, name, "--outputs", tmp_path / "reference")
    assert done.status == 2
    assert len(done.err.splitlines()) == 1
    assert "could not be pushed: " in done.line
    assert not (tmp_path / "reference").exists()
    _forget(small_image, name)


def test_only_images_of_packages_are_pushed(base, store):
    done = sluice("package", "push", base.image, f"{store.host}/base")
    assert done.status == 2
    assert done.line.startswith(f"{base.image}: is not the image of a package")
    done = sluice("package", "push", "none:such", f"{store.host}/base")
    assert done.line.startswith("none:such: the container engine has no such image")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ghcr.io/Octo-Org/Shop", "ghcr.io/octo-org/shop"),
        ("127.0.0.1:5000/octo/shop", "127.0.0.1:5000/octo/shop"),
        ("localhost/shop", "localhost/shop"),
        ("build:5000/a__b/c.d", "build:5000/a__b/c.d"),
    ],
)
def test_repository_names_become_lower_case(name, expected):
    assert normalized(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "shop",
        "octo/shop",
        "ghcr.io",
        "ghcr.io/",
        "ghcr.io/octo/shop:1",
        "ghcr.io/octo/shop@sha256:0",
        "ghcr.io/octo//shop",
        "ghcr.io/octo/-shop",
        "ghcr.io/octo/shop name",
        "ghcr.io/octo/shop\n",
        "--help.io/octo",
        "https://ghcr.io/octo/shop",
    ],
)
def test_invalid_repository_names_are_refused(name):
    with pytest.raises(SluiceError, match="is not a repository in a registry"):
        normalized(name)


@pytest.mark.long
def test_a_base_named_by_digest_is_pulled(remote_base, small_package, small_wheels, small_image):
    tag = "sluice-test:pulled-base"
    options = ("--base", remote_base, "--wheels", small_wheels, "--tag", tag)
    sluice("package", "image", small_package, *options).went_well()
    try:
        made, local = record.read(tag), record.read(small_image)
    finally:
        docker("image", "rm", tag)
    assert made.layers == local.layers
    assert made.base == remote_base.partition("@")[2]
    assert made.runtime["Labels"]["org.opencontainers.image.base.name"] == remote_base


def test_the_default_base_is_in_the_file(remote_base, base, small_package, tmp_path):
    project = Toy(tmp_path)
    project.write("image/base/Dockerfile", f"FROM {remote_base}\n")
    order = ("package", "wheels", str(small_package), "--wheels", "out/wheels")
    done = project.sluice(*order).went_well()
    assert f" for Python {base.python}: " in done.out
    assert list((tmp_path / "out/wheels").glob("click-*.whl"))
    project.write("image/base/Dockerfile", "FROM python:3.13-slim\n")
    assert project.sluice(*order).line == (
        "image/base/Dockerfile: expected exactly one line: FROM IMAGE@sha256:DIGEST"
    )


def test_a_base_that_cannot_be_pulled_is_reported(store, package):
    name = f"{store.host}/none@sha256:{'0' * 64}"
    done = sluice("package", "wheels", package, "--base", name)
    assert done.status == 2
    assert len(done.err.splitlines()) == 1
    assert done.line.startswith(f"--base {name}: is not on this machine and could not be pulled: ")


@pytest.mark.usefixtures("base")
def test_a_base_without_python_is_refused(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    tag = "sluice-test:no-python"
    run("docker", "build", "--tag", tag, tmp_path).went_well()
    try:
        done = sluice("package", "wheels", tmp_path / "none.tar", "--base", tag)
    finally:
        docker("image", "rm", tag)
    assert done.status == 2
    assert f"{tag}: its program python3 could not be run: " in done.line
    assert len(done.err.splitlines()) == 1


def test_tests_fail_without_a_registry(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AssertionError, match="run 'make tools'"), registry(tmp_path):
        pass
