-- Trunks of other carriers and what belongs to them. The conventions are those of 0001.

ALTER TABLE accounts ADD COLUMN connection_policy_count INTEGER NOT NULL DEFAULT 0
    CHECK (connection_policy_count >= 0);

CREATE TABLE connection_policies (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT,
    entry_count INTEGER NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid)
) STRICT;
CREATE INDEX connection_policies_of_account ON connection_policies (account_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE connection_policy_targets (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL,
    connection_policy_sid TEXT NOT NULL,
    friendly_name TEXT,
    target TEXT NOT NULL,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 65535),
    weight INTEGER NOT NULL CHECK (weight BETWEEN 1 AND 65535),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    FOREIGN KEY (account_sid, connection_policy_sid) REFERENCES connection_policies (account_sid, sid)
) STRICT;
CREATE INDEX connection_policy_targets_of_policy
    ON connection_policy_targets (connection_policy_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE byoc_trunks (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT,
    voice_url TEXT,
    voice_method TEXT NOT NULL,
    voice_fallback_url TEXT,
    voice_fallback_method TEXT NOT NULL,
    status_callback_url TEXT,
    status_callback_method TEXT NOT NULL,
    cnam_lookup_enabled INTEGER NOT NULL CHECK (cnam_lookup_enabled IN (0, 1)),
    connection_policy_sid TEXT,
    from_domain_sid TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid),
    FOREIGN KEY (account_sid, connection_policy_sid) REFERENCES connection_policies (account_sid, sid),
    FOREIGN KEY (account_sid, from_domain_sid) REFERENCES domains (account_sid, sid)
) STRICT;
CREATE INDEX byoc_trunks_of_account ON byoc_trunks (account_sid, id) WHERE deleted_at IS NULL;
CREATE INDEX byoc_trunks_of_policy ON byoc_trunks (connection_policy_sid) WHERE connection_policy_sid IS NOT NULL;
CREATE INDEX byoc_trunks_of_domain ON byoc_trunks (from_domain_sid) WHERE from_domain_sid IS NOT NULL;
CREATE INDEX domains_of_trunk ON domains (byoc_trunk_sid) WHERE byoc_trunk_sid IS NOT NULL;

CREATE TABLE ip_records (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT,
    ip_address TEXT NOT NULL,
    cidr_prefix_length INTEGER NOT NULL CHECK (cidr_prefix_length BETWEEN 1 AND 32),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid)
) STRICT;
CREATE INDEX ip_records_of_account ON ip_records (account_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE source_ip_mappings (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    ip_record_sid TEXT NOT NULL,
    sip_domain_sid TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    FOREIGN KEY (account_sid, ip_record_sid) REFERENCES ip_records (account_sid, sid),
    FOREIGN KEY (account_sid, sip_domain_sid) REFERENCES domains (account_sid, sid)
) STRICT;
CREATE UNIQUE INDEX source_ip_mappings_record ON source_ip_mappings (ip_record_sid) WHERE deleted_at IS NULL;
CREATE INDEX source_ip_mappings_of_account ON source_ip_mappings (account_sid, id) WHERE deleted_at IS NULL;
CREATE INDEX source_ip_mappings_of_domain ON source_ip_mappings (sip_domain_sid) WHERE deleted_at IS NULL;

-- A missing row has every default.
CREATE TABLE voice_settings (
    account_sid TEXT PRIMARY KEY REFERENCES accounts (sid),
    dialing_permissions_inheritance INTEGER NOT NULL CHECK (dialing_permissions_inheritance IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE dialing_permissions (
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    iso_code TEXT NOT NULL CHECK (length(iso_code) = 2),
    low_risk_numbers_enabled INTEGER NOT NULL CHECK (low_risk_numbers_enabled IN (0, 1)),
    high_risk_special_numbers_enabled INTEGER NOT NULL CHECK (high_risk_special_numbers_enabled IN (0, 1)),
    high_risk_tollfraud_numbers_enabled INTEGER NOT NULL CHECK (high_risk_tollfraud_numbers_enabled IN (0, 1)),
    PRIMARY KEY (account_sid, iso_code)
) STRICT, WITHOUT ROWID;
