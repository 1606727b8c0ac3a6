CREATE TABLE accounts (
  id BIGINT PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  email_verified_at BIGINT,
  given_name TEXT NOT NULL,
  family_name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  password_changed_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  disabled_at BIGINT
);

CREATE TABLE organizations (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE memberships (
  account_id BIGINT NOT NULL REFERENCES accounts (id),
  organization_id BIGINT NOT NULL REFERENCES organizations (id),
  role TEXT NOT NULL,
  personal INTEGER NOT NULL,
  PRIMARY KEY (account_id, organization_id)
);

CREATE TABLE sessions (
  id_hash BLOB PRIMARY KEY,
  sid TEXT NOT NULL UNIQUE,
  account_id BIGINT NOT NULL REFERENCES accounts (id),
  created_at BIGINT NOT NULL,
  auth_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  ended_at BIGINT,
  network TEXT NOT NULL,
  user_agent TEXT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE attempts (
  subject TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  count INTEGER NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (subject)
);

CREATE TABLE clients (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  homepage_url TEXT NOT NULL,
  owner_account_id BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  redirect_uris TEXT NOT NULL,
  origins TEXT NOT NULL,
  post_logout_redirect_uris TEXT NOT NULL,
  app_scopes TEXT NOT NULL,
  data_centers TEXT NOT NULL,
  implicit INTEGER NOT NULL,
  vendor_compatible INTEGER NOT NULL,
  secrets TEXT NOT NULL,
  version BIGINT NOT NULL,
  creation_key TEXT UNIQUE,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  disabled_at BIGINT,
  deleted_at BIGINT
);
CREATE INDEX clients_by_owner ON clients (owner_account_id);

CREATE TABLE client_origins (
  origin TEXT NOT NULL,
  client_id TEXT NOT NULL REFERENCES clients (id),
  PRIMARY KEY (origin, client_id)
);

CREATE TABLE apis (
  client_id TEXT PRIMARY KEY REFERENCES clients (id),
  identifier TEXT NOT NULL UNIQUE,
  scope_prefix TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  number INTEGER NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  active_at BIGINT NOT NULL,
  retired_at BIGINT
);

CREATE TABLE consents (
  account_id BIGINT NOT NULL REFERENCES accounts (id),
  client_id TEXT NOT NULL REFERENCES clients (id),
  organization_id BIGINT NOT NULL,
  scope TEXT NOT NULL,
  offline INTEGER NOT NULL,
  redirect_hosts TEXT NOT NULL,
  resources TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  withdrawn_at BIGINT,
  PRIMARY KEY (account_id, client_id, organization_id)
);
CREATE INDEX consents_by_client ON consents (client_id);

CREATE TABLE scope_sets (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  scope TEXT NOT NULL,
  audience TEXT NOT NULL
);

CREATE TABLE authorizations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_id TEXT NOT NULL REFERENCES clients (id),
  account_id BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  shared_key TEXT UNIQUE,
  scope TEXT NOT NULL,
  asked_scope TEXT NOT NULL,
  resources TEXT NOT NULL,
  auth_time BIGINT NOT NULL,
  sid TEXT NOT NULL,
  refresh_hash BLOB,
  refresh_expires_at BIGINT,
  refresh_idle_seconds BIGINT,
  previous_hash BLOB,
  rotated_at BIGINT,
  successor_seen INTEGER NOT NULL,
  sealed_answer BLOB,
  sequence BIGINT NOT NULL,
  live_limit INTEGER NOT NULL,
  revoked_sequences TEXT NOT NULL,
  rate_started_at BIGINT NOT NULL,
  rate_count BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  revoked_at BIGINT,
  revoked_reason TEXT
);
CREATE INDEX authorizations_by_account ON authorizations (account_id, client_id, organization_id);
CREATE INDEX authorizations_by_client ON authorizations (client_id);

CREATE TABLE pending_flows (
  handle_hash BLOB PRIMARY KEY,
  browser_hash BLOB NOT NULL,
  kind TEXT NOT NULL,
  client_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  request TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  consumed_at BIGINT
);
CREATE INDEX pending_by_browser ON pending_flows (browser_hash);

CREATE TABLE authorization_codes (
  code_hash BLOB PRIMARY KEY,
  client_id TEXT NOT NULL,
  account_id BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  redirect_uri TEXT,
  scope TEXT NOT NULL,
  asked_scope TEXT NOT NULL,
  resources TEXT NOT NULL,
  refresh_token INTEGER NOT NULL,
  code_challenge TEXT,
  nonce TEXT,
  auth_time BIGINT NOT NULL,
  sid TEXT NOT NULL,
  from_console INTEGER NOT NULL,
  description TEXT NOT NULL,
  wrong_verifiers INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  consumed_at BIGINT,
  authorization_id BIGINT,
  sequence BIGINT
);
CREATE INDEX codes_by_client ON authorization_codes (client_id, account_id);

CREATE TABLE device_codes (
  device_code_hash BLOB PRIMARY KEY,
  user_code_hash BLOB NOT NULL UNIQUE,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  asked_scope TEXT NOT NULL,
  resources TEXT NOT NULL DEFAULT '',
  refresh_token INTEGER NOT NULL,
  code_challenge TEXT,
  network TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  interval_seconds INTEGER NOT NULL,
  polled_at BIGINT,
  claimed_account_id BIGINT,
  claimed_browser_hash BLOB,
  status TEXT NOT NULL,
  organization_id BIGINT,
  auth_time BIGINT,
  sid TEXT,
  decided_at BIGINT,
  consumed_at BIGINT,
  authorization_id BIGINT
);
CREATE INDEX device_codes_by_client ON device_codes (client_id);

CREATE TABLE activity (
  id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  proven INTEGER NOT NULL,
  at BIGINT NOT NULL,
  endpoint TEXT NOT NULL,
  error TEXT NOT NULL,
  code TEXT NOT NULL,
  status INTEGER NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX activity_by_client ON activity (client_id, proven, at);

CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  account_id BIGINT,
  client_id TEXT,
  organization_id BIGINT,
  network TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX audit_by_account ON audit (account_id, at);
CREATE INDEX audit_by_client ON audit (client_id, at);

CREATE TABLE home (
  one INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  issuer TEXT NOT NULL,
  demo INTEGER NOT NULL
);
