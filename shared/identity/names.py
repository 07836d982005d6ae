"""What people, tenants and keys are called: one printable line of bounded length."""

from __future__ import annotations

from typing import Final

from shared.kernel.errors import InvalidError

MOST: Final = 200


def plain_name(field: str, text: str, *, called: str = "", most: int = MOST) -> str:
    """Return a name without blanks around it; raises InvalidError for one nobody can show.

    ``called`` is what the sentence names it, if that is not the field; ``most`` in characters.
    """
    stripped = text.strip()
    if not stripped or len(stripped) > most or not stripped.isprintable():
        raise InvalidError(
            f"{called or field} is empty, too long or holds control characters.",
            hint=f"Use 1 to {most} printable characters.",
            fields={field: f"1 to {most} printable characters"},
        )
    return stripped
