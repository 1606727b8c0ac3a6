-- The data centers of the registry, this one too, as the last start or reload found them; and how it stands with each.
CREATE TABLE data_centers (
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  issuer TEXT NOT NULL,
  console TEXT NOT NULL,
  api_domain TEXT NOT NULL,
  keys TEXT NOT NULL,
  listed INTEGER NOT NULL,
  heard_at BIGINT,
  told_at BIGINT,
  -- When it was last asked what it has of our apps.
  compared_at BIGINT,
  problem TEXT NOT NULL
);

-- Messages from other data centers that were taken: none is taken twice.
CREATE TABLE messages_taken (
  sender TEXT NOT NULL,
  id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (sender, id)
);
CREATE INDEX messages_taken_by_end ON messages_taken (expires_at);

-- Where else an app of ours works or worked: what is wanted there, and what that data center has confirmed.
CREATE TABLE client_elsewhere (
  client_id TEXT NOT NULL REFERENCES clients (id),
  data_center TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  -- Secrets of its own there, as in clients.secrets; NULL: the same as at home.
  secrets TEXT,
  wanted_version BIGINT NOT NULL DEFAULT 0,
  confirmed_version BIGINT NOT NULL DEFAULT 0,
  confirmed_at BIGINT,
  -- When to send next; NULL: nothing is waiting.
  due_at BIGINT,
  -- What ends something goes before the rest.
  urgent INTEGER NOT NULL DEFAULT 0,
  waiting_since BIGINT,
  tries INTEGER NOT NULL DEFAULT 0,
  problem TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (client_id, data_center)
);
CREATE INDEX client_elsewhere_by_due ON client_elsewhere (data_center, due_at);

-- When an app last came into other hands: those who allowed it are asked once more then, in every data center.
ALTER TABLE clients ADD COLUMN handed_over_at BIGINT NOT NULL DEFAULT 0;

-- Apps of other data centers: the state that their home wants, and whether our operator blocked them here.
CREATE TABLE client_imports (
  client_id TEXT PRIMARY KEY REFERENCES clients (id),
  data_center TEXT NOT NULL,
  state TEXT NOT NULL,
  -- Of the definition that was taken: two of one version are the same.
  digest TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  blocked_at BIGINT
);
CREATE INDEX client_imports_by_home ON client_imports (data_center, client_id);

-- What was refused here to apps of other data centers, to be told to their owners; and what others told us.
CREATE TABLE causes_to_tell (
  client_id TEXT NOT NULL,
  -- Where the app lives.
  data_center TEXT NOT NULL,
  code TEXT NOT NULL,
  error TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  proven INTEGER NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  last_id TEXT NOT NULL,
  count BIGINT NOT NULL,
  -- How many of them its home has confirmed; 0: it has not even said that the app exists.
  told_count BIGINT NOT NULL,
  -- When to tell next; NULL: nothing is waiting.
  due_at BIGINT,
  PRIMARY KEY (client_id, code, endpoint, proven)
);
CREATE INDEX causes_to_tell_by_time ON causes_to_tell (last_at);
CREATE INDEX causes_to_tell_by_due ON causes_to_tell (data_center, due_at);
CREATE INDEX causes_to_tell_unconfirmed ON causes_to_tell (client_id) WHERE told_count = 0;
CREATE TABLE causes_elsewhere (
  client_id TEXT NOT NULL,
  data_center TEXT NOT NULL,
  code TEXT NOT NULL,
  error TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  proven INTEGER NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  last_id TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (client_id, data_center, code, endpoint, proven)
);
CREATE INDEX causes_elsewhere_by_time ON causes_elsewhere (last_at);
CREATE INDEX causes_elsewhere_by_request ON causes_elsewhere (last_id);

-- A device whose person lives in another data center: which one; and in which one it asked, if not in this.
ALTER TABLE device_codes ADD COLUMN user_location TEXT NOT NULL DEFAULT '';
ALTER TABLE device_codes ADD COLUMN started_in TEXT NOT NULL DEFAULT '';

-- People who moved to another data center: what their old refresh tokens answer for a while. No personal data.
ALTER TABLE accounts ADD COLUMN moving_to TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN move_id TEXT NOT NULL DEFAULT '';
CREATE TABLE moved_authorizations (
  id BIGINT PRIMARY KEY,
  client_id TEXT NOT NULL,
  data_center TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX moved_authorizations_by_end ON moved_authorizations (expires_at);
-- Who came from another data center by which move, so that asking again makes nobody twice; account 0: the move
-- was cancelled before anybody came.
CREATE TABLE arrivals (
  move_id TEXT PRIMARY KEY,
  sender TEXT NOT NULL,
  account_id BIGINT NOT NULL,
  arrived_at BIGINT NOT NULL
);
CREATE INDEX arrivals_by_sender ON arrivals (sender, arrived_at);
