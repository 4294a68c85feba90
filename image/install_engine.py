"""`make engine`: install and start a container engine, and make a base image without a registry.

For Debian and its derivatives, as root or with a sudo that asks for no password. What is there
already is used. An engine that this script starts keeps running.
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

# Installed separately: where an engine is there already, docker.io could replace its packages.
ENGINE, BOOTSTRAP = ("docker.io", "fuse-overlayfs"), ("debootstrap",)
BASE_PACKAGES = "python3,python3-venv"
LOG = Path("out/engine/dockerd.log")
SOCKET = Path("/var/run/docker.sock")
# The fastest storage driver first; the last one works even inside a container.
STORAGE_DRIVERS = ("overlay2", "fuse-overlayfs", "vfs")
NETWORK_OPTIONS: tuple[tuple[str, ...], ...] = ((), ("--iptables=false",))
START_SECONDS, APT_SECONDS, BOOTSTRAP_SECONDS = 60.0, 600, 900


def main() -> int:
    """Returns the exit status; a failure is reported as one line."""
    try:
        if not (answers() and has_image(base_name())):
            # Created now, because later root would own it.
            LOG.parent.mkdir(parents=True, exist_ok=True)
            become_root()
            provide_engine()
            provide_base(base_name())
            check_access()
    except (SluiceError, OSError, subprocess.SubprocessError) as error:
        reason = " ".join(str(error).split())
        sys.stderr.write(
            f"NO CONTAINER ENGINE: {reason}. Images cannot be built or tested on this machine.\n"
        )
        return 1
    sys.stderr.write(f"the container engine runs, and it has the base image {base_name()}\n")
    return 0


def base_name() -> str:
    """The tag of the base image: one for each release of the distribution."""
    return f"sluice-base:{codename()}"


def codename() -> str:
    """The release of the distribution, such as bookworm."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "unknown")


def answers() -> bool:
    """Whether a container engine runs."""
    return shutil.which("docker") is not None and succeeds("docker", "info")


def has_image(name: str) -> bool:
    return succeeds("docker", "image", "inspect", name)


def succeeds(*command: str) -> bool:
    """Whether a command ends with status 0 within a minute."""
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


def become_root() -> None:
    """Unless root runs this script, start it again with sudo; raises SluiceError if it cannot."""
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None or not succeeds("sudo", "--non-interactive", "true"):
        raise SluiceError("run 'make engine' as root, or start an engine for 'docker info'")
    os.execvp("sudo", ["sudo", "--non-interactive", sys.executable, *sys.argv])  # noqa: S606


def provide_engine() -> None:
    """Install and start an engine, unless one runs."""
    if answers():
        return
    if shutil.which("dockerd") is None:
        install(ENGINE)
    if not answers():  # with an init system, the installation has started it
        start()
    admit_user()


def admit_user() -> None:
    """Let the user who called sudo use the new engine; its own group would need a new login."""
    if "SUDO_GID" in os.environ:
        os.chown(SOCKET, 0, int(os.environ["SUDO_GID"]))


def check_access() -> None:
    """Raises SluiceError if the user who called sudo may not use the engine."""
    user = os.environ.get("SUDO_USER", "root")
    if user != "root" and not succeeds("sudo", "--user", user, "docker", "info"):
        raise SluiceError(
            f"{user} may not use the engine: run 'usermod --append --groups docker {user}' as "
            "root, and log in again"
        )


def install(packages: Sequence[str]) -> None:
    """Install Debian packages; raises SluiceError if apt-get fails."""
    if shutil.which("apt-get") is None:
        raise SluiceError("this system has no apt-get: install docker and debootstrap yourself")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "--quiet"], APT_SECONDS, env=quiet)
    run(
        ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *packages],
        APT_SECONDS,
        env=quiet,
    )


def run(command: Sequence[str], seconds: float, env: dict[str, str] | None = None) -> None:
    """Run a command; raises SluiceError with the last line of its output if it fails."""
    done = subprocess.run(
        command, check=False, env=env, capture_output=True, text=True, timeout=seconds
    )
    if done.returncode:
        output = (done.stdout + done.stderr).strip().splitlines() or ["it printed nothing"]
        raise SluiceError(f"{command[0]} failed: {output[-1]}")


def start() -> None:
    """Start dockerd with the first options that work; raises SluiceError if none do."""
    for storage, network in product(STORAGE_DRIVERS, NETWORK_OPTIONS):
        if starts([f"--storage-driver={storage}", *network]):
            return
    lines = LOG.read_text("utf-8", "replace").strip().splitlines() or ["nothing"]
    raise SluiceError(f"dockerd could not be started; the last line of {LOG} is: {lines[-1]}")


def starts(options: list[str]) -> bool:
    """Start dockerd; returns whether it answers in time, and stops it if it does not."""
    with LOG.open("w", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            ["dockerd", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while daemon.poll() is None and time.monotonic() < deadline:
        if answers():
            sys.stderr.write(
                f"started dockerd {' '.join(options)}, which keeps running and logs to {LOG}; "
                f"to stop it: kill {daemon.pid}\n"
            )
            return True
        time.sleep(0.5)
    if daemon.poll() is None:
        daemon.terminate()
        daemon.wait(START_SECONDS)
    return False


def provide_base(name: str) -> None:
    """Make the base image with debootstrap, unless the engine has it."""
    if has_image(name):
        return
    if shutil.which("debootstrap") is None:
        install(BOOTSTRAP)
    mirror, components = apt_source()
    sys.stderr.write(f"making the base image {name} with debootstrap: about two minutes, once\n")
    with TemporaryDirectory(prefix="sluice-base-", dir="/var/tmp") as root:
        # In a mount namespace, so that /proc never stays mounted in the folder.
        command = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
        chosen = [f"--include={BASE_PACKAGES}", f"--components={components}"]
        run([*command, *chosen, codename(), root, mirror], BOOTSTRAP_SECONDS)
        load(Path(root), name)


def apt_source() -> tuple[str, str]:
    """The mirror from which apt gets this release, and its components as a comma-separated list."""
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
            f"apt has no source for the release {codename()}, from which the base image is made"
        )
    mirror = own[0][0]
    components = sorted({component for uri, component in own if uri == mirror})
    return first_mirror(mirror), ",".join(components)


def first_mirror(mirror: str) -> str:
    """A mirror that debootstrap understands; apt may name a file that lists several mirrors."""
    if not mirror.startswith("mirror+file:"):
        return mirror
    return Path(mirror.removeprefix("mirror+file:").rstrip("/")).read_text("utf-8").split()[0]


def load(root: Path, name: str) -> None:
    """Import the folder of a system as an image, without caches and logs."""
    excluded = ("./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*")
    pack = ["tar", "-C", str(root), *(f"--exclude={path}" for path in excluded), "-c", "."]
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
            f"{name} could not be imported into the engine; tar or docker printed the reason above"
        )


if __name__ == "__main__":
    sys.exit(main())
