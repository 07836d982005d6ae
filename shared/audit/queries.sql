-- :name record_event :one Recorded
-- Commits with the change it tells of; the role has no right to update or delete.
INSERT INTO kontor.audit_events
    (tenant_id, id, actor_id, action, subject, correlation_id, details, outcome, tier,
    before_hash, after_hash)
VALUES (%(tenant_id)s, %(id)s, %(actor_id)s, %(action)s, %(subject)s, %(correlation_id)s,
    %(details)s::jsonb, %(outcome)s, %(tier)s, %(before_hash)s, %(after_hash)s)
RETURNING id, at;

-- :name list_events :many AuditEvent
-- Newest first; ids are time-ordered, so the id alone is the paging key.
SELECT e.id, e.at, e.actor_id, e.action, e.subject, e.correlation_id, e.details, e.outcome,
    e.tier, e.credential, e.session_id, e.address, e.user_agent, e.before_hash, e.after_hash,
    l.sequence, l.hash, e.details::text AS details_text
FROM kontor.audit_events AS e
LEFT JOIN kontor.audit_links AS l ON l.tenant_id = e.tenant_id AND l.event_id = e.id
WHERE e.tenant_id = %(tenant_id)s
    AND (%(before)s::uuid IS NULL OR e.id < %(before)s)
    AND (%(action)s::text IS NULL OR e.action = %(action)s OR e.action ^@ (%(action)s || '.'))
    AND (%(subject)s::text IS NULL OR e.subject = %(subject)s)
    AND (%(actor_id)s::uuid IS NULL OR e.actor_id = %(actor_id)s)
    AND (%(outcome)s::text IS NULL OR e.outcome = %(outcome)s)
    AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR e.at < %(until)s)
ORDER BY e.id DESC
LIMIT %(limit)s;

-- :name list_chained :many AuditEvent
-- In the order of the chain: for exports, which can be checked elsewhere.
SELECT e.id, e.at, e.actor_id, e.action, e.subject, e.correlation_id, e.details, e.outcome,
    e.tier, e.credential, e.session_id, e.address, e.user_agent, e.before_hash, e.after_hash,
    l.sequence, l.hash, e.details::text AS details_text
FROM kontor.audit_links AS l
JOIN kontor.audit_events AS e ON e.tenant_id = l.tenant_id AND e.id = l.event_id
WHERE l.tenant_id = %(tenant_id)s AND e.tenant_id = %(tenant_id)s AND l.sequence > %(after)s
    AND (%(action)s::text IS NULL OR e.action = %(action)s OR e.action ^@ (%(action)s || '.'))
    AND (%(subject)s::text IS NULL OR e.subject = %(subject)s)
    AND (%(actor_id)s::uuid IS NULL OR e.actor_id = %(actor_id)s)
    AND (%(outcome)s::text IS NULL OR e.outcome = %(outcome)s)
    AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR e.at < %(until)s)
ORDER BY l.sequence
LIMIT %(limit)s;

-- :name list_links :many Link
-- Links of chosen places: an anchor is compared with what stands there now.
SELECT sequence, event_id, at, tier, content_hash, hash
FROM kontor.audit_links
WHERE tenant_id = %(tenant_id)s AND sequence = ANY (%(sequences)s)
ORDER BY sequence
LIMIT 10000;

-- :name find_head :one Head
-- The chain's end; no row before the first entry.
SELECT sequence, hash FROM kontor.audit_heads WHERE tenant_id = %(tenant_id)s;

-- :name find_checkpoint :one Head
-- Where the chain begins now, when its oldest part has been removed.
SELECT sequence, hash FROM kontor.audit_checkpoints WHERE tenant_id = %(tenant_id)s;

-- :name find_link_hash :one Head
-- The hash to go on from when a check continues.
SELECT sequence, hash FROM kontor.audit_links
WHERE tenant_id = %(tenant_id)s AND sequence = %(sequence)s;

-- :name check_stretch :one Stretch
-- The database computes every hash anew; see the function.
SELECT checked, last_sequence, last_hash, bad_sequence, bad_event, problem
FROM kontor.check_trail(%(tenant_id)s, %(after)s, %(previous)s, %(most)s);

-- :name expire_entries :one Expired
-- Only what its tier allows goes, whoever asks.
SELECT kontor.expire_trail(%(most)s) AS count;

-- :name find_unanchored_head :one Head
-- The head to anchor today: none when today's is anchored or nothing happened since.
SELECT h.sequence, h.hash
FROM kontor.audit_heads AS h
WHERE h.tenant_id = %(tenant_id)s AND NOT EXISTS (
    SELECT 1 FROM kontor.audit_anchors AS a
    WHERE a.tenant_id = %(tenant_id)s AND (a.day = current_date OR a.sequence = h.sequence)
);

-- :name record_anchor :exec
-- Once a day and tenant.
INSERT INTO kontor.audit_anchors (tenant_id, day, sequence, hash)
VALUES (%(tenant_id)s, %(day)s, %(sequence)s, %(hash)s)
ON CONFLICT DO NOTHING;
