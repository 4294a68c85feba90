"""`make engine`: a container engine, and a base image to build on, on a machine that has none.

For Debian and its kin, as root or with a sudo that does not ask. What is there already is used;
an engine that this starts is left running.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.errors import SluiceError

# Where an engine is there already, another distributor's packages could drive it out.
ENGINE, BOOTSTRAP = ("docker.io", "fuse-overlayfs"), ("debootstrap",)
BASE_HOLDS = "python3,python3-venv"
LOG = Path("out/engine/dockerd.log")
# From the best to what runs even inside a container.
STORAGE = ("overlay2", "fuse-overlayfs", "vfs")
NETWORK: tuple[tuple[str, ...], ...] = ((), ("--iptables=false",))
START_SECONDS, APT_SECONDS, BOOTSTRAP_SECONDS = 60.0, 600, 900


def main() -> int:
    try:
        if not (answers() and has_image(base_name())):
            become_root()
            get_engine()
            get_base(base_name())
    except (SluiceError, OSError, subprocess.SubprocessError) as error:
        said = " ".join(str(error).split())
        sys.stderr.write(
            f"NO CONTAINER ENGINE: {said}. The image cannot be built or tested here.\n"
        )
        return 1
    sys.stderr.write(f"a container engine answers, and has {base_name()}\n")
    return 0


def base_name() -> str:
    return f"sluice-base:{codename()}"


def codename() -> str:
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "unknown")


def answers() -> bool:
    return shutil.which("docker") is not None and succeeds("docker", "info")


def has_image(name: str) -> bool:
    return succeeds("docker", "image", "inspect", name)


def succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


def become_root() -> None:
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None or not succeeds("sudo", "--non-interactive", "true"):
        raise SluiceError("run it as root, or start an engine that answers 'docker info'")
    os.execvp("sudo", ["sudo", "--non-interactive", sys.executable, *sys.argv])  # noqa: S606


def get_engine() -> None:
    if answers():
        return
    if shutil.which("dockerd") is None:
        install(ENGINE)
    if not answers():  # where there is an init system, installing has started it
        start()


def install(packages: Sequence[str]) -> None:
    if shutil.which("apt-get") is None:
        raise SluiceError("no apt-get here: install docker and debootstrap by hand")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "--quiet"], APT_SECONDS, env=quiet)
    run(
        ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *packages],
        APT_SECONDS,
        env=quiet,
    )


def run(command: Sequence[str], seconds: float, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, check=False, env=env, capture_output=True, text=True, timeout=seconds
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["no word"]
        raise SluiceError(f"{command[0]}: {said[-1]}")


def start() -> None:
    LOG.parent.mkdir(parents=True, exist_ok=True)
    for storage, network in product(STORAGE, NETWORK):
        if starts([f"--storage-driver={storage}", *network]):
            return
    said = LOG.read_text("utf-8", "replace").strip().splitlines() or ["no word"]
    raise SluiceError(f"dockerd does not start here; {LOG} ends with: {said[-1]}")


def starts(options: list[str]) -> bool:
    """Whether the daemon answers in time; one that does not is ended."""
    with LOG.open("w", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            ["dockerd", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while daemon.poll() is None and time.monotonic() < until:
        if answers():
            sys.stderr.write(
                f"started dockerd {' '.join(options)}, process {daemon.pid}, which goes on "
                f"running; it writes {LOG}, and ends with: kill {daemon.pid}\n"
            )
            return True
        time.sleep(0.5)
    if daemon.poll() is None:
        daemon.terminate()
        daemon.wait(START_SECONDS)
    return False


def get_base(name: str) -> None:
    if has_image(name):
        return
    if shutil.which("debootstrap") is None:
        install(BOOTSTRAP)
    mirror, components = archive()
    sys.stderr.write(f"making {name} with debootstrap: about two minutes, once\n")
    with TemporaryDirectory(prefix="sluice-base-", dir="/var/tmp") as root:
        # In a mount namespace: whatever ends it, /proc does not stay mounted below the folder.
        command = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
        chosen = [f"--include={BASE_HOLDS}", f"--components={components}"]
        run([*command, *chosen, codename(), root, mirror], BOOTSTRAP_SECONDS)
        load(Path(root), name)


def archive() -> tuple[str, str]:
    """The mirror that this machine's apt uses for its release, and the components there."""
    listed = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Created-By: Packages",
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    targets = [line.split() for line in listed.stdout.splitlines()]
    own = [(uri, component) for uri, release, component in targets if release == codename()]
    if not own:
        raise SluiceError(
            f"apt has no source for {codename()}, so there is nothing to make a base of"
        )
    mirror = own[0][0]
    components = sorted({component for uri, component in own if uri == mirror})
    return plain(mirror), ",".join(components)


def plain(mirror: str) -> str:
    """A mirror as debootstrap understands it: apt may name a file that lists some."""
    if not mirror.startswith("mirror+file:"):
        return mirror
    return Path(mirror.removeprefix("mirror+file:").rstrip("/")).read_text("utf-8").split()[0]


def load(root: Path, name: str) -> None:
    leave = ("./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*")
    pack = ["tar", "-C", str(root), *(f"--exclude={path}" for path in leave), "-c", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
        loaded = subprocess.run(
            ["docker", "import", "-", name],
            check=False,
            stdin=tar.stdout,
            stdout=subprocess.DEVNULL,
            timeout=BOOTSTRAP_SECONDS,
        )
    if tar.returncode or loaded.returncode:
        raise SluiceError(
            f"{name} could not be loaded into the engine; tar or docker says why above"
        )


if __name__ == "__main__":
    sys.exit(main())
