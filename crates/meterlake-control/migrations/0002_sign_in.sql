-- People sign in to applications. Secrets of 256 random bits are kept as their SHA-256, passwords as argon2id.

-- Whether an application has no secret: a program on a person's machine.
ALTER TABLE principals ADD COLUMN public INTEGER NOT NULL DEFAULT 0;

CREATE TABLE passwords (
    user_id TEXT PRIMARY KEY REFERENCES principals (id) ON DELETE CASCADE,
    hash    TEXT NOT NULL,
    set_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE redirect_uris (
    application_id TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    uri            TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (application_id, uri)
) STRICT, WITHOUT ROWID;

-- What a person let an application read. The audience is empty where it may only learn who signed in.
CREATE TABLE consents (
    user_id        TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    application_id TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    audience       TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, application_id, audience)
) STRICT, WITHOUT ROWID;

-- A browser in which a person is signed in.
CREATE TABLE sign_in_sessions (
    hash       BLOB PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sign_in_sessions_by_user ON sign_in_sessions (user_id);

-- Everything that came from one sign-in to an application: refresh tokens, and access tokens by their claim sid.
CREATE TABLE token_families (
    id             TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    application_id TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    resource       TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    revoked_at     INTEGER,
    revoked_for    TEXT
) STRICT;

CREATE INDEX token_families_by_user ON token_families (user_id, application_id);

CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY,
    family_id  TEXT NOT NULL REFERENCES token_families (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);

CREATE TABLE authorization_codes (
    hash           BLOB PRIMARY KEY,
    user_id        TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    application_id TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    redirect_uri   TEXT NOT NULL,
    redirect_named INTEGER NOT NULL,
    resource       TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    nonce          TEXT,
    challenge      TEXT,
    signed_in_at   INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    -- What came from it, once it was redeemed.
    family_id      TEXT REFERENCES token_families (id) ON DELETE SET NULL
) STRICT;

CREATE TABLE device_codes (
    hash             BLOB PRIMARY KEY,
    user_code_hash   BLOB NOT NULL UNIQUE,
    application_id   TEXT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    resource         TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    interval_seconds INTEGER NOT NULL,
    polled_at        INTEGER,
    -- Who decided, and how.
    user_id          TEXT REFERENCES principals (id) ON DELETE CASCADE,
    approved         INTEGER,
    signed_in_at     INTEGER,
    redeemed_at      INTEGER
) STRICT;
