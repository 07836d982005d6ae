"""The pages behind the links in mails, in German and English (``functions.edge.pages``)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final, Literal, get_args

from fastapi.responses import HTMLResponse

from functions.edge.pages import page

Linked = Literal["invitation", "verify_email", "change_email", "reset_password"]
"""What the links in mails are for."""
Renewable = Literal["verify_email", "reset_password"]
"""Those that everybody may ask for anew."""
RENEWABLE: Final = get_args(Renewable)


@dataclass(frozen=True, slots=True)
class Behind:
    """What a link is about: its purpose, the tenant, the address; ``slug`` is the tenant's."""

    purpose: Linked
    tenant: str
    slug: str
    email: str


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in a form: its link's token, the name typed before and what was wrong."""

    token: str = field(repr=False)
    display_name: str = ""
    mistake: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Again:
    """What was typed to get another link, and what was wrong with it."""

    email: str = ""
    mistake: str = ""
    status: int = 410
    wait_s: int = 0


@cache
def words_of() -> dict[str, dict[str, dict[str, str]]]:
    """Read the words of all pages, by language, kind of words and name."""
    text = files("functions.auth").joinpath("page_words.json").read_text("utf-8")
    found: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return found


def form_page(language: str, behind: Behind, form: Form) -> HTMLResponse:
    """Show what a link is about, and the form that uses it."""
    words, purpose = words_of()[language], behind.purpose
    about = {"tenant": behind.tenant, "email": behind.email}
    mistake = words["mistakes"][form.mistake] if form.mistake else ""
    fields = [f'<input type="hidden" name="token" value="{escape(form.token)}">']
    if purpose == "invitation":
        fields.append(_name_field(words["labels"], form))
    if purpose in {"invitation", "reset_password"}:
        fields.append(_password_fields(words["labels"], behind, form))
    said = f'<p class="bad" role="alert" id="mistake">{escape(mistake)}</p>' if mistake else ""
    title = words["titles"][purpose].format(**about)
    body = (
        f"<p>{escape(words['leads'][purpose].format(**about))}</p>{said}"
        f'<form method="post" action="/auth/forms/{purpose}">{"".join(fields)}'
        f"<button>{escape(words['buttons'][purpose])}</button></form>"
    )
    return page(language, title, body, status=form.status)


def done_page(language: str, behind: Behind, *, api: str) -> HTMLResponse:
    """Say that the link was used, and what to do next."""
    words = words_of()[language]
    title = words["done"][behind.purpose].format(tenant=behind.tenant, email=behind.email)
    command = f"kontor login{_at(api)} --email {behind.email} --tenant {behind.slug}"
    body = f"<p>{escape(words['labels']['next'])}</p><code>{escape(command)}</code>"
    return page(language, title, body)


def over_page(language: str, purpose: Linked, again: Again | None = None) -> HTMLResponse:
    """Say that a link does not count, whatever the reason, and how to come by another.

    ``again`` is what was typed into this page's form for another link, and what was wrong with it.
    """
    words, again = words_of()[language], again or Again()
    said = words["mistakes"][again.mistake].format(seconds=again.wait_s) if again.mistake else ""
    form = _again_form(words, purpose, again, said) if purpose in RENEWABLE else ""
    body = f"<p>{escape(words['over']['lead'])}</p><p>{escape(words['over'][purpose])}</p>{form}"
    answer = page(language, words["over"]["title"], body, status=again.status)
    if again.wait_s:
        answer.headers["retry-after"] = str(again.wait_s)
    return answer


def sent_page(language: str) -> HTMLResponse:
    """Say that a mail is on its way if the address is known: to everybody the same."""
    words = words_of()[language]["sent"]
    return page(language, words["title"], f"<p>{escape(words['lead'])}</p>", status=202)


def _again_form(words: dict[str, dict[str, str]], purpose: Linked, again: Again, said: str) -> str:
    wrong = _wrong(is_wrong=bool(said))
    told = f'<p class="bad" role="alert" id="mistake">{escape(said)}</p>' if said else ""
    return (
        f'{told}<form method="post" action="/auth/forms/{purpose}/again">'
        f'<label for="email">{escape(words["labels"]["email"])}</label>'
        f'<input id="email" name="email" type="email" value="{escape(again.email)}" '
        f'autocomplete="email" maxlength="256" required{wrong}>'
        f"<button>{escape(words['buttons']['again'])}</button></form>"
    )


def _at(api: str) -> str:
    """Name the server a command talks to, where it is not the one on the same machine."""
    return f" --api {api}" if api else ""


def _name_field(labels: dict[str, str], form: Form) -> str:
    wrong = _wrong(is_wrong=form.mistake == "display_name")
    return (
        f'<label for="display_name">{escape(labels["display_name"])}</label>'
        f'<input id="display_name" name="display_name" value="{escape(form.display_name)}" '
        f'autocomplete="name" maxlength="200" required{wrong}>'
    )


def _password_fields(labels: dict[str, str], behind: Behind, form: Form) -> str:
    wrong = _wrong(is_wrong=form.mistake in {"short", "long", "guessed", "repeated"})
    kind = 'type="password" autocomplete="new-password" maxlength="1024" required'
    # Password managers keep the new password under the address that stands beside it.
    return (
        f'<input type="hidden" name="email" autocomplete="username" value="{escape(behind.email)}">'
        f'<label for="password">{escape(labels["password"])}</label>'
        f'<input id="password" name="password" {kind} minlength="12" '
        f'aria-describedby="hint"{wrong}><p class="hint" id="hint">{escape(labels["hint"])}</p>'
        f'<label for="repeated">{escape(labels["repeated"])}</label>'
        f'<input id="repeated" name="repeated" {kind}{wrong}>'
    )


def _wrong(*, is_wrong: bool) -> str:
    return ' aria-invalid="true" aria-errormessage="mistake"' if is_wrong else ""
