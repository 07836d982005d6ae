-- :name find_conversation :one Conversation
-- A conversation belongs to the person who began it, not to the whole tenant.
SELECT id, title, created_at, updated_at
FROM kontor.conversations
WHERE tenant_id = %(tenant_id)s AND id = %(conversation_id)s AND user_id = %(user_id)s;

-- :name list_conversations :many Conversation
-- Newest first; ids are in the order of time.
SELECT id, title, created_at, updated_at
FROM kontor.conversations
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
    AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s;

-- :name record_conversation :exec
-- The first question is the title. A repeat only says that something was added: of two devices
-- that ask at once, neither may fail.
INSERT INTO kontor.conversations (tenant_id, id, user_id, title)
VALUES (%(tenant_id)s, %(conversation_id)s, %(user_id)s, %(title)s)
ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = now()
WHERE kontor.conversations.user_id = %(user_id)s;

-- :name remove_conversation :exec
-- Messages and citations go with it.
DELETE FROM kontor.conversations
WHERE tenant_id = %(tenant_id)s AND id = %(conversation_id)s AND user_id = %(user_id)s;

-- :name record_message :exec
-- Question or answer.
INSERT INTO kontor.messages (tenant_id, id, conversation_id, role, content, state, answerer)
VALUES (
    %(tenant_id)s, %(message_id)s, %(conversation_id)s, %(role)s, %(content)s, %(state)s,
    %(answerer)s
);

-- :name list_messages :many MessageRow
-- The last ones, newest first; the caller turns them round.
SELECT id, role, content, state, answerer, created_at
FROM kontor.messages
WHERE tenant_id = %(tenant_id)s AND conversation_id = %(conversation_id)s
ORDER BY id DESC
LIMIT %(limit)s;

-- :name record_citation :exec
-- Copied in full: a citation stays readable when its document moves on to another version.
INSERT INTO kontor.citations (
    tenant_id, id, message_id, number, document_id, version_id, title, heading_path, page, boxes,
    span_start, span_end, quote, reading, cells
)
VALUES (
    %(tenant_id)s, %(id)s, %(message_id)s, %(number)s, %(document_id)s, %(version_id)s, %(title)s,
    %(heading_path)s, %(page)s, %(boxes)s::jsonb, %(start)s, %(end)s, %(quote)s,
    %(reading)s, %(cells)s::jsonb
);

-- :name list_citations :many CitationRow
-- All citations of a conversation in one go.
SELECT c.message_id, c.id, c.number, c.document_id, c.version_id, c.title, c.heading_path, c.page,
    c.boxes, c.span_start AS start, c.span_end AS "end", c.quote, c.reading, c.cells
FROM kontor.citations AS c
JOIN kontor.messages AS m ON m.tenant_id = %(tenant_id)s AND m.id = c.message_id
WHERE c.tenant_id = %(tenant_id)s AND m.conversation_id = %(conversation_id)s
ORDER BY c.message_id, c.number
LIMIT 10000;

-- :name find_citation :one CitationRow
-- Only citations given to the asker are theirs.
SELECT c.message_id, c.id, c.number, c.document_id, c.version_id, c.title, c.heading_path, c.page,
    c.boxes, c.span_start AS start, c.span_end AS "end", c.quote, c.reading, c.cells
FROM kontor.citations AS c
JOIN kontor.messages AS m ON m.tenant_id = %(tenant_id)s AND m.id = c.message_id
JOIN kontor.conversations AS v ON v.tenant_id = %(tenant_id)s AND v.id = m.conversation_id
WHERE c.tenant_id = %(tenant_id)s AND c.id = %(citation_id)s AND v.user_id = %(user_id)s;

-- :name erase_answers :exec
-- An answer may say the erased document's words anywhere, so all of it goes.
UPDATE kontor.messages AS m SET content = %(content)s
WHERE m.tenant_id = %(tenant_id)s AND m.role = 'assistant' AND EXISTS (
    SELECT 1 FROM kontor.citations AS c
    WHERE c.tenant_id = %(tenant_id)s AND c.message_id = m.id AND c.document_id = %(document_id)s
);

-- :name erase_quotes :exec
-- The citation stays as a place where something was; its words, cells, title and boxes go.
UPDATE kontor.citations
SET title = %(title)s, quote = '', heading_path = '{}', boxes = '[]', cells = '[]',
    page = NULL
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s;

-- :name list_cached_answers :many CachedAnswer
-- A scope holds what was asked since the corpus last changed, so it is read whole. Vectors of one
-- scope are of one model and have one width.
SELECT a.question, a.answer
FROM kontor.answer_cache AS a
WHERE a.tenant_id = %(tenant_id)s AND a.scope = %(scope)s AND a.expires_at > now()
    AND -(a.embedding OPERATOR(public.<#>) %(vector)s::public.halfvec) >= %(least)s
ORDER BY a.embedding OPERATOR(public.<#>) %(vector)s::public.halfvec, a.id DESC
LIMIT %(most)s;

-- :name record_cached_answer :exec
-- Once per question: whoever was slower leaves the first answer.
INSERT INTO kontor.answer_cache (tenant_id, id, scope, question, embedding, answer, expires_at)
SELECT %(tenant_id)s, %(id)s, %(scope)s, %(question)s, %(embedding)s::public.halfvec,
    %(answer)s::jsonb, now() + make_interval(secs => %(kept_s)s)
WHERE NOT EXISTS (
    SELECT 1 FROM kontor.answer_cache AS a
    WHERE a.tenant_id = %(tenant_id)s AND a.scope = %(scope)s AND a.question = %(question)s
        AND a.expires_at > now()
);
