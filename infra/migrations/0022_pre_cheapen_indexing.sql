-- Indexing costs a third: what a chunk says as sparse vectors is computed by whoever writes it, many
-- chunks at once, instead of row by row here (1.3 ms of every chunk's 2.5 ms).
-- Existing rows keep their values, and nothing is written anew.

ALTER TABLE kontor.chunks
    ALTER COLUMN stems DROP EXPRESSION,
    ALTER COLUMN grams DROP EXPRESSION;

-- Functions of the release before write chunks without them.
CREATE FUNCTION kontor.derive_sparse_vectors() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.stems := kontor.stem_vector(NEW.lexemes);
    NEW.grams := kontor.gram_vector(NEW.lexemes);
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION kontor.derive_sparse_vectors FROM public;
CREATE TRIGGER derive_sparse_vectors BEFORE INSERT ON kontor.chunks
    FOR EACH ROW WHEN (NEW.stems IS NULL OR NEW.grams IS NULL)
    EXECUTE FUNCTION kontor.derive_sparse_vectors();

-- Readings that search does not see yet carry them along; those of the release before get theirs
-- when they are moved.
ALTER TABLE kontor.shadow_chunks
    ADD COLUMN stems public.sparsevec,
    ADD COLUMN grams public.sparsevec;

-- Hashes and weights hardly compress, and trying costs more than writing them.
DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('ALTER TABLE kontor.chunks_%s ALTER grams SET STORAGE EXTERNAL', part);
    END LOOP;
END $$;

-- Every version raises the counts of the words it says: room for a row's next form keeps that
-- within its page.
ALTER TABLE kontor.lexeme_statistics SET (fillfactor = 70);

-- The index on endings looked as good as the primary key to the planner wherever there were no table
-- statistics yet, and was taken for looking up one lexeme: it read every lexeme of the tenant, 0.3 ms
-- for 5,000, also for every foreign key that was checked. With the language last it cannot.
DROP INDEX kontor.lexeme_endings;
CREATE INDEX lexeme_endings ON kontor.lexeme_statistics (tenant_id, reverse(lexeme), language);
