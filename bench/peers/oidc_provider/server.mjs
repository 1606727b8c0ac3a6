// oidc-provider as its documentation asks for in production, with everything in memory: a Map, since the adapter that
// comes with it forgets all but a thousand entries. It fills itself through its own models, writes the bodies that wrk
// sends into PEER_DATA, and says that it is ready.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import Provider from 'oidc-provider';

const number = (name) => Number(process.env[`PEER_${name}`]);
const PORT = number('PORT');
const DATA = process.env.PEER_DATA;
const ISSUER = `http://127.0.0.1:${PORT}`;
const REDIRECT = 'https://app.example.com/callback';
const API = 'https://crm.example.com';
const SCOPE = 'crm.leads.read';
const VERIFIER = 'a-code-verifier-of-forty-three-characters-0';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

const entries = new Map();
const grants = new Map();
class InMemory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async find(id) { return entries.get(this.key(id)); }
  async findByUid(uid) { return entries.get(`uid:${uid}`); }
  async findByUserCode(code) { return entries.get(`userCode:${code}`); }
  async consume(id) { entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { entries.delete(this.key(id)); }
  async upsert(id, payload) {
    const key = this.key(id);
    entries.set(key, payload);
    if (payload.uid) entries.set(`uid:${payload.uid}`, payload);
    if (payload.grantId) {
      const held = grants.get(payload.grantId);
      if (held) held.push(key);
      else grants.set(payload.grantId, [key]);
    }
  }
  async revokeByGrantId(grantId) {
    for (const key of grants.get(grantId) ?? []) entries.delete(key);
    grants.delete(grantId);
  }
}

function signingKey(kid, type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

const rotating = (n) => n % 10 === 0;
const clients = Array.from({ length: number('CLIENTS') }, (_, n) => ({
  client_id: `client-${n}`,
  client_secret: randomBytes(32).toString('base64url'),
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  token_endpoint_auth_method: 'client_secret_post',
}));

const provider = new Provider(ISSUER, {
  adapter: InMemory,
  clients,
  jwks: {
    keys: [
      signingKey('rsa', 'rsa', { modulusLength: 2048 }, 'RS256'),
      signingKey('ec', 'ec', { namedCurve: 'P-256' }, 'ES256'),
    ],
  },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  scopes: ['openid', 'offline_access', SCOPE],
  findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  rotateRefreshToken: (ctx) => rotating(Number(ctx.oidc.client.clientId.slice('client-'.length))),
  issueRefreshToken: async (ctx, client, code) => code.scopes.has('offline_access'),
  ttl: { AccessToken: 3600, AuthorizationCode: 6 * 3600, ClientCredentials: 3600, Grant: 1209600, RefreshToken: 1209600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: SCOPE, accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.proxy = false;

const any = (list) => list[Math.floor(Math.random() * list.length)];
const form = (client, fields) => new URLSearchParams(
  { ...fields, client_id: client.client_id, client_secret: client.client_secret },
).toString();
const ordinary = clients.filter((_, n) => !rotating(n));
const rotated = clients.filter((_, n) => rotating(n));

async function write(name, count, line) {
  const file = createWriteStream(join(DATA, name));
  for (let n = 0; n < count; n += 1) {
    if (!file.write(`${await line(n)}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

async function authorization(client) {
  const accountId = `${Math.floor(Math.random() * 10000)}`;
  const grant = new provider.Grant({ accountId, clientId: client.client_id });
  grant.addOIDCScope(`openid offline_access ${SCOPE}`);
  return { accountId, grantId: await grant.save(), client: await provider.Client.find(client.client_id), scope: SCOPE };
}

async function refreshBody(client) {
  const held = await authorization(client);
  const token = await new provider.RefreshToken({ ...held, gty: 'authorization_code' }).save();
  return form(client, { grant_type: 'refresh_token', refresh_token: token });
}

async function introspectionBody() {
  const client = any(ordinary);
  const token = await new provider.AccessToken({ ...(await authorization(client)), gty: 'authorization_code' }).save();
  return form(client, { token });
}

async function codeBody() {
  const client = any(ordinary);
  const code = await new provider.AuthorizationCode({
    ...(await authorization(client)), scope: `offline_access ${SCOPE}`,
    redirectUri: REDIRECT, codeChallenge: CHALLENGE, codeChallengeMethod: 'S256',
  }).save();
  return form(client, {
    grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER,
  });
}

await write('client_credentials.0', clients.length, (n) => form(
  clients[n], { grant_type: 'client_credentials', scope: SCOPE },
));
await write('jwt.0', clients.length, (n) => form(
  clients[n], { grant_type: 'client_credentials', scope: SCOPE, resource: API },
));
await write('refresh.0', number('AUTHORIZATIONS'), () => refreshBody(any(ordinary)));
await write('introspection.0', number('INTROSPECTED'), introspectionBody);
for (let batch = 0; batch < number('BATCHES'); batch += 1) {
  await write(`rotation.${batch}`, number('ROTATING'), () => refreshBody(any(rotated)));
  await write(`codes.${batch}`, number('CODES'), codeBody);
}

provider.listen(PORT, '127.0.0.1', () => console.error('oidc-provider is ready'));
