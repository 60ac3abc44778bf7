-- Conventions: `sid` names a row outside; `id` orders rows in the order they were committed and never leaves
-- the store. Times are milliseconds since 1970. `deleted_at` marks a tombstone: a list that is being paged
-- through can still find its place beside a row that was deleted meanwhile, and other nodes can see what went.
-- `…_key` columns hold the lower-cased form that uniqueness is judged by.

CREATE TABLE instance (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key_check BLOB NOT NULL
) STRICT;

-- Bumped by every transaction that changes what the SIP path reads. A row and not a sequence: a sequence
-- number can be taken early and committed late, and a reader would then step over it.
CREATE TABLE directory_version (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO directory_version (one, version) VALUES (1, 0);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    owner_account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    auth_token BLOB NOT NULL,
    secondary_auth_token BLOB,
    domain_count INTEGER NOT NULL DEFAULT 0 CHECK (domain_count >= 0),
    ip_access_control_list_count INTEGER NOT NULL DEFAULT 0 CHECK (ip_access_control_list_count >= 0),
    credential_list_count INTEGER NOT NULL DEFAULT 0 CHECK (credential_list_count >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX accounts_one_root ON accounts ((1)) WHERE sid = owner_account_sid;
CREATE INDEX accounts_of_owner ON accounts (owner_account_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('main', 'standard', 'restricted')),
    secret_sha256 BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX api_keys_of_account ON api_keys (account_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE domains (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    parent_sid TEXT REFERENCES domains (sid),
    domain_name TEXT NOT NULL CHECK (domain_name = lower(domain_name)),
    friendly_name TEXT,
    voice_url TEXT,
    voice_method TEXT NOT NULL,
    voice_fallback_url TEXT,
    voice_fallback_method TEXT NOT NULL,
    voice_status_callback_url TEXT,
    voice_status_callback_method TEXT NOT NULL,
    sip_registration INTEGER NOT NULL CHECK (sip_registration IN (0, 1)),
    emergency_calling_enabled INTEGER NOT NULL CHECK (emergency_calling_enabled IN (0, 1)),
    secure INTEGER NOT NULL CHECK (secure IN (0, 1)),
    byoc_trunk_sid TEXT,
    emergency_caller_sid TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid)
) STRICT;
CREATE UNIQUE INDEX domains_name ON domains (domain_name) WHERE deleted_at IS NULL;
CREATE INDEX domains_of_account ON domains (account_sid, id) WHERE deleted_at IS NULL;
CREATE INDEX domains_of_parent ON domains (parent_sid) WHERE parent_sid IS NOT NULL;

CREATE TRIGGER domains_with_subdomains_stay
BEFORE UPDATE OF deleted_at, domain_name ON domains
WHEN (NEW.deleted_at IS NOT NULL OR NEW.domain_name <> OLD.domain_name)
    AND EXISTS (SELECT 1 FROM domains WHERE parent_sid = OLD.sid AND deleted_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'the domain has subdomains');
END;

CREATE TABLE ip_access_control_lists (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT NOT NULL,
    friendly_name_key TEXT NOT NULL,
    entry_count INTEGER NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid)
) STRICT;
CREATE UNIQUE INDEX ip_access_control_lists_name
    ON ip_access_control_lists (account_sid, friendly_name_key) WHERE deleted_at IS NULL;
CREATE INDEX ip_access_control_lists_of_account
    ON ip_access_control_lists (account_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE ip_addresses (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL,
    ip_access_control_list_sid TEXT NOT NULL,
    friendly_name TEXT NOT NULL,
    friendly_name_key TEXT NOT NULL,
    ip_address TEXT NOT NULL,
    cidr_prefix_length INTEGER NOT NULL CHECK (cidr_prefix_length BETWEEN 0 AND 128),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    FOREIGN KEY (account_sid, ip_access_control_list_sid)
        REFERENCES ip_access_control_lists (account_sid, sid)
) STRICT;
CREATE UNIQUE INDEX ip_addresses_name
    ON ip_addresses (ip_access_control_list_sid, friendly_name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ip_addresses_address
    ON ip_addresses (ip_access_control_list_sid, ip_address) WHERE deleted_at IS NULL;
CREATE INDEX ip_addresses_of_list ON ip_addresses (ip_access_control_list_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE credential_lists (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT NOT NULL,
    friendly_name_key TEXT NOT NULL,
    entry_count INTEGER NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid)
) STRICT;
CREATE UNIQUE INDEX credential_lists_name
    ON credential_lists (account_sid, friendly_name_key) WHERE deleted_at IS NULL;
CREATE INDEX credential_lists_of_account ON credential_lists (account_sid, id) WHERE deleted_at IS NULL;

-- `hashes` is the sealed MD5, SHA-256 and SHA-512-256 of user:realm:password, NULL in a tombstone.
CREATE TABLE credentials (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL,
    credential_list_sid TEXT NOT NULL,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL,
    realm TEXT NOT NULL,
    hashes BLOB CHECK ((hashes IS NULL) = (deleted_at IS NOT NULL)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    FOREIGN KEY (account_sid, credential_list_sid) REFERENCES credential_lists (account_sid, sid)
) STRICT;
CREATE UNIQUE INDEX credentials_username
    ON credentials (credential_list_sid, username_key) WHERE deleted_at IS NULL;
CREATE INDEX credentials_of_list ON credentials (credential_list_sid, id) WHERE deleted_at IS NULL;
CREATE INDEX credentials_of_user ON credentials (account_sid, username) WHERE deleted_at IS NULL;

-- A mapping that is made again takes its old row and place, so that its SID (the list's) names one row.
CREATE TABLE mappings (
    id INTEGER PRIMARY KEY,
    account_sid TEXT NOT NULL,
    domain_sid TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN
        ('calls_ip_access_control_list', 'calls_credential_list', 'registrations_credential_list')),
    list_sid TEXT NOT NULL,
    ip_access_control_list_sid TEXT
        AS (CASE WHEN kind = 'calls_ip_access_control_list' THEN list_sid END) STORED,
    credential_list_sid TEXT
        AS (CASE WHEN kind <> 'calls_ip_access_control_list' THEN list_sid END) STORED,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (domain_sid, kind, list_sid),
    FOREIGN KEY (account_sid, domain_sid) REFERENCES domains (account_sid, sid),
    FOREIGN KEY (account_sid, ip_access_control_list_sid)
        REFERENCES ip_access_control_lists (account_sid, sid),
    FOREIGN KEY (account_sid, credential_list_sid) REFERENCES credential_lists (account_sid, sid)
) STRICT;
CREATE INDEX mappings_of_domain ON mappings (domain_sid, kind, id) WHERE deleted_at IS NULL;
CREATE INDEX mappings_of_list ON mappings (list_sid) WHERE deleted_at IS NULL;

CREATE TRIGGER mapped_ip_access_control_lists_stay
BEFORE UPDATE OF deleted_at ON ip_access_control_lists
WHEN NEW.deleted_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM mappings WHERE list_sid = OLD.sid AND deleted_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'the list is mapped to a domain');
END;

CREATE TRIGGER mapped_credential_lists_stay
BEFORE UPDATE OF deleted_at ON credential_lists
WHEN NEW.deleted_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM mappings WHERE list_sid = OLD.sid AND deleted_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'the list is mapped to a domain');
END;

-- `callback_…`: what to send should this call end without the node that runs it.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    node TEXT NOT NULL,
    parent_call_sid TEXT,
    direction TEXT NOT NULL,
    status TEXT NOT NULL,
    from_address TEXT NOT NULL,
    to_address TEXT NOT NULL,
    caller_name TEXT,
    forwarded_from TEXT,
    answered_by TEXT,
    phone_number_sid TEXT,
    domain_sid TEXT,
    group_sid TEXT,
    trunk_sid TEXT,
    start_time INTEGER,
    end_time INTEGER,
    duration_s INTEGER,
    queue_time_ms INTEGER NOT NULL,
    price TEXT,
    price_unit TEXT,
    callback_url TEXT,
    callback_method TEXT,
    callback_params TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CHECK ((status IN ('completed', 'busy', 'failed', 'no-answer', 'canceled')) = (end_time IS NOT NULL)),
    CHECK (deleted_at IS NULL OR end_time IS NOT NULL)
) STRICT;
CREATE INDEX calls_of_account ON calls (account_sid, id) WHERE deleted_at IS NULL;
CREATE INDEX calls_of_parent ON calls (parent_call_sid) WHERE parent_call_sid IS NOT NULL;
CREATE INDEX calls_unfinished ON calls (node) WHERE end_time IS NULL;

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    call_sid TEXT,
    error_code INTEGER NOT NULL,
    log INTEGER NOT NULL CHECK (log IN (0, 1)),
    message_text TEXT NOT NULL,
    message_date INTEGER NOT NULL,
    request_url TEXT NOT NULL,
    request_method TEXT NOT NULL,
    request_variables TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    response_body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX notifications_of_account ON notifications (account_sid, id) WHERE deleted_at IS NULL;
CREATE INDEX notifications_of_call ON notifications (call_sid, id) WHERE call_sid IS NOT NULL;

CREATE TABLE callbacks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    call_sid TEXT,
    url TEXT NOT NULL,
    method TEXT NOT NULL,
    params TEXT NOT NULL,
    idempotency_token TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    claimed_by TEXT,
    claimed_until INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) STRICT;
CREATE INDEX callbacks_due ON callbacks (next_attempt_at);
CREATE INDEX callbacks_expiry ON callbacks (expires_at);
