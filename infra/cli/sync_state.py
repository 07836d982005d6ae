"""What a watched folder looked like when it was last in step, kept beside the login."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from infra.cli.sync_plan import Known
from shared.kernel.errors import UnavailableError

FORMAT = 1


class SyncState:
    """The known files of one folder at one server, written whole and atomically."""

    def __init__(self, data: Path, *, folder: Path, place: str, api: str, tenant_id: str) -> None:
        name = "\0".join([str(folder.resolve()), place, api, tenant_id])
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._path = data / "watched" / f"{digest}.json"
        self._about = {"folder": str(folder.resolve()), "place": place, "api": api}
        self.files: dict[str, Known] = self._load()

    def save(self) -> None:
        """Write the state down. Raises UnavailableError when the disk refuses."""
        body = {
            "format": FORMAT,
            **self._about,
            "files": {path: asdict(known) for path, known in sorted(self.files.items())},
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(body, ensure_ascii=False), "utf-8")
            fresh.replace(self._path)
        except OSError as error:
            raise UnavailableError(
                f"{self._path} cannot be written: {error.strerror}.",
                hint="Choose another folder with --data.",
            ) from error

    def _load(self) -> dict[str, Known]:
        try:
            body = json.loads(self._path.read_text("utf-8"))
            return {path: Known(**known) for path, known in body["files"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnavailableError(
                f"{self._path} cannot be read.",
                hint="Remove it: the next look compares everything with the server again.",
            ) from error
