-- What an account has besides its SIP resources, and what its calls leave behind. The conventions are those
-- of 0001.

-- The requests that a call made to its application; named by `id`, which is all that a page token needs.
CREATE TABLE call_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    call_sid TEXT NOT NULL,
    request_method TEXT NOT NULL,
    request_url TEXT NOT NULL,
    request_params TEXT NOT NULL,
    response_code INTEGER,
    response_content_type TEXT,
    response_body TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX call_events_of_call ON call_events (call_sid, id);
CREATE INDEX call_events_age ON call_events (created_at);

CREATE TABLE addresses (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    customer_name TEXT NOT NULL,
    friendly_name TEXT NOT NULL,
    street TEXT NOT NULL,
    street_secondary TEXT,
    city TEXT NOT NULL,
    region TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    iso_country TEXT NOT NULL,
    emergency_enabled INTEGER NOT NULL CHECK (emergency_enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid)
) STRICT;
CREATE INDEX addresses_of_account ON addresses (account_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE applications (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    friendly_name TEXT,
    api_version TEXT NOT NULL,
    voice_url TEXT,
    voice_method TEXT NOT NULL,
    voice_fallback_url TEXT,
    voice_fallback_method TEXT NOT NULL,
    voice_caller_id_lookup INTEGER NOT NULL CHECK (voice_caller_id_lookup IN (0, 1)),
    status_callback TEXT,
    status_callback_method TEXT NOT NULL,
    sms_url TEXT,
    sms_method TEXT NOT NULL,
    sms_fallback_url TEXT,
    sms_fallback_method TEXT NOT NULL,
    sms_status_callback TEXT,
    message_status_callback TEXT,
    public_application_connect_enabled INTEGER NOT NULL CHECK (public_application_connect_enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid)
) STRICT;
CREATE INDEX applications_of_account ON applications (account_sid, id) WHERE deleted_at IS NULL;

-- `emergency_active`: whether the number may make emergency calls from `emergency_address_sid`.
CREATE TABLE incoming_phone_numbers (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    phone_number TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('local', 'mobile', 'toll-free')),
    friendly_name TEXT NOT NULL,
    api_version TEXT NOT NULL,
    voice_url TEXT,
    voice_method TEXT NOT NULL,
    voice_fallback_url TEXT,
    voice_fallback_method TEXT NOT NULL,
    voice_caller_id_lookup INTEGER NOT NULL CHECK (voice_caller_id_lookup IN (0, 1)),
    voice_application_sid TEXT,
    voice_receive_mode TEXT NOT NULL CHECK (voice_receive_mode IN ('voice', 'fax')),
    sms_url TEXT,
    sms_method TEXT NOT NULL,
    sms_fallback_url TEXT,
    sms_fallback_method TEXT NOT NULL,
    sms_application_sid TEXT,
    status_callback TEXT,
    status_callback_method TEXT NOT NULL,
    trunk_sid TEXT,
    identity_sid TEXT,
    bundle_sid TEXT,
    address_sid TEXT,
    emergency_active INTEGER NOT NULL CHECK (emergency_active IN (0, 1)),
    emergency_address_sid TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (account_sid, sid),
    CHECK (emergency_active = 0 OR emergency_address_sid IS NOT NULL),
    FOREIGN KEY (account_sid, voice_application_sid) REFERENCES applications (account_sid, sid),
    FOREIGN KEY (account_sid, sms_application_sid) REFERENCES applications (account_sid, sid),
    FOREIGN KEY (account_sid, address_sid) REFERENCES addresses (account_sid, sid),
    FOREIGN KEY (account_sid, emergency_address_sid) REFERENCES addresses (account_sid, sid)
) STRICT;
CREATE UNIQUE INDEX incoming_phone_numbers_number
    ON incoming_phone_numbers (phone_number) WHERE deleted_at IS NULL;
CREATE INDEX incoming_phone_numbers_of_account
    ON incoming_phone_numbers (account_sid, id) WHERE deleted_at IS NULL;

CREATE TABLE outgoing_caller_ids (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    phone_number TEXT NOT NULL,
    friendly_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX outgoing_caller_ids_number
    ON outgoing_caller_ids (account_sid, phone_number) WHERE deleted_at IS NULL;

-- What purged calls add to usage; days are counted from 1970 in UTC.
CREATE TABLE usage_days (
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    day INTEGER NOT NULL,
    inbound INTEGER NOT NULL CHECK (inbound IN (0, 1)),
    sip INTEGER NOT NULL CHECK (sip IN (0, 1)),
    calls INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    PRIMARY KEY (account_sid, day, inbound, sip)
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_usage ON calls (account_sid, coalesce(start_time, created_at)) WHERE status = 'completed';
CREATE INDEX calls_age ON calls (end_time) WHERE end_time IS NOT NULL;
CREATE INDEX notifications_age ON notifications (message_date);
