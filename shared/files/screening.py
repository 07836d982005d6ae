"""The gate before parsing: every configured scanner looks, and what they find is kept away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.adapters.objects import Objects
from shared.adapters.scanner import Scanner
from shared.kernel.errors import InvalidError
from shared.kernel.ids import JobId, TenantId


class InfectedError(InvalidError):
    """Malware was found; the file is in quarantine and nobody can read it."""

    def __init__(self, filename: str, finding: str, *, version: str = "") -> None:
        super().__init__(
            f"“{filename}” was refused: malware was found ({finding}).",
            hint="It is in quarantine. Check the machine it came from.",
        )
        self.finding = finding
        self.version = version


class Gate:
    """Scanners asked one after another; the first finding decides."""

    def __init__(self, scanners: Sequence[Scanner]) -> None:
        self._scanners = tuple(scanners)

    def scan(self, path: Path, *, key: str, version: str) -> str:
        """Return the first finding, empty when everybody calls the file clean."""
        for scanner in self._scanners:
            found = scanner.scan(path, key=key, version=version)
            if found:
                return found
        return ""


def quarantine_key(tenant_id: TenantId, upload_id: JobId) -> str:
    """Return where an infected upload is kept: no function may read below ``quarantine/``."""
    return f"quarantine/{tenant_id}/{upload_id}"


def put_away(
    objects: Objects, tenant_id: TenantId, upload_id: JobId, *, key: str, version: str
) -> None:
    """Copy an infected upload into quarantine; its first place is emptied by intake itself.

    What is copied is the very version that was scanned, not what was put over it meanwhile.
    Copying again changes nothing that counts: the same bytes lie under the same key.
    """
    objects.copy(key, quarantine_key(tenant_id, upload_id), version=version)
