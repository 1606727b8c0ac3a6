-- Where many processes write at once, only the database can say that there is one.
CREATE UNIQUE INDEX one_self_client ON clients (owner_account_id, organization_id)
  WHERE type = 'self-client' AND deleted_at IS NULL;
CREATE UNIQUE INDEX one_key_of_a_number ON keys (purpose, number);

-- Rows that are updated at each request find room on their own page, so no index changes with them.
-- postgresql: ALTER TABLE authorizations SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- postgresql: ALTER TABLE clients SET (fillfactor = 80);
-- postgresql: ALTER TABLE attempts SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
