-- Small talk is kept like everything that is said, and is told from answers by its state.
ALTER TABLE kontor.messages DROP CONSTRAINT IF EXISTS messages_state_check;
ALTER TABLE kontor.messages ADD CONSTRAINT messages_state_check
    CHECK (state IN ('asked', 'answer', 'related', 'unknown', 'stopped', 'smalltalk'));
