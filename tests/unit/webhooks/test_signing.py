"""Signatures: the specification's own example, and what must not pass."""

from __future__ import annotations

import pytest

from shared.kernel.errors import InvalidError, UnauthenticatedError
from shared.webhooks import signing
from shared.webhooks.model import DELAYS_S, check_events, delay_s, is_wanted

# The example of the Standard Webhooks specification's libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_known_example_is_reproduced_and_accepted() -> None:
    made = signing.sign([SECRET], HEADERS["webhook-id"], 1614265330, BODY)
    assert made == HEADERS
    assert signing.check_standard(SECRET, HEADERS, BODY, at=1614265330) == HEADERS["webhook-id"]


def test_one_of_several_signatures_is_enough() -> None:
    both = {**HEADERS, "webhook-signature": f"v1,AAAA v2,x {HEADERS['webhook-signature']}"}
    signing.check_standard(SECRET, both, BODY, at=1614265330)
    wrong_version = HEADERS["webhook-signature"].replace("v1", "v1a")
    with pytest.raises(UnauthenticatedError):
        signing.check_standard(
            SECRET, {**HEADERS, "webhook-signature": wrong_version}, BODY, at=1614265330
        )


def test_secrets_are_long_and_never_the_same() -> None:
    first, second = signing.new_secret(), signing.new_secret()
    assert first != second
    assert len(signing._bytes(first)) == 32


def test_delays_grow_and_end() -> None:
    waits = [delay_s(attempt) for attempt in range(1, len(DELAYS_S) + 1)]
    assert all(wait is not None for wait in waits)
    assert sum(DELAYS_S) > 2.5 * 86400
    assert delay_s(len(DELAYS_S) + 1) is None


def test_choice_of_events() -> None:
    assert check_events(["*", "*", "folder.*"]) == ["*", "folder.*"]
    assert is_wanted("folder.made", ["folder.*"])
    assert not is_wanted("folder.made", ["document.*"])
    assert not is_wanted("user.signed_in", ["*"]), "only listed events go out"
    with pytest.raises(InvalidError, match=r"There is no event 'folder\.painted'"):
        check_events(["folder.painted"])
