"""Restrict a process: files with Landlock, system calls with seccomp, and capabilities.

The restrictions are permanent and apply to every program that the process starts. The system calls
are made with ctypes, because no library on PyPI covers all of Landlock (its scopes were added in
2024), and two pages of Python are easier to review than a compiled module. Landlock: kernel
documentation, "Landlock: unprivileged access control"; seccomp: "Seccomp BPF".
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION, _PATH_BENEATH = 1, 1
_SET_DEATH_SIGNAL, _SET_SECCOMP, _DROP_CAPABILITY, _SET_NO_NEW_PRIVILEGES = 1, 22, 24, 38
_SET_SUBREAPER, _FILTER = 36, 2
_CAPABILITY_VERSION, _LAST_CAPABILITY = 0x20080522, 63

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REGULAR = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
# The number of file rights in each version of Landlock; all of them are removed.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REGULAR | _REFER | _TRUNCATE
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE  # the others concern folders
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals
_NET_SINCE, _SCOPES_SINCE = 4, 6

# System calls that Landlock does not control. Without sockets there is no network, neither TCP nor
# UDP, and no daemon of the machine can be reached. The others change the mode, owner or times of
# files that may only be read, access other processes, or open sockets in another way.
_REFUSED = {
    "x86_64": (
        *(41, 425),  # socket, io_uring_setup
        *(90, 91, 92, 93, 94, 260, 268, 452),  # chmod, chown and their variants
        *(132, 235, 261, 280),  # utime and its variants
        *(188, 189, 190, 197, 198, 199, 463, 466),  # setxattr, removexattr
        *(101, 310, 311, 438),  # ptrace, process_vm_readv, process_vm_writev, pidfd_getfd
        *(248, 249, 250, 298, 321, 323),  # keys, perf_event_open, bpf, userfaultfd
    ),
    "aarch64": (
        *(198, 425),
        *(52, 53, 54, 55, 452),
        88,
        *(5, 6, 7, 14, 15, 16, 463, 466),
        *(117, 270, 271, 438),
        *(217, 218, 219, 241, 280, 282),
    ),
}
# kill, tkill, tgkill and pidfd_send_signal, where Landlock does not limit signals.
_SIGNALS = {"x86_64": (62, 200, 234, 424), "aarch64": (129, 130, 131, 424)}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # the bit of a second table of system calls on x86_64

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of Landlock that this kernel has; 0 if it has none."""
    if not hasattr(_libc, "prctl") or platform.system() != "Linux":
        return 0
    return max(0, _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION))


def lacking() -> str:
    """What this machine lacks to confine a process; empty if it lacks nothing."""
    if not version():
        return "this kernel has no Landlock (Linux 5.13 or newer, and switched on)"
    if platform.machine() not in _REFUSED:
        return f"no list of system calls is known for {platform.machine()}"
    return ""


def confine(read: Iterable[Path], write: Iterable[Path]) -> None:
    """Allow this process only to read some files and folders, and to write others.

    Paths that do not exist are left out. Raises OSError if the kernel refuses; then the process
    must end.
    """
    known = version()
    if not known:
        raise OSError(lacking())
    _call("prctl", _SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _drop_capabilities()
    _restrict_files(known, list(read), list(write))
    _refuse_system_calls(known)


def die_with_parent() -> None:
    """Kill this process when the one that started it ends."""
    _call("prctl", _SET_DEATH_SIGNAL, 9, 0, 0, 0)


def adopt_orphans() -> None:
    """Make this process the parent of orphaned descendants, so that it can end them."""
    _call("prctl", _SET_SUBREAPER, 1, 0, 0, 0)


def _restrict_files(known: int, read: list[Path], write: list[Path]) -> None:
    handled = (1 << _RIGHTS[min(known, max(_RIGHTS))]) - 1
    attributes = struct.pack("=Q", handled)
    if known >= _NET_SINCE:
        attributes += struct.pack("=Q", _TCP)
    if known >= _SCOPES_SINCE:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset = _syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    for paths, rights in ((read, _READ), (write, _READ | _WRITE)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    _syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(handle).st_mode):
        rights &= _OF_FILES
    rule = struct.pack("=Qi", rights, handle)
    _syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    os.close(handle)


def _drop_capabilities() -> None:
    """Drop all capabilities; a user who is not root has none."""
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)  # fails for those that do not exist
    _call("capset", struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24))


def _refuse_system_calls(known: int) -> None:
    machine = platform.machine()
    refused = _REFUSED[machine]
    if known < _SCOPES_SINCE:
        refused += _SIGNALS[machine]
    program = _program(_ARCHITECTURE[machine], refused)
    length = len(program) // 8
    held = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("@HP", length, ctypes.addressof(held))
    _call("prctl", _SET_SECCOMP, _FILTER, filter_, 0, 0)


def _program(architecture: int, refused: tuple[int, ...]) -> bytes:
    """Classic BPF: another architecture or one of the refused calls fails with EPERM."""
    load, equal, at_least, end = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | 1
    left = len(refused)
    lines = [
        (load, 0, 0, 4),  # the architecture
        (equal, 0, left + 3, architecture),
        (load, 0, 0, 0),  # the number of the system call
        (at_least, left + 1, 0, _X32),
    ]
    lines += [(equal, left - place, 0, number) for place, number in enumerate(refused)]
    lines += [(end, 0, 0, allow), (end, 0, 0, refuse)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _syscall(number: int, *arguments: int | bytes) -> int:
    held = [ctypes.c_long(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *held))


def _call(name: str, *arguments: int | bytes) -> None:
    held = [ctypes.c_ulong(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    _checked(getattr(_libc, name)(*held))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel refuses to confine the process: {os.strerror(number)}")
    return result
