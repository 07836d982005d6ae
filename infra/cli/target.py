"""Which server a command talks to and as whom: profiles on disk, options and variables over them.

``kontor up`` writes ``<data>/profile.json`` for the server it runs; ``kontor login`` keeps other
servers in the user's configuration folder. Both files are readable by their owner only.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import typer

from shared.kernel.errors import InvalidError, NotFoundError, UnauthenticatedError, UnavailableError

ROOT = Path(__file__).resolve().parents[2]
PROFILE_FILE = "profile.json"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Profile:
    """A server and a login there. ``password`` is kept for the local demo only.

    ``refresh`` renews the token and counts once. ``expires_at`` is in seconds since 1970; 0 when
    it is not known.
    """

    api: str
    email: str = ""
    tenant: str = ""
    tenant_id: str = ""
    token: str = ""
    expires_at: float = 0.0
    refresh: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Profile(api={self.api!r}, email={self.email!r}, tenant={self.tenant!r})"


@dataclass(frozen=True, slots=True)
class Target:
    """A profile and where a renewed token is stored; ``store`` is ``None`` for a given token."""

    profile: Profile
    store: Path | None
    data: Path


def default_data() -> Path:
    """Return the data folder used without ``--data``: in the checkout, else in this folder."""
    home = ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()
    return home / ".kontor"


def clean_api(url: str) -> str:
    """Bring a server's address into one form. Raises InvalidError when it is none."""
    text = url.strip()
    if text and "://" not in text:
        is_local = text.startswith(LOOPBACK)
        text = f"{'http' if is_local else 'https'}://{text}"
    scheme, _, rest = text.partition("://")
    rest = rest.rstrip("/")
    if scheme not in {"http", "https"} or not rest or any(c.isspace() for c in rest):
        raise InvalidError(
            f"{url!r} is not the address of a server.", hint="Write --api https://host[/stage]."
        )
    return f"{scheme}://{rest}"


def resolve(*, api: str, token: str, data: Path) -> Target:
    """Find the server and login for a command.

    Raises NotFoundError when no server is known, UnauthenticatedError when no login is.
    """
    local = read_profile(data / PROFILE_FILE)
    if not api:
        if local is None:
            raise NotFoundError(
                f"No server is known here: {data / PROFILE_FILE} does not exist.",
                hint="Start one with `make up`, or name one with --api URL.",
            )
        return _with_token(Target(local, data / PROFILE_FILE, data), token)
    url = clean_api(api)
    if local is not None and local.api == url:
        return _with_token(Target(local, data / PROFILE_FILE, data), token)
    known = read_profiles(profiles_file()).get(url)
    if known is None and not token:
        raise UnauthenticatedError(
            f"You are not signed in to {url}.",
            hint=f"Run `kontor login --api {url} --email YOU`, or set KONTOR_TOKEN.",
        )
    return _with_token(Target(known or Profile(url), profiles_file(), data), token)


def resolve_server(*, api: str, data: Path) -> Target:
    """Find the server for a command that needs no login, and where one would be stored.

    Raises NotFoundError when no server is known.
    """
    if api:
        url = clean_api(api)
        local = read_profile(data / PROFILE_FILE)
        if local is None or local.api != url:
            return Target(
                read_profiles(profiles_file()).get(url, Profile(url)), profiles_file(), data
            )
        return Target(local, data / PROFILE_FILE, data)
    return resolve(api="", token="", data=data)


def read_stored(target: Target) -> Profile | None:
    """Read a target's login again, as another process may have renewed it in the meantime."""
    if target.store is None:
        return None
    if target.store.name == PROFILE_FILE:
        return read_profile(target.store)
    return read_profiles(target.store).get(target.profile.api)


@contextmanager
def renewing(store: Path | None) -> Iterator[None]:
    """Let one process at a time renew the logins of a file: a refresh token counts once."""
    if store is None:
        yield
        return
    store.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(store.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _with_token(target: Target, token: str) -> Target:
    if not token:
        return target
    # Whose token it is shows only when the server is asked: nothing of the stored login holds.
    return Target(Profile(target.profile.api, token=token), None, target.data)


def read_profile(path: Path) -> Profile | None:
    """Read one profile file; ``None`` when there is none."""
    body = _read(path)
    return None if body is None else _from_json(body, path)


def read_profiles(path: Path) -> dict[str, Profile]:
    """Read the stored logins by server address."""
    body = _read(path)
    if body is None:
        return {}
    return {
        url: _from_json(entry, path) for url, entry in body.items() if isinstance(entry, Mapping)
    }


def write_profile(path: Path, profile: Profile) -> None:
    """Store a login: the only one of a ``profile.json``, one of several in ``profiles.json``."""
    if path.name == PROFILE_FILE:
        _write(path, asdict(profile))
        return
    known = {url: asdict(entry) for url, entry in read_profiles(path).items()}
    _write(path, {**known, profile.api: asdict(replace(profile, password=""))})


def profiles_file() -> Path:
    """Return where logins at other servers are kept."""
    return Path(typer.get_app_dir("kontor")) / "profiles.json"


def _from_json(body: Mapping[str, object], path: Path) -> Profile:
    if not isinstance(body.get("api"), str):
        raise InvalidError(f"{path} is not a profile.", hint="Remove it and sign in again.")
    texts = {
        name: str(body.get(name) or "")
        for name in ("api", "email", "tenant", "tenant_id", "token", "refresh", "password")
    }
    expires_at = body.get("expires_at")
    return Profile(
        **texts, expires_at=float(expires_at) if isinstance(expires_at, int | float) else 0.0
    )


def _read(path: Path) -> dict[str, object] | None:
    try:
        body = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidError(f"{path} is damaged.", hint="Remove it and sign in again.") from error
    if not isinstance(body, dict):
        raise InvalidError(f"{path} is damaged.", hint="Remove it and sign in again.")
    return body


def _write(path: Path, body: Mapping[str, object]) -> None:
    """Replace the file in one step, so that a reader never sees half a profile."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".profile-", dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(body, stream, indent=2, ensure_ascii=False)
            stream.write("\n")
        Path(name).replace(path)
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be written: {error.strerror}.", hint="Check the folder's permissions."
        ) from error
