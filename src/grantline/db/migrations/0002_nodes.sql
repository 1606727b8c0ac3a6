ALTER TABLE home ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE home ADD COLUMN newest_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE home ADD COLUMN newest_by TEXT NOT NULL DEFAULT '';

CREATE TABLE jobs (
  name TEXT PRIMARY KEY,
  due_at BIGINT NOT NULL,
  claimed_by TEXT NOT NULL,
  claimed_until BIGINT NOT NULL
);

CREATE TABLE client_usage (
  client_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  span_seconds INTEGER NOT NULL,
  starts_at BIGINT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (client_id, span_seconds, starts_at, kind)
);
CREATE INDEX client_usage_by_start ON client_usage (span_seconds, starts_at);

ALTER TABLE audit ADD COLUMN number BIGINT;
ALTER TABLE audit ADD COLUMN seal BLOB;
CREATE UNIQUE INDEX audit_by_number ON audit (number);
CREATE INDEX audit_by_time ON audit (at);
CREATE TABLE audit_chain (
  one INTEGER PRIMARY KEY,
  first_number BIGINT NOT NULL,
  first_seal BLOB NOT NULL,
  last_number BIGINT NOT NULL,
  last_seal BLOB NOT NULL
);

CREATE INDEX pending_flows_by_end ON pending_flows (expires_at);
CREATE INDEX codes_by_end ON authorization_codes (expires_at);
CREATE INDEX device_codes_by_end ON device_codes (expires_at);
CREATE INDEX attempts_by_time ON attempts (last_at);
CREATE INDEX sessions_by_start ON sessions (created_at);
CREATE INDEX consents_by_end ON consents (withdrawn_at);
CREATE INDEX activity_by_time ON activity (at);
