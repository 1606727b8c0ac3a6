// An authorization server that we did not write, oidc-provider, for tests that know it by its issuer alone: it rotates
// refresh tokens and ends a grant whose old one comes back. Its one person allows everything. It listens on the port
// that it is told, says on standard output what it knows, and approves a device at /approve?user_code=….
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, life] = process.argv.slice(2).map(Number);
const issuer = `http://127.0.0.1:${port}`;
const accountId = '1001';
const SCOPE = 'crm.leads.read';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

function signingKey(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' };
}

const client = (id, grants, more) => ({
  client_id: id, client_secret: randomBytes(32).toString('base64url'), grant_types: grants, response_types: [],
  redirect_uris: [], token_endpoint_auth_method: 'client_secret_post', ...more,
});
const clients = [
  client('web', ['authorization_code', 'refresh_token'], {
    redirect_uris: ['https://app.example.com/callback'], response_types: ['code'],
  }),
  client('own', ['client_credentials']),
  client('tv', [DEVICE, 'refresh_token'], { client_secret: undefined, token_endpoint_auth_method: 'none' }),
];

const provider = new Provider(issuer, {
  clients,
  jwks: { keys: [signingKey('rsa', { modulusLength: 2048 }, 'RS256'), signingKey('ec', { namedCurve: 'P-256' }, 'ES256')] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  scopes: ['openid', 'email', 'offline_access', SCOPE],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  findAccount: (ctx, id) => ({
    accountId: id, claims: async () => ({ sub: id, email: 'mara@example.com', email_verified: true }),
  }),
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, known) => known.grantTypeAllowed('refresh_token'),
  interactions: { url: (ctx, interaction) => `/decide/${interaction.uid}` },
  ttl: { AccessToken: life, ClientCredentials: life, AuthorizationCode: 60, DeviceCode: 300, Grant: 86400, IdToken: 3600,
    Interaction: 600, RefreshToken: 86400, Session: 86400 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
  },
});

async function grantTo(clientId, scope) {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  return grant.save();
}

async function decide(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  const result = prompt.name === 'login'
    ? { login: { accountId } }
    : { consent: { grantId: await grantTo(params.client_id, params.scope) } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

async function approve(userCode, response) {
  const code = await provider.DeviceCode.findByUserCode(userCode.replace(/[^A-Z0-9]/g, ''), { ignoreExpiration: true });
  const { scope } = code.params;
  Object.assign(code, {
    accountId, scope, grantId: await grantTo(code.clientId, scope), authTime: Math.floor(Date.now() / 1000), claims: {},
  });
  await code.save();
  response.end('approved');
}

const callback = provider.callback();
createServer((request, response) => {
  const url = new URL(request.url, issuer);
  const failed = (problem) => { console.error(problem); response.statusCode = 500; response.end(); };
  if (url.pathname.startsWith('/decide/')) decide(request, response).catch(failed);
  else if (url.pathname === '/approve') approve(url.searchParams.get('user_code'), response).catch(failed);
  else callback(request, response);
}).listen(port, '127.0.0.1', () => console.log(JSON.stringify({ issuer, clients, accountId, scope: SCOPE })));
