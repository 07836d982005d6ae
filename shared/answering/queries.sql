-- :name find_conversation :one Conversation
-- A conversation belongs to the person who began it, not to the whole tenant.
SELECT id, title, created_at, updated_at, is_pinned, is_archived, leaf_id
FROM kontor.conversations
WHERE tenant_id = %(tenant_id)s AND id = %(conversation_id)s AND user_id = %(user_id)s;

-- :name list_conversations :many Conversation
-- Pinned ones first, then newest first; ids are in the order of time.
SELECT id, title, created_at, updated_at, is_pinned, is_archived, leaf_id
FROM kontor.conversations
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND is_archived = %(is_archived)s
    AND (
        %(before)s::uuid IS NULL OR (is_pinned, id) < (%(before_pinned)s::boolean, %(before)s::uuid)
    )
ORDER BY is_pinned DESC, id DESC
LIMIT %(limit)s;

-- :name record_conversation :exec
-- The first question is the title. A repeat only says that something was added: of two devices
-- that ask at once, neither may fail.
INSERT INTO kontor.conversations (tenant_id, id, user_id, title, leaf_id)
VALUES (%(tenant_id)s, %(conversation_id)s, %(user_id)s, %(title)s, %(leaf_id)s)
ON CONFLICT (tenant_id, id) DO UPDATE
SET updated_at = now(), leaf_id = excluded.leaf_id, is_archived = false
WHERE kontor.conversations.user_id = %(user_id)s;

-- :name change_conversation :exec
-- What is NULL stays as it is. A title somebody gave is never replaced by a model's.
UPDATE kontor.conversations
SET title = coalesce(%(title)s::text, title), is_named = is_named OR %(is_named)s,
    is_pinned = coalesce(%(is_pinned)s::boolean, is_pinned),
    is_archived = coalesce(%(is_archived)s::boolean, is_archived)
WHERE tenant_id = %(tenant_id)s AND id = %(conversation_id)s AND user_id = %(user_id)s
    AND (%(is_named)s OR %(title)s::text IS NULL OR NOT is_named);

-- :name change_leaf :exec
-- Show another branch.
UPDATE kontor.conversations SET leaf_id = %(leaf_id)s
WHERE tenant_id = %(tenant_id)s AND id = %(conversation_id)s AND user_id = %(user_id)s;

-- :name remove_conversation :exec
-- Messages and citations go with it.
DELETE FROM kontor.conversations
WHERE tenant_id = %(tenant_id)s AND id = %(conversation_id)s AND user_id = %(user_id)s;

-- :name remove_old_conversations :exec
-- What nobody has gone on with for longer than the tenant keeps it; a few at a time.
DELETE FROM kontor.conversations AS c
WHERE c.tenant_id = %(tenant_id)s AND c.id = ANY (ARRAY(
    SELECT o.id FROM kontor.conversations AS o
    WHERE o.tenant_id = %(tenant_id)s AND o.updated_at < now() - make_interval(days => %(days)s)
    ORDER BY o.updated_at
    LIMIT 500
));

-- :name record_message :exec
-- Question or answer.
INSERT INTO kontor.messages (
    tenant_id, id, conversation_id, role, content, state, answerer, parent_id, condensed, confidence
)
VALUES (
    %(tenant_id)s, %(message_id)s, %(conversation_id)s, %(role)s, %(content)s, %(state)s,
    %(answerer)s, %(parent_id)s, %(condensed)s, %(confidence)s
);

-- :name list_messages :many MessageRow
-- The last ones, newest first; the caller turns them round. The words of an answer that rests on
-- what its reader may see no more are kept back, and so is what a model made of later questions
-- after it had read them.
SELECT m.id, m.role, CASE WHEN m.is_hidden THEN %(withdrawn)s::text ELSE m.content END AS content,
    m.state, m.answerer, m.created_at, m.parent_id,
    CASE WHEN m.follows_hidden THEN '' ELSE m.condensed END AS condensed, m.confidence
FROM (
    SELECT h.id, h.role, h.content, h.state, h.answerer, h.created_at, h.parent_id, h.condensed,
        h.confidence, h.is_hidden, coalesce(bool_or(h.is_hidden) OVER (
        ORDER BY h.id ROWS UNBOUNDED PRECEDING
    ), false) AS follows_hidden
    FROM (
        SELECT a.id, a.role, a.content, a.state, a.answerer, a.created_at, a.parent_id,
            a.condensed, a.confidence, a.role = 'assistant' AND NOT (SELECT kontor.sees_all())
                AND kontor.cites_hidden(a.id) AS is_hidden
        FROM kontor.messages AS a
        WHERE a.tenant_id = %(tenant_id)s AND a.conversation_id = %(conversation_id)s
    ) AS h
) AS m
ORDER BY m.id DESC
LIMIT %(limit)s;

-- :name find_message :one MessagePlace
-- Only messages of the asker's own conversations are theirs.
SELECT m.id, m.conversation_id, m.role
FROM kontor.messages AS m
JOIN kontor.conversations AS v ON v.tenant_id = %(tenant_id)s AND v.id = m.conversation_id
WHERE m.tenant_id = %(tenant_id)s AND m.id = %(message_id)s AND v.user_id = %(user_id)s;

-- :name list_found :many FoundRow
-- By the stems of either language, or by the letters themselves; newest first. A title that fits
-- finds the conversation's first message. Answers that rest on what is hidden now are not found.
SELECT m.id, m.conversation_id, v.title, m.role, m.content, m.created_at
FROM kontor.conversations AS v
JOIN kontor.messages AS m ON m.tenant_id = %(tenant_id)s AND m.conversation_id = v.id
WHERE v.tenant_id = %(tenant_id)s AND v.user_id = %(user_id)s
    AND (%(before)s::uuid IS NULL OR m.id < %(before)s::uuid)
    AND (
        m.lexemes @@ (
            websearch_to_tsquery('german', %(query)s) || websearch_to_tsquery('english', %(query)s)
        )
        OR m.content ILIKE ALL (%(patterns)s)
        OR (m.parent_id IS NULL AND v.title ILIKE ALL (%(patterns)s))
    )
    AND (m.role = 'user' OR (SELECT kontor.sees_all()) OR NOT kontor.cites_hidden(m.id))
ORDER BY m.id DESC
LIMIT %(limit)s;

-- :name record_running :exec
-- An answer has begun.
INSERT INTO kontor.running_answers (tenant_id, message_id, user_id)
VALUES (%(tenant_id)s, %(message_id)s, %(user_id)s);

-- :name find_running :one Running
-- Whether somebody has asked an answer to stop.
SELECT is_stopped
FROM kontor.running_answers
WHERE tenant_id = %(tenant_id)s AND message_id = %(message_id)s;

-- :name stop_running :exec
-- Only who asked may stop it.
UPDATE kontor.running_answers SET is_stopped = true
WHERE tenant_id = %(tenant_id)s AND message_id = %(message_id)s AND user_id = %(user_id)s;

-- :name remove_running :exec
-- The answer has ended.
DELETE FROM kontor.running_answers
WHERE tenant_id = %(tenant_id)s AND message_id = %(message_id)s;

-- :name remove_lost_running :exec
-- A crash leaves its row behind; no answer takes an hour.
DELETE FROM kontor.running_answers
WHERE tenant_id = %(tenant_id)s AND started_at < now() - interval '1 hour';

-- :name find_keeping :one Keeping
-- How long the tenant keeps conversations, if it has said so.
SELECT keep_days
FROM kontor.conversation_settings
WHERE tenant_id = %(tenant_id)s;

-- :name record_keeping :exec
-- The tenant's word replaces its former one.
INSERT INTO kontor.conversation_settings (tenant_id, keep_days, changed_by)
VALUES (%(tenant_id)s, %(keep_days)s, %(changed_by)s)
ON CONFLICT (tenant_id) DO UPDATE
SET keep_days = excluded.keep_days, changed_by = excluded.changed_by, updated_at = now();

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

-- :name record_sources :exec
-- What an answer rests on: documents, and whatever the answers before it rest on.
INSERT INTO kontor.message_sources (tenant_id, message_id, document_id)
WITH RECURSIVE earlier AS (
    SELECT m.id, m.parent_id, 1 AS depth
    FROM kontor.messages AS m
    WHERE m.tenant_id = %(tenant_id)s AND m.id = %(follows)s::uuid
    UNION ALL
    SELECT m.id, m.parent_id, e.depth + 1
    FROM earlier AS e
    JOIN kontor.messages AS m ON m.tenant_id = %(tenant_id)s AND m.id = e.parent_id
    WHERE e.depth < 20
)
SELECT %(tenant_id)s, %(message_id)s, d.document_id
FROM (
    SELECT unnest(%(document_ids)s::uuid[]) AS document_id
    UNION
    SELECT s.document_id
    FROM earlier AS e
    JOIN kontor.message_sources AS s ON s.tenant_id = %(tenant_id)s AND s.message_id = e.id
) AS d
ON CONFLICT DO NOTHING;

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
    SELECT 1 FROM kontor.message_sources AS s
    WHERE s.tenant_id = %(tenant_id)s AND s.message_id = m.id
        AND s.document_id = %(document_id)s
);

-- :name erase_condensed :exec
-- A model that condensed a question had read the answers before it.
UPDATE kontor.messages AS m SET condensed = ''
WHERE m.tenant_id = %(tenant_id)s AND m.condensed <> '' AND m.conversation_id IN (
    SELECT a.conversation_id
    FROM kontor.message_sources AS s
    JOIN kontor.messages AS a ON a.tenant_id = %(tenant_id)s AND a.id = s.message_id
    WHERE s.tenant_id = %(tenant_id)s AND s.document_id = %(document_id)s
);

-- :name remove_sources :exec
-- Its words are out of everything that rested on it.
DELETE FROM kontor.message_sources
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s;

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
