-- :name list_routes :many Route
-- The tenant's own, in the order they are asked.
SELECT name, model, purposes, tier, weight, api_base, key_secret, timeout_s, context_tokens,
    price_in_usd, price_out_usd, is_direct, false AS is_deployments
FROM kontor.llm_routes
WHERE tenant_id = %(tenant_id)s
ORDER BY tier, name
LIMIT 100;

-- :name record_route :exec
-- A route of this name is replaced.
INSERT INTO kontor.llm_routes (
    tenant_id, name, model, purposes, tier, weight, api_base, key_secret, timeout_s,
    context_tokens, price_in_usd, price_out_usd, is_direct
)
VALUES (
    %(tenant_id)s, %(name)s, %(model)s, %(purposes)s, %(tier)s, %(weight)s, %(api_base)s,
    %(key_secret)s, %(timeout_s)s, %(context_tokens)s, %(price_in_usd)s, %(price_out_usd)s,
    %(is_direct)s
)
ON CONFLICT (tenant_id, name) DO UPDATE SET
    model = excluded.model, purposes = excluded.purposes, tier = excluded.tier,
    weight = excluded.weight, api_base = excluded.api_base, key_secret = excluded.key_secret,
    timeout_s = excluded.timeout_s, context_tokens = excluded.context_tokens,
    price_in_usd = excluded.price_in_usd, price_out_usd = excluded.price_out_usd,
    is_direct = excluded.is_direct, changed_at = now();

-- :name remove_route :exec
-- Zero rows: there was none of this name.
DELETE FROM kontor.llm_routes
WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- :name list_budgets :many Budget
-- At most four: two scopes, two periods.
SELECT scope, period, tokens, cost_nanousd, when_spent
FROM kontor.llm_budgets
WHERE tenant_id = %(tenant_id)s
ORDER BY scope, period
LIMIT 4;

-- :name record_budget :exec
-- A budget of this scope and period is replaced.
INSERT INTO kontor.llm_budgets (tenant_id, scope, period, tokens, cost_nanousd, when_spent)
VALUES (
    %(tenant_id)s, %(scope)s, %(period)s, %(tokens)s::bigint, %(cost_nanousd)s::bigint,
    %(when_spent)s
)
ON CONFLICT (tenant_id, scope, period) DO UPDATE SET
    tokens = excluded.tokens, cost_nanousd = excluded.cost_nanousd,
    when_spent = excluded.when_spent, changed_at = now();

-- :name remove_budget :exec
-- Zero rows: there was none.
DELETE FROM kontor.llm_budgets
WHERE tenant_id = %(tenant_id)s AND scope = %(scope)s AND period = %(period)s;

-- :name lock_calls :exec
-- What one tenant's calls reserve and take, they do one after another: two could each see the last
-- tokens free, or the same route idle.
SELECT pg_advisory_xact_lock(hashtextextended('llm_calls:' || %(tenant_id)s::uuid::text, 0));

-- :name find_spent :one Spent
-- What was settled since a day, and what calls under way have reserved. A call whose function died
-- is taken for what it had to read, a quarter of an hour after it began.
SELECT
    coalesce(sum(s.tokens), 0)::bigint AS tokens,
    coalesce(sum(s.cost_nanousd), 0)::bigint AS cost_nanousd
FROM (
    SELECT tokens_in + tokens_out AS tokens, cost_nanousd
    FROM kontor.llm_spending
    WHERE tenant_id = %(tenant_id)s AND day >= %(since)s::date
        AND (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)
    UNION ALL
    SELECT
        CASE
            WHEN created_at > now() - interval '15 minutes' THEN reserved_tokens ELSE tokens_in
        END AS tokens,
        CASE
            WHEN created_at > now() - interval '15 minutes' THEN reserved_nanousd ELSE 0
        END AS cost_nanousd
    FROM kontor.llm_calls
    WHERE tenant_id = %(tenant_id)s AND state IN ('reserved', 'taken')
        AND created_at >= (%(since)s::date)::timestamp AT TIME ZONE 'UTC'
        AND (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)
) AS s;

-- :name record_call :exec
-- The reservation; tokens_in is the estimate until it is settled.
INSERT INTO kontor.llm_calls (
    tenant_id, id, user_id, purpose, reserved_tokens, reserved_nanousd, tokens_in
)
VALUES (
    %(tenant_id)s, %(id)s, %(user_id)s::uuid, %(purpose)s, %(reserved_tokens)s,
    %(reserved_nanousd)s, %(tokens_in)s
);

-- :name change_call_to_taken :one TakenCall
-- Once, and soon after it was reserved: whoever holds the id speaks for the reservation.
UPDATE kontor.llm_calls SET state = 'taken'
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'reserved'
    AND created_at > now() - interval '2 minutes'
RETURNING user_id, purpose, reserved_tokens;

-- :name change_call_route :exec
-- Which route is being asked now: what others count as its load.
UPDATE kontor.llm_calls SET route = %(route)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name change_call_to_settled :exec
-- A call is settled once; only who took it for lost is corrected by who knows what it took.
UPDATE kontor.llm_calls SET
    state = %(state)s, route = %(route)s, model = %(model)s, tokens_in = %(tokens_in)s,
    tokens_out = %(tokens_out)s, cost_nanousd = %(cost_nanousd)s, is_estimated = %(is_estimated)s,
    first_word_ms = %(first_word_ms)s, duration_ms = %(duration_ms)s, problem = %(problem)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND (
    state IN ('reserved', 'taken') OR (state = 'failed' AND model = '' AND %(model)s <> '')
);

-- :name record_spending :exec
-- Adds to the day of the person and model.
INSERT INTO kontor.llm_spending (
    tenant_id, day, user_id, model, calls, failed, tokens_in, tokens_out, cost_nanousd
)
VALUES (
    %(tenant_id)s, (now() AT TIME ZONE 'UTC')::date, %(user_id)s, %(model)s, 1, %(failed)s,
    %(tokens_in)s, %(tokens_out)s, %(cost_nanousd)s
)
ON CONFLICT (tenant_id, day, user_id, model) DO UPDATE SET
    calls = llm_spending.calls + 1,
    failed = llm_spending.failed + excluded.failed,
    tokens_in = llm_spending.tokens_in + excluded.tokens_in,
    tokens_out = llm_spending.tokens_out + excluded.tokens_out,
    cost_nanousd = llm_spending.cost_nanousd + excluded.cost_nanousd;

-- :name remove_old_calls :exec
-- A few at a time, whenever one is settled; what they took stays in llm_spending.
DELETE FROM kontor.llm_calls AS c
WHERE c.tenant_id = %(tenant_id)s AND c.id IN (
    SELECT o.id FROM kontor.llm_calls AS o
    WHERE o.tenant_id = %(tenant_id)s AND o.created_at < now() - interval '35 days'
    ORDER BY o.created_at
    LIMIT 20
);

-- :name list_spending :many Spending
-- By day, person and model, the newest day first.
SELECT day::text AS day, nullif(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
    model, calls, failed, tokens_in, tokens_out, cost_nanousd
FROM kontor.llm_spending
WHERE tenant_id = %(tenant_id)s AND day >= %(since)s::date
ORDER BY day DESC, cost_nanousd DESC, user_id, model
LIMIT %(limit)s;

-- :name list_busy :many Busy
-- How many calls each route answers now, in all instances of the function.
SELECT route, count(*) AS calls
FROM kontor.llm_calls
WHERE tenant_id = %(tenant_id)s AND state = 'taken' AND route <> ''
    AND created_at > now() - interval '15 minutes'
GROUP BY route
LIMIT 100;

-- :name list_cooldowns :many Cooldown
-- Routes that are left alone now.
SELECT route, until, reason
FROM kontor.llm_cooldowns
WHERE tenant_id = %(tenant_id)s AND until > now()
LIMIT 100;

-- :name record_cooldown :exec
-- The later end wins.
INSERT INTO kontor.llm_cooldowns (tenant_id, route, until, reason)
VALUES (
    %(tenant_id)s, %(route)s, now() + make_interval(secs => %(seconds)s), %(reason)s
)
ON CONFLICT (tenant_id, route) DO UPDATE SET
    until = greatest(llm_cooldowns.until, excluded.until), reason = excluded.reason;

-- :name remove_cooldown :exec
-- The route answered.
DELETE FROM kontor.llm_cooldowns
WHERE tenant_id = %(tenant_id)s AND route = %(route)s;
