"""Short-lived passwords for Postgres on RDS: one token of IAM's for each connection."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict

from shared.adapters import aws
from shared.kernel.errors import UnavailableError

_PORT = "5432"


class DatabaseTokens:
    """Makes what RDS and its proxy take for a password, signed with this function's own role.

    A token is good for 15 minutes, and only to begin a connection: one that stands goes on. It is
    made here, without a request, so every connection gets its own and none is kept.
    """

    def __init__(self, *, region: str) -> None:
        self._region = region
        # No endpoint: a token is made for the database's host, whoever answers for AWS.
        self._client: Any = aws.client("rds", region=region)

    def make(self, url: str) -> str:
        """Return a token for the host, port and user in a database's address.

        Raises UnavailableError for an address without them and when there is no role to sign with.
        """
        given = conninfo_to_dict(url)
        host, user = str(given.get("host") or ""), str(given.get("user") or "")
        if not host or not user or "," in host:
            raise UnavailableError(
                "The database's address names no single host and user to sign in as.",
                hint="Write postgresql://kontor_app@host/database, without a password.",
            )
        with aws.translated("The database's token"):
            return str(
                self._client.generate_db_auth_token(
                    DBHostname=host,
                    Port=int(str(given.get("port") or _PORT)),
                    DBUsername=user,
                    Region=self._region,
                )
            )

    def __repr__(self) -> str:
        return f"DatabaseTokens({self._region})"
