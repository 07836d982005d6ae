"""The pages behind share links: what a browser is shown, asked and kept from."""

from __future__ import annotations

import re
from urllib.parse import unquote

import psycopg
import pytest

from shared.kernel.context import working_on
from shared.kernel.ids import UserId
from shared.wiring import App
from tests.functions.access.browser import Browser, links_in
from tests.functions.access.conftest import Firm
from tests.functions.http_events import Answer
from tests.functions.pipeline import Pipeline

PASSWORD = "open sesame please"
TEXT = "# Lease\n\nThe rent is 900 euros & rises by `<script>x()</script>` on 1 May.\n"


@pytest.fixture
def shelves(firm: Firm) -> tuple[str, str, str]:
    """A folder with a document in it and one below, and a document elsewhere."""
    folder = firm.folder("ada", "plans/2026")
    inside = str(firm.put("ada", b"a", "plans/2026", filename="Budget <2026>.pdf"))
    firm.put("ada", b"c", "plans/2026/spring", filename="garden.txt")
    firm.put("ada", b"b", filename="elsewhere.txt")
    return folder, inside, "elsewhere"


@pytest.fixture
def lease(desk: App, firm: Firm) -> str:
    """A document that has been read, in a bucket that is there."""
    pipeline = Pipeline(desk, firm.tenant, UserId(firm.people["ada"].user_id))
    with working_on(correlation="t", tenant=str(firm.tenant)):
        return str(pipeline.put_as("text/markdown", TEXT.encode(), "lease.md"))


def link(firm: Firm, who: str = "ada", **body: object) -> str:
    answer = firm.ask(who, "POST", "/api/v1/shares", body=body)
    assert answer.status == 201, answer.body
    return str(answer.body["path"])


def acts(firm: Firm, owner_url: str) -> list[str]:
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT action FROM kontor.audit_events WHERE tenant_id = %s ORDER BY id",
            (firm.tenant,),
        )
        return [row[0] for row in rows if row[0].startswith("share.")]


def check_safe(page: Answer) -> None:
    """A page runs nothing, loads nothing and is kept nowhere."""
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'; frame-ancestors 'none'; base-uri 'none'" in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|style=|\son\w+=|src=|<link|https?://", page.body)


def test_folder_is_shown_with_what_lies_in_it(firm: Firm, shelves: tuple[str, str, str]) -> None:
    folder, inside, elsewhere = shelves
    with firm.app.database.transaction(firm.tenant) as session:
        session.connection.execute("UPDATE kontor.users SET display_name = 'Ada <L>'")
    browser = Browser()
    page = browser.look(link(firm, folder_id=folder))
    assert page.status == 200
    check_safe(page)
    assert "<h1>2026</h1>" in page.body
    assert "Ada &lt;L&gt; (Acme) shows you this folder until" in page.body
    assert "Budget &lt;2026&gt;" in page.body
    assert "TXT · 3 B · in spring" in page.body
    assert elsewhere not in page.body
    assert "plans" not in re.sub(r'href="[^"]+"', "", page.body), "what is above is nobody's"
    _, budget = links_in(page)
    assert budget.endswith(f"/documents/{inside}")
    shown = browser.look(budget)
    assert (shown.status, "<h1>Budget &lt;2026&gt;</h1>" in shown.body) == (200, True)
    assert "No text was found in this file." in shown.body
    assert links_in(shown)[0] == budget.partition("/documents/")[0]
    check_safe(shown)


def test_document_is_shown_with_its_text_and_downloaded(
    lease: str, firm: Firm, owner_url: str
) -> None:
    browser = Browser(language="de-DE,de;q=0.9")
    path = link(firm, document_id=lease)
    page = browser.look(path)
    assert page.status == 200
    check_safe(page)
    assert '<html lang="de">' in page.body
    assert "900 euros &amp; rises by &lt;script&gt;x()&lt;/script&gt; on 1 May" in page.body
    (download,) = links_in(page)
    file = browser.look(download)
    assert (file.status, file.headers["referrer-policy"]) == (303, "no-referrer")
    address = unquote(file.headers["location"])
    assert f"/uploads/{firm.tenant}/" in address
    assert 'response-content-disposition=attachment; filename="lease.md"' in address
    assert acts(firm, owner_url) == ["share.made", "share.opened", "share.downloaded"]


def test_long_text_is_shown_in_part_or_not_at_all(
    lease: str, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = link(firm, document_id=lease)
    monkeypatch.setattr("functions.access.visiting._MOST_CHARACTERS", 14)
    page = Browser().look(path)
    assert "Lease\n\nThe</div>" in page.body, "it ends with a word"
    assert "This is the beginning." in page.body
    monkeypatch.setattr("functions.access.visiting._MOST_BYTES", 10)
    page = Browser().look(path)
    assert (page.status, "too long to be shown here" in page.body) == (200, True)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("stage = 'failed'", "could not be read"),
        ("stage = 'embedding'", "still being read"),
    ],
)
def test_document_that_is_not_read_says_why_there_is_no_text(
    firm: Firm, shelves: tuple[str, str, str], owner_url: str, column: str, said: str
) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(f"UPDATE kontor.versions SET {column}".encode())
    page = Browser().look(link(firm, document_id=shelves[1]))
    assert (page.status, said in page.body) == (200, True)


def test_link_for_looking_keeps_its_files(lease: str, firm: Firm) -> None:
    browser = Browser()
    path = link(firm, document_id=lease, allows_download=False)
    page = browser.look(path)
    assert "cannot be downloaded" in page.body
    assert "The rent is" in page.body
    assert links_in(page) == []
    refused = browser.look(f"{path}/documents/{lease}/download")
    assert (refused.status, "location" in refused.headers) == (403, False)
    check_safe(refused)
    made = firm.ask(None, "GET", path).body
    assert made["allows_download"] is False
    firm.people["visitor"] = firm.app.verifier.verify(made["access_token"])
    for form in ("original", "text", "markdown"):
        given = firm.shelves(
            "visitor", "GET", f"/api/v1/documents/{lease}/download", query={"form": form}
        )
        assert given.status == 403
    text = firm.shelves("visitor", "GET", f"/api/v1/documents/{lease}/versions/1/text")
    assert text.status == 200


def test_password_is_asked_for_by_a_form(firm: Firm, shelves: tuple[str, str, str]) -> None:
    browser = Browser()
    path = link(firm, folder_id=shelves[0], password=PASSWORD)
    asked = browser.look(path)
    check_safe(asked)
    assert f'<form method="post" action="{path}/enter">' in asked.body
    assert "Budget" not in asked.body
    wrong, absent = browser.fill(f"{path}/enter", password="wrong"), browser.fill(f"{path}/enter")
    assert (wrong.status, wrong.body) == (absent.status, absent.body)
    assert wrong.status == 401
    assert 'aria-invalid="true"' in wrong.body
    assert browser.cookies == {}
    entered = browser.fill(f"{path}/enter", password=PASSWORD)
    assert "Budget" in browser.follow(entered).body
    assert "Budget" in browser.look(path).body, "no second time"
    assert "Budget" not in Browser().look(path).body


def test_guesses_wait_longer_and_longer(
    firm: Firm, shelves: tuple[str, str, str], owner_url: str
) -> None:
    path = link(firm, folder_id=shelves[0], password=PASSWORD)
    browser = Browser(language="de")
    tries = [browser.fill(f"{path}/enter", password=f"guess {n}") for n in range(6)]
    assert [each.status for each in tries] == [401] * 5 + [429]
    assert int(tries[-1].headers["retry-after"]) > 0
    assert "Zu viele Versuche" in tries[-1].body
    assert firm.ask(None, "POST", path, body={"password": PASSWORD}).status == 429
    with psycopg.connect(owner_url) as connection:
        connection.execute("DELETE FROM kontor.sign_in_tries")
    assert browser.fill(f"{path}/enter", password=PASSWORD).status == 303


def test_cookie_is_the_links_own_and_no_scripts(firm: Firm, shelves: tuple[str, str, str]) -> None:
    path, other = link(firm, folder_id=shelves[0]), link(firm, document_id=shelves[1])
    browser = Browser(is_encrypted=True)
    browser.look(path)
    (line,) = browser.set_cookies
    assert re.match(r"__Host-kontor_visit_[0-9a-f]{16}=kontor_visit_", line)
    assert {"Path=/", "HttpOnly", "SameSite=lax", "Secure"} <= set(line.split("; "))
    assert "Max-Age=1800" in line
    browser.look(path)
    assert browser.set_cookies == [], "the same visit goes on"
    (token,) = browser.cookies.values()
    browser.look(other)
    names = list(browser.cookies)
    assert len(names) == 2
    browser.cookies = {names[1]: token}
    browser.look(other)
    assert len(browser.set_cookies) == 1, "a visit through one link is none through another"


def test_looking_at_a_counted_link_uses_nothing_up(
    firm: Firm, shelves: tuple[str, str, str], owner_url: str
) -> None:
    path = link(firm, folder_id=shelves[0], most_uses=1)
    browser = Browser()
    assert {browser.look(path).status for _ in range(3)} == {200}
    assert "Budget" not in browser.look(path).body
    assert acts(firm, owner_url) == ["share.made"]
    assert "Budget" in browser.follow(browser.fill(f"{path}/enter")).body
    assert "Budget" in browser.look(path).body, "who is inside stays"
    assert Browser().look(path).status == 410
    assert Browser().fill(f"{path}/enter").status == 410


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE kontor.share_links SET expires_at = now()",
        "UPDATE kontor.share_links SET revoked_at = now()",
        "UPDATE kontor.users SET is_active = false WHERE email = 'ada@acme.example'",
        "UPDATE kontor.users SET role = 'blind' WHERE email = 'ada@acme.example'",
        "UPDATE kontor.tenants SET is_active = false",
    ],
)
def test_link_that_is_over_says_so_to_who_was_inside_too(
    firm: Firm, shelves: tuple[str, str, str], owner_url: str, ending: str
) -> None:
    folder, inside, _ = shelves
    path, browser = link(firm, folder_id=folder), Browser()
    browser.look(path)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.roles (tenant_id, name, title, permissions)"
            " VALUES (%s, 'blind', 'Blind', '{chat}')",
            (firm.tenant,),
        )
        connection.execute(ending.encode())
    for address in (path, f"{path}/documents/{inside}", f"{path}/documents/{inside}/download"):
        page = browser.look(address)
        assert page.status == 410, address
        assert "Budget" not in page.body
        check_safe(page)
    assert browser.fill(f"{path}/enter").status == 410
    assert firm.ask(None, "GET", path).status == 404


@pytest.mark.parametrize(
    "token", ["kontor_share_wrong", "x", "kontor_share_" + "a" * 43, "%3Cb%3E"]
)
def test_link_that_never_was_is_not_there(firm: Firm, token: str) -> None:
    browser = Browser(language="de")
    pages = [
        browser.look(f"/s/{token}"),
        browser.fill(f"/s/{token}/enter", password="x"),
        browser.look(f"/s/{token}/documents/{firm.tenant}"),
        browser.look(f"/s/{token}/documents/{firm.tenant}/download"),
    ]
    assert [page.status for page in pages] == [404] * 4
    assert len({page.body for page in pages}) == 1
    assert "Hier ist nichts" in pages[0].body
    assert browser.cookies == {}


def test_what_the_link_does_not_show_is_not_there(
    firm: Firm, shelves: tuple[str, str, str]
) -> None:
    path, browser = link(firm, folder_id=shelves[0]), Browser()
    outside = str(firm.put("ada", b"x"))
    browser.look(path)
    for thing in (outside, shelves[0], str(firm.tenant)):
        for tail in ("", "/download"):
            page = browser.look(f"{path}/documents/{thing}{tail}")
            assert (page.status, links_in(page)) == (404, [path])


def test_download_begins_at_the_link(firm: Firm, shelves: tuple[str, str, str]) -> None:
    path = link(firm, folder_id=shelves[0])
    sent = Browser().look(f"{path}/documents/{shelves[1]}/download")
    assert (sent.status, sent.headers["location"]) == (303, path)


def test_form_of_another_site_is_refused(firm: Firm, shelves: tuple[str, str, str]) -> None:
    path = link(firm, folder_id=shelves[0], password=PASSWORD)
    for site in ("cross-site", "same-site"):
        assert Browser(site=site).fill(f"{path}/enter", password=PASSWORD).status == 403
    assert Browser(site="none").fill(f"{path}/enter", password=PASSWORD).status == 303


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("text/html", "text/html; charset=utf-8"),
        ("text/html, application/json;q=0.9", "text/html; charset=utf-8"),
    ],
)
def test_programs_get_json_and_browsers_a_page(
    firm: Firm, shelves: tuple[str, str, str], accept: str, kind: str
) -> None:
    path = link(firm, folder_id=shelves[0])
    answer = firm.ask(None, "GET", path, headers={"accept": accept})
    assert answer.headers["content-type"] == kind
    assert "accept" in answer.headers["vary"].split(", ")
