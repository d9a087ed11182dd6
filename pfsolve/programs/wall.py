"""A second wall around the worker, on Linux: the process gives up what it never needs.

Landlock takes away all files, ports and signals to others; seccomp, on x86_64, leaves only the
system calls of a process that computes. Both hold for the calling thread and those it starts.
WebAssembly does not depend on them: elsewhere the worker runs without.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

_NO_NEW_PRIVILEGES = 38  # of prctl
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_SECCOMP = 317

_ALLOWED = [
    *(0, 1, 3, 5, 8),  # read write close fstat lseek
    *(9, 10, 11, 12, 25, 28),  # mmap mprotect munmap brk mremap madvise
    *(13, 14, 15, 131),  # rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
    *(24, 35, 39, 96, 186, 228, 230),  # sched_yield nanosleep getpid gettimeofday gettid clock_*
    *(60, 202, 231, 318, 334),  # exit futex exit_group getrandom rseq
    *(7, 56, 273, 302, 435),  # threads: poll clone set_robust_list prlimit64 clone3
]
_MMAP, _MPROTECT = 9, 10
_X86_64, _X32 = 0xC000003E, 0x40000000
_PROT_EXEC = 4
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # refused with EPERM
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def harden() -> list[str]:
    """Give up what the system lets this process give up; the names of the walls that stand now."""
    if sys.platform != "linux":
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return []
    walls = {"landlock": _landlock, "seccomp": _seccomp}
    return [name for name, build in walls.items() if build(libc)]


def _landlock(libc: ctypes.CDLL) -> bool:
    """Handle every right that this kernel knows, with no rule that grants one."""
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    files = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}.get(version, 0xFFFF)
    rights = struct.pack("QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    rights = rights[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, rights, len(rights), 0)
    return bool(ruleset >= 0 and libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)


def _seccomp(libc: ctypes.CDLL) -> bool:
    """Allow the listed system calls alone, and no memory that can be executed."""
    if platform.machine() != "x86_64" or sys.maxsize < 1 << 32:
        return False
    program = [
        *(_step(_LOAD, 4), _step(_EQUAL, _X86_64, yes=1), _step(_RETURN, _KILL)),
        *(_step(_LOAD, 0), _step(_AT_LEAST, _X32, no=1), _step(_RETURN, _KILL)),
        *(_step(_EQUAL, _MMAP, yes=1), _step(_EQUAL, _MPROTECT, no=3)),
        *(_step(_LOAD, 32), _step(_ANY_BIT, _PROT_EXEC, no=1), _step(_RETURN, _REFUSE)),
        _step(_LOAD, 0),
        *(_step(_EQUAL, call, yes=len(_ALLOWED) - i) for i, call in enumerate(_ALLOWED)),
        *(_step(_RETURN, _REFUSE), _step(_RETURN, _ALLOW)),
    ]
    code = ctypes.create_string_buffer(b"".join(program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    return bool(libc.syscall(_SECCOMP, 1, 0, filter_) == 0)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction of the filter; `yes` and `no`: how many to skip then."""
    return struct.pack("HBBI", code, yes, no, value)
