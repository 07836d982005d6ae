"""Settings of who somebody is: sign-in, sessions, keys, mails and providers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, SecretStr

from shared.kernel.setting import setting


class IdentitySettings(BaseModel):
    """The part of the one configuration that identity works by."""

    access_token_s: Annotated[
        int, setting(900, "Life of an access token.", unit="s", ge=60, le=86400)
    ]
    session_idle_s: Annotated[
        int,
        setting(
            7 * 24 * 3600, "A session ends when unused this long.", unit="s", ge=300, le=31_536_000
        ),
    ]
    session_life_s: Annotated[
        int,
        setting(
            30 * 24 * 3600,
            "A session ends this long after its sign-in.",
            unit="s",
            ge=300,
            le=31_536_000,
        ),
    ]
    registration: Annotated[
        Literal["closed", "open"],
        setting("closed", "Whether strangers may make tenants of their own: closed or open."),
    ]
    second_factor: Annotated[
        Literal["tenant", "everybody"],
        setting(
            "tenant",
            "Who is asked for a code: whom a tenant or themselves ask it of, or everybody.",
        ),
    ]
    sign_in_tries: Annotated[
        int,
        setting(5, "Wrong tries for one account in 15 minutes before waits begin.", ge=1, le=100),
    ]
    sign_in_address_tries: Annotated[
        int,
        setting(20, "Wrong tries from one address in 15 minutes before waits begin.", ge=1),
    ]
    identity_secret: Annotated[
        str,
        setting(
            "kontor-local-identity-key", "Name of the secret that seals second factors and mails."
        ),
    ]
    mail_from: Annotated[str, setting("Kontor <kontor@localhost>", "Who mails come from.")]
    smtp_url: Annotated[
        SecretStr,
        setting(SecretStr(""), "Mail server: smtps://user:password@host, or smtp:// for STARTTLS."),
    ]
    smtp_secret: Annotated[
        str, setting("", "Name of the secret that holds SMTP_URL, read when it is unset.")
    ]
    mail_dir: Annotated[
        str, setting("", "Folder that mails are written to where there is no mail server.")
    ]
    share_visit_s: Annotated[
        int,
        setting(
            1800, "How long somebody may look who came through a link.", unit="s", ge=60, le=86400
        ),
    ]
    token_issuer: Annotated[str, setting("kontor", "Issuer and audience written into tokens.")]
    api_key_days: Annotated[
        int, setting(90, "Life of an API key for which none is asked.", unit="days", ge=1)
    ]
    api_key_most_days: Annotated[
        int, setting(365, "Longest life of an API key.", unit="days", ge=1, le=3650)
    ]
    api_key_grace_s: Annotated[
        int,
        setting(
            24 * 3600,
            "How long the secret before a key's rotation still holds, unless asked otherwise.",
            unit="s",
            ge=0,
            le=30 * 24 * 3600,
        ),
    ]
    oidc_inside: Annotated[
        str,
        setting(
            "",
            "Each host:port of an identity provider that is not public or speaks plain http.",
        ),
    ]
    cors_origins: Annotated[
        str,
        setting(
            "http://127.0.0.1:3000",
            "Exact origins a browser may open sockets from, comma-separated; see corsOrigins in"
            " serverless.yml.",
            pattern=r"^(https?://[^/*,\s]+(,https?://[^/*,\s]+)*)?$",
        ),
    ]
