-- Conversations become trees: a question may be asked anew in other words, an answer given anew.
-- They can be named, pinned, put away, searched, and forgotten after a time.

ALTER TABLE kontor.messages DROP CONSTRAINT messages_state_check;
ALTER TABLE kontor.messages
    ADD CONSTRAINT messages_state_check CHECK (
        state IN ('asked', 'answer', 'related', 'unknown', 'stopped', 'smalltalk')
    ),
    -- The message this one follows: an answer its question, a question the answer before it.
    ADD COLUMN parent_id uuid,
    -- What the library was asked, where that differs from the words of the question.
    ADD COLUMN condensed text NOT NULL DEFAULT '',
    ADD COLUMN confidence real CHECK (confidence BETWEEN 0 AND 1),
    -- Both languages' stems: who looks for a word need not know which it was said in.
    ADD COLUMN lexemes tsvector NOT NULL GENERATED ALWAYS AS (
        to_tsvector('german'::regconfig, left(content, 100000))
        || to_tsvector('english'::regconfig, left(content, 100000))
    ) STORED;
-- Until now every conversation was one line.
UPDATE kontor.messages AS m SET parent_id = before.parent_id
FROM (
    SELECT tenant_id, id, lag(id) OVER (
        PARTITION BY tenant_id, conversation_id ORDER BY id
    ) AS parent_id
    FROM kontor.messages
) AS before
WHERE before.tenant_id = m.tenant_id AND before.id = m.id AND before.parent_id IS NOT NULL;

ALTER TABLE kontor.conversations
    -- The last message of the branch that is shown; NULL means the newest.
    ADD COLUMN leaf_id uuid,
    -- A person gave it this title; no model changes it any more.
    ADD COLUMN is_named boolean NOT NULL DEFAULT false,
    ADD COLUMN is_pinned boolean NOT NULL DEFAULT false,
    ADD COLUMN is_archived boolean NOT NULL DEFAULT false;
CREATE INDEX conversations_age ON kontor.conversations (tenant_id, updated_at);

-- Answers being given at this moment, so that somebody else can stop them.
CREATE UNLOGGED TABLE kontor.running_answers (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    is_stopped boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, message_id)
);
ALTER TABLE kontor.running_answers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.running_answers
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.running_answers TO kontor_app;

-- How long a tenant keeps conversations; a tenant without a row has the deployment's setting.
CREATE TABLE kontor.conversation_settings (
    tenant_id uuid PRIMARY KEY REFERENCES kontor.tenants (id),
    keep_days integer NOT NULL CHECK (keep_days BETWEEN 0 AND 36500),
    changed_by uuid NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE kontor.conversation_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.conversation_settings
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.conversation_settings TO kontor_app;
-- What a question was condensed to may hold words of an erased document.
GRANT UPDATE (condensed) ON kontor.messages TO kontor_app;
