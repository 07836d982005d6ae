-- What nothing calls any more: find_chunks took their place when search was extended (0012), and
-- functions of the release before had until now to end.

DROP FUNCTION kontor.search;
DROP FUNCTION kontor.weigh_query;
