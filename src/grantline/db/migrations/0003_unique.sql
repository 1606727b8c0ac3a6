-- Where many processes write at once, only the database can say that there is one.

-- Two registrations at one moment could make two self clients of one owner. The one whose tokens were used last
-- stays, else the oldest; the others are deleted as their owner would delete them, and the audit says so.
INSERT INTO audit (id, at, kind, account_id, client_id, organization_id, network, detail)
  SELECT 'second-' || c.id, c.updated_at, 'client.deleted', c.owner_account_id, c.id, c.organization_id, '',
    '{"reason": "a second self client of one owner"}'
  FROM clients c WHERE c.type = 'self-client' AND c.deleted_at IS NULL AND c.id <> (
    SELECT k.id FROM clients k WHERE k.type = 'self-client' AND k.deleted_at IS NULL
      AND k.owner_account_id = c.owner_account_id AND k.organization_id = c.organization_id
    ORDER BY (SELECT COALESCE(MAX(a.used_at), 0) FROM authorizations a
      WHERE a.client_id = k.id AND a.revoked_at IS NULL) DESC, k.created_at, k.id LIMIT 1);
UPDATE clients SET deleted_at = updated_at, secrets = '[]', version = version + 1
  WHERE deleted_at IS NULL AND 'second-' || id IN (SELECT id FROM audit);
UPDATE authorizations SET revoked_at = used_at, revoked_reason = 'client_deleted'
  WHERE revoked_at IS NULL AND 'second-' || client_id IN (SELECT id FROM audit);
UPDATE consents SET withdrawn_at = updated_at
  WHERE withdrawn_at IS NULL AND 'second-' || client_id IN (SELECT id FROM audit);
CREATE UNIQUE INDEX one_self_client ON clients (owner_account_id, organization_id)
  WHERE type = 'self-client' AND deleted_at IS NULL;

-- Two starts at one moment could make two keys of one number. The newest keeps it, and the others get numbers of
-- their own, so that what they signed can still be verified.
UPDATE keys SET number = (SELECT MAX(a.number) FROM keys a WHERE a.purpose = keys.purpose)
    + (SELECT COUNT(*) FROM keys b WHERE b.purpose = keys.purpose AND b.id <= keys.id)
  WHERE EXISTS (SELECT 1 FROM keys n WHERE n.purpose = keys.purpose AND n.number = keys.number
    AND (n.created_at > keys.created_at OR (n.created_at = keys.created_at AND n.id > keys.id)));
CREATE UNIQUE INDEX one_key_of_a_number ON keys (purpose, number);

-- Rows that are updated at each request find room on their own page, so no index changes with them.
-- postgresql: ALTER TABLE authorizations SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- postgresql: ALTER TABLE clients SET (fillfactor = 80);
-- postgresql: ALTER TABLE attempts SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
