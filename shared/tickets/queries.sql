-- :name record_ticket :exec
-- As its hash; for a minute.
INSERT INTO kontor.tickets (tenant_id, ticket_hash, purpose, user_id, body, expires_at)
VALUES (%(tenant_id)s, %(hash)s, %(purpose)s, %(user_id)s, %(body)s::jsonb,
    now() + make_interval(secs => %(life_s)s));

-- :name take_ticket :one TakenTicket
-- Deleting is taking: of two that come with one ticket, one finds it.
DELETE FROM kontor.tickets
WHERE tenant_id = %(tenant_id)s AND ticket_hash = %(hash)s AND purpose = %(purpose)s
    AND expires_at > now()
RETURNING user_id, body;

-- :name remove_old_tickets :exec
-- What nobody took; whoever makes the next one sweeps.
DELETE FROM kontor.tickets
WHERE tenant_id = %(tenant_id)s AND expires_at <= now();
