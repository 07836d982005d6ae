"""Three classes of failure, which decide what becomes of a message or a step that failed.

permanent       the same input gives the same error: record the reason, acknowledge, never repeat
infrastructure  something we depend on is away or full: try again later, for as long as it takes
unknown         nobody foresaw it: a few tries, then a dead letter that a person looks at
"""

from __future__ import annotations

import errno
from enum import StrEnum

from shared.kernel.errors import KontorError, UnavailableError

# The machine is out of something; another try, maybe on another machine, may find it again.
_EXHAUSTED = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EIO,
        errno.EROFS,
    }
)


class Failure(StrEnum):
    """What kind of failure an error is."""

    PERMANENT = "permanent"
    INFRASTRUCTURE = "infrastructure"
    UNKNOWN = "unknown"


def classify(error: BaseException) -> Failure:
    """Tell which class an exception belongs to.

    Our own errors say it themselves; of the rest only what the machine lacks is infrastructure.
    """
    if isinstance(error, KontorError):
        if error.is_retryable:
            return Failure.INFRASTRUCTURE
        return Failure.UNKNOWN if error.code == KontorError.code else Failure.PERMANENT
    if isinstance(error, ConnectionError | TimeoutError):
        return Failure.INFRASTRUCTURE
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        return Failure.INFRASTRUCTURE
    return Failure.UNKNOWN


def as_unavailable(error: OSError) -> UnavailableError:
    """Say in our words what the machine lacks; for transports that know errors by their class."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError("The disk is full.", hint="Try again when there is room.")
    return UnavailableError("The machine is out of resources.", hint="Try again in a moment.")
