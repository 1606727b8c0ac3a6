-- Apps belong to a workspace. Each account has one of its own, whose number is the account's.
CREATE TABLE workspaces (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  personal INTEGER NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE TABLE workspace_members (
  account_id BIGINT NOT NULL REFERENCES accounts (id),
  workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
  role TEXT NOT NULL,
  joined_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, workspace_id)
);
CREATE INDEX members_by_workspace ON workspace_members (workspace_id);
CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE,
  workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  role TEXT NOT NULL,
  invited_by BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  mailed_at BIGINT
);
CREATE UNIQUE INDEX one_invitation ON invitations (workspace_id, email_key);
CREATE INDEX invitations_by_end ON invitations (expires_at);

INSERT INTO workspaces (id, name, personal, created_at)
  SELECT id, '', 1, created_at FROM accounts;
INSERT INTO workspace_members (account_id, workspace_id, role, joined_at)
  SELECT id, id, 'owner', created_at FROM accounts;
ALTER TABLE clients ADD COLUMN workspace_id BIGINT NOT NULL DEFAULT 0;
UPDATE clients SET workspace_id = owner_account_id;
CREATE INDEX clients_by_workspace ON clients (workspace_id, created_at);

-- How far an app has come: the first of each step, once.
CREATE TABLE client_firsts (
  client_id TEXT NOT NULL,
  step TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (client_id, step)
);

-- What was refused, by cause, for longer than the entries themselves are kept.
CREATE TABLE client_causes (
  client_id TEXT NOT NULL,
  workspace_id BIGINT NOT NULL,
  proven INTEGER NOT NULL,
  code TEXT NOT NULL,
  error TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  last_id TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (client_id, code, proven)
);
CREATE INDEX client_causes_by_workspace ON client_causes (workspace_id, last_at);
CREATE INDEX client_causes_by_end ON client_causes (last_at);
ALTER TABLE client_usage ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;

-- The people of an app, page by page.
DROP INDEX authorizations_by_client;
CREATE INDEX authorizations_by_client ON authorizations (client_id, account_id);

-- Keys of people for the console's API.
CREATE TABLE personal_tokens (
  id TEXT PRIMARY KEY,
  account_id BIGINT NOT NULL REFERENCES accounts (id),
  workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
  name TEXT NOT NULL,
  token_hash BLOB NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX personal_tokens_by_account ON personal_tokens (account_id);

-- A failure that an app's owner asked for, to see how the app copes.
CREATE TABLE rehearsals (
  client_id TEXT PRIMARY KEY,
  code TEXT NOT NULL,
  grant_type TEXT NOT NULL,
  account_id BIGINT NOT NULL,
  remaining INTEGER NOT NULL,
  started_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE INDEX rehearsals_by_end ON rehearsals (ends_at);
ALTER TABLE clients ADD COLUMN rehearsal_until BIGINT NOT NULL DEFAULT 0;

-- Apps that exist for one run of a flow and are deleted after it.
ALTER TABLE clients ADD COLUMN trial_of TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN trial_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX clients_by_trial ON clients (trial_until) WHERE trial_of <> '';
DROP INDEX one_self_client;
CREATE UNIQUE INDEX one_self_client ON clients (owner_account_id, organization_id)
  WHERE type = 'self-client' AND deleted_at IS NULL AND trial_of = '';
CREATE TABLE trials (
  client_id TEXT PRIMARY KEY,
  account_id BIGINT NOT NULL,
  trial_of TEXT NOT NULL,
  state_hash BLOB NOT NULL UNIQUE,
  version BIGINT NOT NULL,
  sealed BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE INDEX trials_by_account ON trials (account_id, trial_of);

ALTER TABLE clients ADD COLUMN policy_url TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN terms_url TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN logo_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]';
CREATE TABLE logos (
  digest TEXT PRIMARY KEY,
  content_type TEXT NOT NULL,
  content BLOB NOT NULL,
  created_at BIGINT NOT NULL
);

-- How many apps each person of a workspace registered.
CREATE INDEX clients_by_workspace_and_owner ON clients (workspace_id, owner_account_id)
  WHERE deleted_at IS NULL AND trial_of = '';

-- In which workspace something was changed, for those who may see it.
ALTER TABLE audit ADD COLUMN workspace_id BIGINT;
CREATE INDEX audit_by_workspace ON audit (workspace_id, at, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX audit_by_workspace_and_kind ON audit (workspace_id, kind, at, id) WHERE workspace_id IS NOT NULL;
