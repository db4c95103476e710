-- Instants are whole microseconds since 1970-01-01 UTC, ids and amounts canonical text.

CREATE TABLE customers (
    tenant_id                  TEXT PRIMARY KEY,
    -- What an operator set. It wins over what imports saw.
    name                       TEXT,
    domain                     TEXT,
    currency                   TEXT,
    culture                    TEXT,
    billing_day                INTEGER CHECK (billing_day BETWEEN 1 AND 28),
    billing_utc_offset_minutes INTEGER CHECK (billing_utc_offset_minutes BETWEEN -840 AND 840),
    budget                     TEXT,
    c3_id                      TEXT UNIQUE,
    -- What imports saw last.
    seen_name                  TEXT,
    seen_domain                TEXT,
    seen_currency              TEXT,
    created_at                 INTEGER NOT NULL,
    updated_at                 INTEGER NOT NULL
) STRICT;

CREATE TABLE customer_offers (
    tenant_id   TEXT NOT NULL REFERENCES customers (tenant_id) ON DELETE CASCADE,
    offer       TEXT NOT NULL,
    by_operator INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, offer, by_operator)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolments (
    number     TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE enrolment_accounts (
    enrolment       TEXT NOT NULL REFERENCES enrolments (number) ON DELETE CASCADE,
    billing_account TEXT NOT NULL,
    PRIMARY KEY (enrolment, billing_account)
) STRICT, WITHOUT ROWID;

CREATE INDEX enrolment_accounts_by_account ON enrolment_accounts (billing_account);

CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tenant_domains (
    domain    TEXT PRIMARY KEY COLLATE NOCASE,
    tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL
) STRICT;

CREATE TABLE principals (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    client_id  TEXT UNIQUE,
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE secrets (
    id           TEXT PRIMARY KEY,
    principal_id TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    hash         BLOB NOT NULL,
    hint         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT;

CREATE INDEX secrets_by_principal ON secrets (principal_id);

CREATE TABLE keys (
    id         TEXT PRIMARY KEY,
    enrolment  TEXT NOT NULL REFERENCES enrolments (number) ON DELETE CASCADE,
    slot       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    hint       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

-- A slot holds one key; older ones are revoked.
CREATE UNIQUE INDEX keys_slot ON keys (enrolment, slot) WHERE revoked_at IS NULL;

CREATE TABLE grants (
    principal_id TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    scope        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (principal_id, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY,
    pkcs8      BLOB NOT NULL,
    modulus    BLOB NOT NULL,
    exponent   BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    -- From then on it no longer signs; it still verifies until `expires_at`.
    retired_at INTEGER,
    expires_at INTEGER
) STRICT;

CREATE TABLE server_secrets (
    name       TEXT PRIMARY KEY,
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE imports (
    id            TEXT PRIMARY KEY,
    state         TEXT NOT NULL,
    kind          TEXT,
    started_at    INTEGER NOT NULL,
    finished_at   INTEGER,
    version       INTEGER,
    superseded_by TEXT,
    error         TEXT,
    record        TEXT NOT NULL
) STRICT;

CREATE INDEX imports_by_state ON imports (state);

CREATE TABLE import_hashes (
    sha256    TEXT NOT NULL,
    import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    PRIMARY KEY (sha256, import_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE export_jobs (
    id           TEXT PRIMARY KEY,
    owner        TEXT NOT NULL,
    enrolment    TEXT NOT NULL,
    api_version  INTEGER NOT NULL,
    layout       TEXT NOT NULL,
    selection    TEXT NOT NULL,
    snapshot     INTEGER NOT NULL,
    requested_on INTEGER NOT NULL,
    status       INTEGER NOT NULL CHECK (status BETWEEN 1 AND 7),
    finished_at  INTEGER,
    file         TEXT,
    size         INTEGER,
    etag         TEXT,
    error        TEXT
) STRICT;

CREATE INDEX export_jobs_by_time ON export_jobs (requested_on);
CREATE INDEX export_jobs_unfinished ON export_jobs (owner) WHERE status IN (1, 2);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
