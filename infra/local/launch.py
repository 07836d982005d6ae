"""Start one program so that it cannot outlive us: run as a script between fork and exec.

``python -I -S launch.py PARENT_PID DEATH_SIGNAL UID CAPABILITY -- PROGRAM ARGUMENTS…``

It drops to ``UID`` (``-`` keeps ours), asks the kernel for ``DEATH_SIGNAL`` when the parent dies
(Linux only; elsewhere the parent's orderly stop has to do) and becomes the program. A separate
process does this because ``preexec_fn`` may deadlock in a parent with threads. ``CAPABILITY``
(``-`` for none) is kept across the change of user: it lets a Postgres that must not be root reach
a data folder below a private one, such as ``/root``, without changing any folder's permissions.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _fail(libc: ctypes.CDLL, what: str) -> None:
    del libc
    sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")


def _become(libc: ctypes.CDLL, uid: int, capability: int | None) -> None:
    """Drop to ``uid`` and its group; keep one capability in the ambient set when asked."""
    if capability is not None and libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0):
        _fail(libc, "cannot keep capabilities")
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    if capability is None:
        return
    bit = 1 << capability
    header = _Header(CAPABILITY_VERSION_3, 0)
    data = (_Data * 2)(_Data(bit, bit, bit), _Data(0, 0, 0))
    if libc.capset(ctypes.byref(header), data):
        _fail(libc, "cannot set capabilities")
    if libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0):
        _fail(libc, "cannot pass capabilities on")


def main(arguments: list[str]) -> None:
    """Prepare this process as asked and replace it by the program."""
    parent, death_signal, uid, capability, _, *program = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if uid != "-":
        _become(libc, int(uid), None if capability == "-" else int(capability))
    if sys.platform == "linux":
        # After the change of user: changing credentials clears the death signal.
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the parent died before this program started")
    os.execv(program[0], program)  # noqa: S606 - becoming the program is the whole point


if __name__ == "__main__":
    main(sys.argv[1:])
