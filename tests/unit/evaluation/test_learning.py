"""From judged answers to weights, over the real search: what is fitted, adopted, erased."""

from __future__ import annotations

import time

import pytest

from shared.adapters.database import Database, Session
from shared.answering import service as answering
from shared.answering.model import Question
from shared.documents import trash
from shared.documents.service import remove_document
from shared.evaluation import service, weights
from shared.evaluation.feedback import Correction, Opinion
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import DocumentId, MessageId, TenantId, UserId, new_id
from shared.kernel.settings import Settings
from shared.search import service as search
from shared.search.model import Ranking
from shared.search.tuning import ranking_of
from tests.unit.answering.library import HANDBOOK, LEASE, Shelf
from tests.unit.search.library import Library

FOREVER = float("inf")
PARAPHRASES = {
    "How do I mend a flat bike?": "Repairing a punctured bicycle tyre takes ten minutes.",
    "Who looks after sick pets?": "The veterinarian treats ill dogs and cats.",
    "What keeps food cold?": "A refrigerator chills groceries.",
    "Which animal says meow?": "Cats purr when they are happy.",
    "Where do planes land?": "The airport has two runways.",
    "Who puts out blazes?": "Firefighters extinguish flames.",
    "What cures a headache?": "Aspirin relieves pain in the skull.",
    "How is bread made?": "Bakers knead dough from flour and yeast.",
    "Where can I borrow novels?": "The library lends books to its members.",
    "What tells the time?": "A clock shows the current hour and minute.",
    "Who teaches children?": "The schoolmaster instructs his pupils.",
    "What falls from clouds?": "Rain and snow are precipitation.",
    "How do I send a letter?": "Mail is posted with a stamp on the envelope.",
    "What do vegetarians avoid?": "No meat or fish is served here.",
    "Which metal do magnets attract?": "Iron objects stick to magnetised surfaces.",
    "How do bats see at night?": "Flying mammals navigate in darkness by echo.",
    "What is the capital of France?": "Paris is the seat of the French government.",
    "Who sails ships?": "The captain steers his vessel over the ocean.",
    "What makes plants green?": "Chlorophyll colours leaves.",
    "How long is a marathon?": "Runners cover forty-two kilometres in the race.",
}


@pytest.fixture
def shelf(database: Database, tenant: TenantId, embedder: Embedder) -> Shelf:
    return Shelf(Library(database, tenant, embedder))


@pytest.fixture
def ada(tenant: TenantId) -> Principal:
    return Principal(tenant, UserId(new_id()), "ada@acme.example", "admin")


def ask(database: Database, embedder: Embedder, ada: Principal, question: str) -> MessageId:
    tools = answering.instruments(
        Settings(), database=database, embedder=embedder, open_language_model=lambda *_purpose: None
    )
    return answering.ask(tools, ada, Question(text=question), emit=lambda _: None).message_id


def remember(session: Session, ada: Principal, question: str) -> MessageId:
    """Write a question and an answer to it as they are kept, without the work of answering."""
    conversation, asked, answered = new_id(), new_id(), MessageId(new_id())
    session.connection.execute(
        "INSERT INTO kontor.conversations (tenant_id, id, user_id, title) VALUES (%s, %s, %s, '')",
        (ada.tenant_id, conversation, ada.user_id),
    )
    for message, parent, role, state in (
        (asked, None, "user", "asked"),
        (answered, asked, "assistant", "unknown"),
    ):
        session.connection.execute(
            "INSERT INTO kontor.messages (tenant_id, id, conversation_id, parent_id, role, content,"
            " state) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (ada.tenant_id, message, conversation, parent, role, question, state),
        )
    return answered


def correct(session: Session, ada: Principal, message: MessageId, document: DocumentId) -> None:
    correction = Correction(document_id=document)
    service.give_feedback(session, ada, message, Opinion(verdict="down", correction=correction))


def test_weights_are_fitted_to_corrections_and_hold_for_the_tenant_alone(
    database: Database,
    shelf: Shelf,
    embedder: Embedder,
    ada: Principal,
    other_tenant: TenantId,
) -> None:
    # Question and text share no words: only meaning finds them.
    documents = {
        question: shelf.put(text, title="Note", language="en")
        for question, text in PARAPHRASES.items()
    }
    with database.transaction(ada.tenant_id) as session:
        for question, document in documents.items():
            correct(session, ada, remember(session, ada, question), document)
        start = Ranking(dense_weight_en=0.0)
        fits = weights.fit_feedback(session, embedder, ranking=start, until=FOREVER)
        english = next(each for each in fits if each.language == "en")
        assert english.questions == len(PARAPHRASES)
        assert english.is_accepted, english
        assert english.proposed > 0
        assert english.held_out > english.before
        adopted = weights.adopt(
            session, fits, ranking=start, source="feedback", adopted_by=ada.user_id
        )
        assert ranking_of(session, Settings()) == adopted
    with database.transaction(other_tenant) as session:
        assert ranking_of(session, Settings()) == search.ranking(Settings())


def test_a_gate_that_stays_shut_changes_nothing(
    database: Database, shelf: Shelf, embedder: Embedder, ada: Principal
) -> None:
    document = shelf.put(HANDBOOK, title="Handbook", language="en")
    message = ask(database, embedder, ada, "How long is the probation period?")
    with database.transaction(ada.tenant_id) as session:
        correct(session, ada, message, document)
        fits = weights.fit_feedback(session, embedder, ranking=Ranking(), until=FOREVER)
        assert not any(each.is_accepted for each in fits)
        weights.adopt(session, fits, ranking=Ranking(), source="feedback", adopted_by=ada.user_id)
        assert ranking_of(session, Settings()) == search.ranking(Settings())


def test_measuring_stops_when_its_time_is_over_and_says_how_far_it_got(
    database: Database, shelf: Shelf, embedder: Embedder, ada: Principal
) -> None:
    document = shelf.put(LEASE, title="Mietvertrag", language="de")
    messages = [
        ask(database, embedder, ada, text) for text in ("Wie hoch ist die Miete?", "Welche Frist?")
    ]
    with database.transaction(ada.tenant_id) as session:
        for message in messages:
            correct(session, ada, message, document)
        _, run = service.run_feedback(
            session,
            embedder,
            ranking=Ranking(),
            until=time.monotonic() - 1,
            created_by=ada.user_id,
        )
    assert (run.circumstances["questions"], run.circumstances["judged"]) == (1, 2)


def test_an_erased_document_takes_its_corrections_with_it(
    database: Database, shelf: Shelf, embedder: Embedder, ada: Principal
) -> None:
    document = shelf.put(LEASE, title="Mietvertrag", language="de")
    message = ask(database, embedder, ada, "Wie hoch ist die Miete?")
    with database.transaction(ada.tenant_id) as session:
        correct(session, ada, message, document)
        remove_document(session, document)
        assert service.list_judged(session) == []
        assert len(service.list_feedback(session).items) == 1
        trash.erase(session, document, [])
        assert service.list_feedback(session).items == []


def test_only_the_last_runs_are_kept(
    database: Database, ada: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.evaluation.model import Run

    monkeypatch.setattr(service, "KEPT_RUNS", 3)
    with database.transaction(ada.tenant_id) as session:
        for number in range(5):
            run = Run(kind="retrieval", name=str(number), measures={"ndcg@10": {"q": 1.0}})
            service.keep_run(session, run, created_by=ada.user_id)
        page = service.list_runs(session, limit=2)
        names = [run.name for _, run in page.items]
        page = service.list_runs(session, limit=2, cursor=page.next_cursor)
        names += [run.name for _, run in page.items]
    assert names == ["4", "3", "2"]
