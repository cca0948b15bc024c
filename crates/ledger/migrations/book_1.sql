-- What no topic knows: who did what with which letters, and why. Never rebuilt.

CREATE TABLE action (
    id VARCHAR(64) NOT NULL,
    at_us BIGINT NOT NULL,
    by_whom VARCHAR(255) NOT NULL,
    -- edit | replay | drop
    kind VARCHAR(20) NOT NULL,
    reason TEXT NOT NULL,
    -- A JSON object: the filter, the rule, the jobs.
    detail TEXT NOT NULL,
    PRIMARY KEY (id)
) WITHOUT_ROWID;
CREATE INDEX action_at ON action (at_us);

CREATE TABLE action_letter (
    action_id VARCHAR(64) NOT NULL,
    owner VARCHAR(80) NOT NULL,
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    PRIMARY KEY (action_id, owner, part, log_offset)
) WITHOUT_ROWID;
CREATE INDEX action_letter_letter ON action_letter (owner, part, log_offset);

-- What a person last decided about a letter.
CREATE TABLE letter_state (
    owner VARCHAR(80) NOT NULL,
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    -- resent | given-up
    state VARCHAR(12) NOT NULL,
    action_id VARCHAR(64) NOT NULL,
    job VARCHAR(120) NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (owner, part, log_offset)
) WITHOUT_ROWID;

-- A payload that a person edited, kept until the letter is resent and after.
CREATE TABLE repair (
    owner VARCHAR(80) NOT NULL,
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    payload LONGTEXT NOT NULL,
    by_whom VARCHAR(255) NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (owner, part, log_offset)
) WITHOUT_ROWID;
