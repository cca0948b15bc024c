-- What the topics hold, as tables. Everything here can be thrown away and made again of the topics.
-- Times are microseconds of Unix time. Text that is longer than its column is cut, see `text::fit`.
-- WITHOUT_ROWID stands for SQLite's clause of that name and for nothing in MySQL.

-- How far each partition was read; written in the transaction of the rows that were made of it.
CREATE TABLE progress (
    topic VARCHAR(249) NOT NULL,
    part BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (topic, part)
) WITHOUT_ROWID;

-- One row. Whoever writes takes its turn here first, so that two followers never mix what they read and write.
CREATE TABLE turn (
    id BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    -- When all that the topics held had been taken in.
    caught_up_us BIGINT NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO turn (id, taken, caught_up_us) VALUES (1, 0, 0);

-- The newest state of a record in a flow.
CREATE TABLE record (
    flow VARCHAR(80) NOT NULL,
    record_id VARCHAR(255) NOT NULL,
    -- mapped | sending | delivered | incomplete | refused | filtered | left | removed | waiting
    state VARCHAR(12) NOT NULL,
    -- Why it is refused or filtered.
    code VARCHAR(80),
    message TEXT,
    changed_at_us BIGINT NOT NULL,
    -- Of the newest document; when the topic holds none any more, as far as the receipt tells.
    source VARCHAR(80),
    number VARCHAR(255),
    doc_key VARCHAR(255),
    flow_ordinal BIGINT,
    version_modified_us BIGINT,
    version_appended_ms BIGINT,
    version_offset BIGINT,
    source_digest VARCHAR(32),
    document_digest VARCHAR(32),
    repaired BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    reason VARCHAR(16),
    job VARCHAR(120),
    polled_at_us BIGINT,
    raw_part BIGINT,
    raw_offset BIGINT,
    -- Only of the newest document: NULL when there is none.
    doc_part BIGINT,
    doc_offset BIGINT,
    doc_at_us BIGINT,
    verdict VARCHAR(12),
    verdict_code VARCHAR(80),
    verdict_text TEXT,
    -- Of the newest receipt: NULL when there is none.
    receipt_part BIGINT,
    receipt_offset BIGINT,
    receipt_at_us BIGINT,
    receipt_modified_us BIGINT,
    receipt_appended_ms BIGINT,
    receipt_version_offset BIGINT,
    -- What the target holds; `standing` is NULL when nothing was delivered.
    standing VARCHAR(12),
    target_id VARCHAR(255),
    target_number VARCHAR(255),
    delivered_key VARCHAR(255),
    delivered_at_us BIGINT,
    delivered_ordinal BIGINT,
    delivered_source_digest VARCHAR(32),
    delivered_repaired BIGINT,
    -- sending | refused; NULL when the delivered state is the newest.
    attempt VARCHAR(12),
    attempt_at_us BIGINT,
    attempt_source_digest VARCHAR(32),
    attempt_code VARCHAR(80),
    attempt_text TEXT,
    -- Of the parked record: NULL when it does not wait.
    wait_part BIGINT,
    wait_offset BIGINT,
    wait_at_us BIGINT,
    wait_modified_us BIGINT,
    wait_appended_ms BIGINT,
    wait_version_offset BIGINT,
    PRIMARY KEY (flow, record_id)
) WITHOUT_ROWID;
CREATE INDEX record_state ON record (flow, state, changed_at_us);

-- Every number by which a record is known.
CREATE TABLE number (
    number VARCHAR(255) NOT NULL,
    flow VARCHAR(80) NOT NULL,
    record_id VARCHAR(255) NOT NULL,
    PRIMARY KEY (number, flow, record_id)
) WITHOUT_ROWID;
CREATE INDEX number_record ON number (flow, record_id);

-- What happened to a record, in order. `stream` and `flow` name the topic: doc | receipt | dead | wait.
-- kind: mapped | filtered | refused-by-mapping (doc); sending | delivered | incomplete | refused | left | removed |
-- decided (receipt); lettered (dead); parked | released (wait). `detail` is a small JSON object, never a payload.
CREATE TABLE event (
    flow VARCHAR(80) NOT NULL,
    record_id VARCHAR(255) NOT NULL,
    at_us BIGINT NOT NULL,
    stream VARCHAR(8) NOT NULL,
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    kind VARCHAR(20) NOT NULL,
    reason VARCHAR(16),
    job VARCHAR(120),
    flow_ordinal BIGINT,
    code VARCHAR(80),
    detail TEXT NOT NULL,
    PRIMARY KEY (flow, record_id, at_us, stream, part, log_offset)
) WITHOUT_ROWID;

-- Dead letters; `owner` is a flow or a source and names the topic.
CREATE TABLE letter (
    owner VARCHAR(80) NOT NULL,
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    stage VARCHAR(12) NOT NULL,
    record_id VARCHAR(255) NOT NULL,
    -- 0 = of the whole record; n = of its n-th part.
    source_part_no BIGINT NOT NULL,
    number VARCHAR(255) NOT NULL,
    doc_key VARCHAR(255) NOT NULL,
    code VARCHAR(80) NOT NULL,
    message TEXT NOT NULL,
    field VARCHAR(255),
    cause TEXT NOT NULL,
    cause_id VARCHAR(16) NOT NULL,
    at_us BIGINT NOT NULL,
    version_modified_us BIGINT NOT NULL,
    version_appended_ms BIGINT NOT NULL,
    version_offset BIGINT NOT NULL,
    source_digest VARCHAR(32) NOT NULL,
    flow_ordinal BIGINT NOT NULL,
    reason VARCHAR(16) NOT NULL,
    job VARCHAR(120) NOT NULL,
    repaired BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    origin_topic VARCHAR(249),
    origin_part BIGINT,
    origin_offset BIGINT,
    payload_bytes BIGINT NOT NULL,
    PRIMARY KEY (owner, part, log_offset)
) WITHOUT_ROWID;
CREATE INDEX letter_cause ON letter (owner, cause_id, at_us);
CREATE INDEX letter_record ON letter (owner, record_id);
CREATE INDEX letter_at ON letter (at_us);

-- Records that wait for a row of a collection.
CREATE TABLE waiting (
    flow VARCHAR(80) NOT NULL,
    record_id VARCHAR(255) NOT NULL,
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    collection VARCHAR(80) NOT NULL,
    reference VARCHAR(255) NOT NULL,
    number VARCHAR(255) NOT NULL,
    since_us BIGINT NOT NULL,
    PRIMARY KEY (flow, record_id)
) WITHOUT_ROWID;

-- Finished windows: the map of what was read of a source. `window_fact`, for `window` is a word of MySQL's own.
CREATE TABLE window_fact (
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    source VARCHAR(80) NOT NULL,
    lane VARCHAR(12) NOT NULL,
    job VARCHAR(120) NOT NULL,
    from_us BIGINT NOT NULL,
    to_us BIGINT NOT NULL,
    pages BIGINT NOT NULL,
    passes BIGINT NOT NULL,
    total BIGINT,
    distinct_ids BIGINT NOT NULL,
    published BIGINT NOT NULL,
    late BIGINT NOT NULL,
    lateness_ms BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (part, log_offset)
) WITHOUT_ROWID;
CREATE INDEX window_fact_source ON window_fact (source, from_us);

-- Counts by hour and partition of weir.tally, with the offsets that were counted: what lies in
-- [first_offset, next_offset) is never added twice. Sum over `part` for the counts of an hour.
CREATE TABLE tally (
    stage VARCHAR(12) NOT NULL,
    subject VARCHAR(80) NOT NULL,
    hour_us BIGINT NOT NULL,
    part BIGINT NOT NULL,
    first_offset BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    polled BIGINT NOT NULL,
    mapped BIGINT NOT NULL,
    filtered BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    superseded BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    PRIMARY KEY (stage, subject, hour_us, part)
) WITHOUT_ROWID;

-- The last heartbeat of every process that did not say goodbye. `stages` is a JSON list.
CREATE TABLE process (
    instance VARCHAR(80) NOT NULL,
    part BIGINT NOT NULL,
    log_offset BIGINT NOT NULL,
    software VARCHAR(80) NOT NULL,
    started_at_us BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    stages TEXT NOT NULL,
    PRIMARY KEY (instance)
) WITHOUT_ROWID;
