"""What people show at the door who must not come in."""

from __future__ import annotations

from uuid import UUID, uuid4

from shared.identity import tokens
from shared.identity.keys import SigningKey, load_signing_key
from shared.wiring import App


def false_tokens(app: App) -> dict[str, str | None]:
    """Return tokens that count for nothing, by what is wrong with them."""
    with app.database.system_transaction() as session:
        trusted = load_signing_key(session, app.secrets, app.settings.signing_secret)
    claims = tokens.Claims(
        tenant_id=UUID(int=1), user_id=UUID(int=2), email="a@b.example", role="admin", epoch=0,
        session_id=uuid4(),
    )  # fmt: skip
    return {
        "nothing": None,
        "no token": "a.b.c",
        "expired": tokens.issue(claims, trusted, issuer="kontor", life_s=-60),
        "forged": tokens.issue(claims, SigningKey.make(), issuer="kontor", life_s=60),
        "another issuer": tokens.issue(claims, trusted, issuer="somebody", life_s=60),
        "of nobody": tokens.issue(claims, trusted, issuer="kontor", life_s=60),
        "an unknown key": "kontor_pat_" + "x" * 40,
    }
