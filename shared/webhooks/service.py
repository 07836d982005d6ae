"""Use cases of webhooks: whom to tell what, with which secret; what was told, and telling again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from shared.adapters.database import Session
from shared.adapters.egress import Egress
from shared.adapters.secrets import Secrets
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor
from shared.webhooks import signing, store
from shared.webhooks.model import MOST_ENDPOINTS, Delivery, Endpoint, Source, check_events

OVERLAP_HOURS = 24
_LONGEST_SECRET = 200
_SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Wires:
    """What webhooks are sent with: the guarded way out, the place of secrets, the stage's name."""

    egress: Egress
    secrets: Secrets
    stage: str

    def secret_name(self, owner: UUID) -> str:
        """Name a new secret of an endpoint or source: every one has a name of its own."""
        return f"kontor-{self.stage}-webhook-{owner}-{uuid4().hex[:8]}"

    def check(self, url: str) -> str:
        """Return an address that may be sent to, written plainly.

        Raises InvalidError for one that is not HTTPS, unless it is the one inside that the
        settings allow; RefusedError as the way out does.
        """
        plain = self.egress.check(url)
        if not plain.startswith("https://") and not self.egress.is_inside(plain):
            raise InvalidError(
                "A webhook is sent over https:// only.",
                hint="Give the receiver a certificate.",
                fields={"url": "https://host/path"},
            )
        return plain


def add_endpoint(
    session: Session,
    wires: Wires,
    *,
    url: str,
    events: Sequence[str],
    description: str,
    created_by: UserId,
) -> tuple[Endpoint, str]:
    """Add an endpoint; returns it and its secret, which is shown only now.

    Raises InvalidError or RefusedError for the address, InvalidError for an unknown event,
    ConflictError when there are too many.
    """
    plain, chosen = wires.check(url), check_events(events)
    if store.count_endpoints(session) >= MOST_ENDPOINTS:
        raise ConflictError(
            f"There are {MOST_ENDPOINTS} endpoints already.", hint="Remove one that is not needed."
        )
    endpoint_id = new_id()
    name, secret = wires.secret_name(endpoint_id), signing.new_secret()
    wires.secrets.keep(name, secret)
    made = store.record_endpoint(
        session,
        endpoint_id,
        url=plain,
        description=description,
        events=chosen,
        secret_name=name,
        created_by=created_by,
    )
    return made, secret


def list_endpoints(session: Session) -> list[Endpoint]:
    """List the tenant's endpoints, oldest first."""
    return store.list_endpoints(session)


def find_endpoint(session: Session, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint; raises NotFoundError."""
    return _there(store.find_endpoint(session, endpoint_id))


def change_endpoint(
    session: Session,
    wires: Wires,
    endpoint_id: UUID,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    state: str | None = None,
) -> Endpoint:
    """Change what is given; ``state`` active sets a disabled one going again.

    Raises as ``add_endpoint`` does, and NotFoundError.
    """
    changed = store.change_endpoint(
        session,
        endpoint_id,
        url=None if url is None else wires.check(url),
        description=description,
        events=None if events is None else check_events(events),
        state=state,
    )
    return _there(changed)


def rotate_secret(session: Session, wires: Wires, endpoint_id: UUID) -> tuple[Endpoint, str]:
    """Give an endpoint a new secret, shown only now; the old one signs beside it for a day.

    Raises NotFoundError.
    """
    before = find_endpoint(session, endpoint_id)
    if before.former_secret_name:
        wires.secrets.remove(before.former_secret_name)
    name, secret = wires.secret_name(endpoint_id), signing.new_secret()
    wires.secrets.keep(name, secret)
    changed = store.change_secret(session, endpoint_id, secret_name=name, hours=OVERLAP_HOURS)
    return _there(changed), secret


def remove_endpoint(session: Session, wires: Wires, endpoint_id: UUID) -> None:
    """Remove an endpoint with its deliveries and secrets; raises NotFoundError."""
    gone = _there(store.remove_endpoint(session, endpoint_id))
    _forget(wires, gone.secret_name, gone.former_secret_name)


def list_deliveries(
    session: Session, endpoint_id: UUID, *, cursor: str | None, state: str | None, limit: int
) -> Page[Delivery]:
    """List what was and is to be told to an endpoint, newest first; raises NotFoundError."""
    find_endpoint(session, endpoint_id)
    limit = clamp_limit(limit)
    before = _delivery_id(cursor) if cursor else None
    found = store.list_deliveries(session, endpoint_id, before=before, state=state, limit=limit)
    return Page(found, encode_cursor(str(found[-1].id)) if len(found) == limit else None)


def replay(session: Session, endpoint_id: UUID, ids: Sequence[UUID] | None) -> list[UUID]:
    """Set chosen deliveries going again, or up to 200 of those that were given up on.

    Returns which; whoever calls sends them. Raises NotFoundError, ConflictError when the endpoint
    is not active.
    """
    if find_endpoint(session, endpoint_id).state != "active":
        raise ConflictError("The endpoint is not active.", hint="Set its state to active first.")
    chosen = store.list_dead(session, endpoint_id) if ids is None else ids
    return store.replay_deliveries(session, endpoint_id, chosen)


def add_source(
    session: Session,
    wires: Wires,
    *,
    name: str,
    scheme: str,
    effect: str,
    folder: str,
    secret: str | None,
    created_by: UserId,
    folder_id: UUID | None = None,
) -> tuple[Source, str]:
    """Add somebody who may tell us something; returns it and the secret, shown only now.

    ``secret`` is one that the sender has already. Raises InvalidError, ConflictError.
    """
    if len(store.list_sources(session)) >= MOST_ENDPOINTS:
        raise ConflictError(
            f"There are {MOST_ENDPOINTS} sources already.", hint="Remove one that is not needed."
        )
    if secret is not None and not _SHORTEST_SECRET <= len(secret) <= _LONGEST_SECRET:
        raise InvalidError(
            f"A secret has {_SHORTEST_SECRET} to {_LONGEST_SECRET} characters.",
            hint="Leave it out to have one made.",
            fields={"secret": f"{_SHORTEST_SECRET} to {_LONGEST_SECRET} characters"},
        )
    source_id = uuid4()
    kept, secret_name = secret or signing.new_secret(), wires.secret_name(source_id)
    wires.secrets.keep(secret_name, kept)
    made = store.record_source(
        session,
        source_id,
        name=name,
        scheme=scheme,
        effect=effect,
        folder=folder,
        folder_id=folder_id,
        secret_name=secret_name,
        created_by=created_by,
    )
    return made, kept


def list_sources(session: Session) -> list[Source]:
    """List who may tell us something."""
    return store.list_sources(session)


def remove_source(session: Session, wires: Wires, source_id: UUID) -> None:
    """Let nobody speak under an address any more; raises NotFoundError."""
    gone = store.remove_source(session, source_id)
    if gone is None:
        raise NotFoundError("There is no such source.")
    _forget(wires, gone.secret_name)


def secret_names(session: Session) -> list[str]:
    """List the names of every secret of the transaction's tenant, for its erasure."""
    names = [source.secret_name for source in store.list_sources(session)]
    for endpoint in store.list_endpoints(session):
        names += [endpoint.secret_name, endpoint.former_secret_name]
    return [name for name in names if name]


def tend(session: Session, send: Callable[[UUID], None]) -> int:
    """Send what is due and was not sent, and forget what was finished long ago."""
    due = store.list_due(session)
    for delivery_id in due:
        send(delivery_id)
    store.remove_old_deliveries(session)
    return len(due)


def _forget(wires: Wires, *names: str) -> None:
    for name in names:
        if name:
            wires.secrets.remove(name)


def _there(found: Endpoint | None) -> Endpoint:
    if found is None:
        raise NotFoundError("There is no such endpoint.")
    return found


def _delivery_id(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
