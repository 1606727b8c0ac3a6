// A web app as people write it on openid-client. Usage: node openid_client.mjs STEP FILE
// FILE is JSON and is changed in place: `start` adds the address to send the person to, `finish` reads `back`, where
// the browser came back; `device` and `device_finish` are a device's two halves. Prints one JSON object.
import { readFileSync, writeFileSync } from "node:fs";
import * as client from "openid-client";

const [step, file] = process.argv.slice(2);
const told = JSON.parse(readFileSync(file, "utf8"));
const metadata = { id_token_signed_response_alg: "RS256" };
const authentication = told.client_secret
  ? { basic: client.ClientSecretBasic, post: client.ClientSecretPost }[told.method](told.client_secret)
  : client.None();
const config = await client.discovery(new URL(told.issuer), told.client_id, metadata, authentication, {
  execute: [client.allowInsecureRequests],
  algorithm: told.algorithm ?? "oidc",
});

async function start() {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: told.redirect_uri,
    scope: told.scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    access_type: "offline",
    state,
    nonce,
  });
  return { verifier, state, nonce, url: url.href, pkce: config.serverMetadata().supportsPKCE() };
}

async function finish() {
  const tokens = await client.authorizationCodeGrant(config, new URL(told.back), {
    pkceCodeVerifier: told.verifier,
    expectedState: told.state,
    expectedNonce: told.nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  const call = new URL(`${told.api_domain}/crm/v8/Leads?fields=Last_Name`);
  const before = await client.fetchProtectedResource(config, refreshed.access_token, call, "GET");
  const known = told.client_secret ? await client.tokenIntrospection(config, refreshed.access_token) : null;
  await client.tokenRevocation(config, refreshed.refresh_token ?? tokens.refresh_token);
  let after;
  try {
    after = (await client.fetchProtectedResource(config, refreshed.access_token, call, "GET")).status;
  } catch (problem) {
    after = problem.status;
  }
  return {
    claims,
    userinfo,
    rotated: refreshed.refresh_token !== undefined && refreshed.refresh_token !== tokens.refresh_token,
    scope: tokens.scope,
    before: before.status,
    known,
    after,
  };
}

async function device() {
  return { device: await client.initiateDeviceAuthorization(config, { scope: told.scope }) };
}

async function device_finish() {
  const tokens = await client.pollDeviceAuthorizationGrant(config, { ...told.device, interval: 1 });
  return { scope: tokens.scope, expires_in: tokens.expires_in };
}

async function credentials() {
  const tokens = await client.clientCredentialsGrant(config, { scope: told.scope });
  return { scope: tokens.scope, expires_in: tokens.expires_in };
}

const result = await { start, finish, device, device_finish, credentials }[step]();
writeFileSync(file, JSON.stringify({ ...told, ...result }));
console.log(JSON.stringify(result));
