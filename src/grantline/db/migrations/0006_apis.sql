-- What the owner of an API declares about it.
ALTER TABLE apis ADD COLUMN workspace_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apis ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE apis ADD COLUMN token_format TEXT NOT NULL DEFAULT 'opaque';
ALTER TABLE apis ADD COLUMN token_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE apis ADD COLUMN origins_policy TEXT NOT NULL DEFAULT 'registered';
ALTER TABLE apis ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX apis_by_workspace ON apis (workspace_id, created_at);
