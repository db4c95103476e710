-- Where a change came from: the peer address of a request, `command`, or `server` for what a server does by itself.
-- Empty for entries made before this column.
ALTER TABLE audit ADD COLUMN origin TEXT NOT NULL DEFAULT '';

CREATE INDEX audit_by_time ON audit (at);

-- Wrong guesses at secrets and passwords, kept for as long as they count.
CREATE TABLE failed_attempts (
    account TEXT    NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

CREATE INDEX failed_attempts_by_account ON failed_attempts (account, at);
CREATE INDEX failed_attempts_by_time ON failed_attempts (at);

CREATE TABLE lock_outs (
    account      TEXT PRIMARY KEY,
    locked_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens that are refused although they have not ended; forgotten when they have.
CREATE TABLE revoked_tokens (
    uti        TEXT PRIMARY KEY,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);

-- Tokens of the principal that were issued until then are refused.
CREATE TABLE revoked_principals (
    principal_id TEXT PRIMARY KEY REFERENCES principals (id) ON DELETE CASCADE,
    revoked_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A key is published for a while before it signs. Null: it signs since it was made.
ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER;

-- Whom the tokens of issuers of other parties stand for.
CREATE TABLE external_identities (
    issuer       TEXT    NOT NULL,
    -- `subject` or `application`.
    kind         TEXT    NOT NULL,
    value        TEXT    NOT NULL,
    principal_id TEXT    NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (issuer, kind, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX external_identities_by_principal ON external_identities (principal_id);
