-- :name record_run :exec
-- A run begins at its first node.
INSERT INTO kontor.agent_runs (tenant_id, id, user_id, task, state, next_node, memory)
VALUES (
    %(tenant_id)s, %(run_id)s, %(user_id)s, %(task)s, 'running', %(next_node)s, %(memory)s::jsonb
);

-- :name find_run :one Run
-- A run belongs to the person who began it, not to the whole tenant. Its words are kept back once
-- it rests on what that person may see no more.
SELECT r.id, r.user_id, r.task, r.state, r.next_node, r.steps, r.memory,
    CASE WHEN h.is_withdrawn AND r.answer <> '' THEN %(withdrawn)s ELSE r.answer END AS answer,
    r.answer_state, r.answerer,
    CASE WHEN h.is_withdrawn THEN '[]'::jsonb ELSE r.citations END AS citations,
    CASE WHEN h.is_withdrawn AND r.detail <> '' THEN %(withdrawn)s ELSE r.detail END AS detail,
    r.created_at, r.updated_at, h.is_withdrawn
FROM kontor.agent_runs AS r
CROSS JOIN LATERAL (
    SELECT NOT (SELECT kontor.sees_all()) AND kontor.run_rests_on_hidden(r.id)
) AS h (is_withdrawn)
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(run_id)s AND r.user_id = %(user_id)s;

-- :name list_runs :many Run
-- Newest first; ids are in the order of time.
SELECT r.id, r.user_id, r.task, r.state, r.next_node, r.steps, '{}'::jsonb AS memory,
    CASE WHEN h.is_withdrawn AND r.answer <> '' THEN %(withdrawn)s ELSE r.answer END AS answer,
    r.answer_state, r.answerer,
    CASE WHEN h.is_withdrawn THEN '[]'::jsonb ELSE r.citations END AS citations,
    CASE WHEN h.is_withdrawn AND r.detail <> '' THEN %(withdrawn)s ELSE r.detail END AS detail,
    r.created_at, r.updated_at, h.is_withdrawn
FROM kontor.agent_runs AS r
CROSS JOIN LATERAL (
    SELECT NOT (SELECT kontor.sees_all()) AND kontor.run_rests_on_hidden(r.id)
) AS h (is_withdrawn)
WHERE r.tenant_id = %(tenant_id)s AND r.user_id = %(user_id)s
    AND (%(before)s::uuid IS NULL OR r.id < %(before)s::uuid)
ORDER BY r.id DESC
LIMIT %(limit)s;

-- :name take_run :exec
-- One worker at a time; whoever died keeps it only until its time is over.
UPDATE kontor.agent_runs SET taken_until = now() + make_interval(secs => %(seconds)s)
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND state = 'running'
    AND (taken_until IS NULL OR taken_until < now());

-- :name release_run :exec
-- So that the next may go on at once.
UPDATE kontor.agent_runs SET taken_until = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s;

-- :name change_run :exec
-- After a step; a run that was cancelled meanwhile, or went on elsewhere, stays as it is.
UPDATE kontor.agent_runs
SET state = %(state)s, next_node = %(next_node)s, steps = %(number)s, memory = %(memory)s::jsonb,
    answer = %(answer)s, answer_state = %(answer_state)s, answerer = %(answerer)s,
    citations = %(citations)s::jsonb, detail = %(detail)s, updated_at = now(),
    taken_until = now() + make_interval(secs => %(seconds)s)
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND state = 'running'
    AND steps = %(number)s - 1;

-- :name change_state :exec
-- From one of the states in which that is allowed; an ended run forgets what it found.
UPDATE kontor.agent_runs
SET state = %(state)s, detail = %(detail)s, updated_at = now(), taken_until = NULL,
    memory = CASE WHEN %(state)s IN ('cancelled', 'failed') THEN '{}'::jsonb ELSE memory END
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND state = ANY (%(allowed)s);

-- :name go_on :exec
-- After a reply or a decision: what the run remembers now, and where it goes on.
UPDATE kontor.agent_runs
SET state = 'running', detail = '', next_node = %(next_node)s, memory = %(memory)s::jsonb,
    updated_at = now(), taken_until = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND state = ANY (%(allowed)s);

-- :name decline :exec
-- Its user said no: the run ends, and nothing was changed.
UPDATE kontor.agent_runs
SET state = 'done', answer = %(answer)s, answer_state = 'answer', answerer = 'action',
    detail = '', memory = '{}', updated_at = now(), taken_until = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND state = 'waiting';

-- :name record_step :exec
-- What a run did, in a sentence.
INSERT INTO kontor.agent_steps (tenant_id, run_id, number, node, title, took_ms)
VALUES (%(tenant_id)s, %(run_id)s, %(number)s, %(node)s, %(title)s, %(took_ms)s);

-- :name record_sources :exec
-- What a run rests on, more of it step by step.
INSERT INTO kontor.agent_sources (tenant_id, run_id, document_id)
SELECT %(tenant_id)s, %(run_id)s, unnest(%(document_ids)s::uuid[])
ON CONFLICT DO NOTHING;

-- :name list_steps :many Step
-- In their order.
SELECT number, node,
    CASE WHEN NOT (SELECT kontor.sees_all())
            AND (SELECT kontor.run_rests_on_hidden(%(run_id)s))
        THEN %(withdrawn)s ELSE title END AS title,
    took_ms, created_at
FROM kontor.agent_steps
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s
ORDER BY number
LIMIT 200;

-- :name record_action :exec
-- The id comes from run and step, so a step that is done twice proposes once.
INSERT INTO kontor.agent_actions (tenant_id, id, run_id, tool, arguments, title, state)
VALUES (
    %(tenant_id)s, %(action_id)s, %(run_id)s, %(tool)s, %(arguments)s::jsonb, %(title)s, 'proposed'
)
ON CONFLICT (tenant_id, id) DO NOTHING;

-- :name find_action :one Action
-- Held until the transaction ends: two answers to one question take turns.
SELECT id, tool, arguments, title, state, result, created_at
FROM kontor.agent_actions
WHERE tenant_id = %(tenant_id)s AND id = %(action_id)s AND run_id = %(run_id)s
FOR UPDATE;

-- :name list_actions :many Action
-- In their order; what they would change is kept back with the run's words.
SELECT a.id, a.tool,
    CASE WHEN h.is_withdrawn THEN '{}'::jsonb ELSE a.arguments END AS arguments,
    CASE WHEN h.is_withdrawn THEN %(withdrawn)s ELSE a.title END AS title,
    a.state, CASE WHEN h.is_withdrawn THEN '{}'::jsonb ELSE a.result END AS result, a.created_at
FROM kontor.agent_actions AS a
CROSS JOIN (
    SELECT NOT (SELECT kontor.sees_all()) AND kontor.run_rests_on_hidden(%(run_id)s)
) AS h (is_withdrawn)
WHERE a.tenant_id = %(tenant_id)s AND a.run_id = %(run_id)s
ORDER BY a.created_at, a.id
LIMIT 200;

-- :name change_action :exec
-- From one state to the next; nothing is carried out that was not confirmed before.
UPDATE kontor.agent_actions
SET state = %(state)s, result = %(result)s::jsonb, updated_at = now(),
    decided_by = coalesce(decided_by, %(decided_by)s)
WHERE tenant_id = %(tenant_id)s AND id = %(action_id)s AND state = %(before)s;

-- :name list_titled :many Titled
-- Documents by title: the very words first, then those that have them in it.
SELECT id, title
FROM kontor.documents
WHERE tenant_id = %(tenant_id)s AND removed_at IS NULL AND current_version_id IS NOT NULL
    AND strpos(lower(title), lower(%(title)s)) > 0
ORDER BY lower(title) <> lower(%(title)s), title, id
LIMIT %(limit)s;

-- :name erase_runs :exec
-- An answer may say the erased document's words or title anywhere, so all of it goes.
UPDATE kontor.agent_runs AS r
SET answer = %(answer)s, citations = '[]', detail = '', memory = '{}',
    state = CASE WHEN r.state IN ('running', 'waiting', 'asking') THEN 'failed' ELSE r.state END
WHERE r.tenant_id = %(tenant_id)s AND EXISTS (
    SELECT 1 FROM kontor.agent_sources AS s
    WHERE s.tenant_id = %(tenant_id)s AND s.run_id = r.id AND s.document_id = %(document_id)s::uuid
);

-- :name erase_steps :exec
-- Whatever a model planned after it had read the document may name what stands there.
UPDATE kontor.agent_steps AS t SET title = %(title)s
WHERE t.tenant_id = %(tenant_id)s AND EXISTS (
    SELECT 1 FROM kontor.agent_sources AS s
    WHERE s.tenant_id = %(tenant_id)s AND s.run_id = t.run_id
        AND s.document_id = %(document_id)s::uuid
);

-- :name remove_sources :exec
-- Its words are out of every run that rested on it.
DELETE FROM kontor.agent_sources
WHERE tenant_id = %(tenant_id)s AND document_id = %(document_id)s::uuid;

-- :name erase_actions :exec
-- What was to be done stays as a fact; title and figures of the document go.
UPDATE kontor.agent_actions
SET title = %(title)s, result = '{}',
    arguments = jsonb_build_object('document_id', %(document_id)s::text)
WHERE tenant_id = %(tenant_id)s AND arguments ->> 'document_id' = %(document_id)s::text;

-- :name remove_old_runs :exec
-- Steps and proposed changes go with them; a few at a time.
DELETE FROM kontor.agent_runs AS r
WHERE r.tenant_id = %(tenant_id)s AND r.id = ANY (ARRAY(
    SELECT o.id FROM kontor.agent_runs AS o
    WHERE o.tenant_id = %(tenant_id)s AND o.updated_at < now() - make_interval(days => %(days)s)
    ORDER BY o.updated_at
    LIMIT 500
));
