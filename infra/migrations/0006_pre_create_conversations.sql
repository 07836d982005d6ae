-- Conversations, their messages, and the citations that prove the answers.

CREATE TABLE kontor.conversations (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    title text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX conversations_user ON kontor.conversations (tenant_id, user_id, id);
ALTER TABLE kontor.conversations ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.conversations
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.conversations TO kontor_app;

CREATE TABLE kontor.messages (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    content text NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'answer', 'related', 'unknown', 'stopped')),
    answerer text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, conversation_id)
        REFERENCES kontor.conversations (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX messages_conversation ON kontor.messages (tenant_id, conversation_id, id);
ALTER TABLE kontor.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.messages
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.messages TO kontor_app;

CREATE TABLE kontor.citations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    message_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    document_id uuid NOT NULL,
    version_id uuid NOT NULL,
    title text NOT NULL,
    heading_path text[] NOT NULL DEFAULT '{}',
    page integer,
    boxes jsonb NOT NULL DEFAULT '[]',
    span_start integer NOT NULL,
    span_end integer NOT NULL CHECK (span_end > span_start),
    quote text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, message_id, number),
    FOREIGN KEY (tenant_id, message_id)
        REFERENCES kontor.messages (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE kontor.citations ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.citations
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON kontor.citations TO kontor_app;
