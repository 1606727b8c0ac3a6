/**
 * Grantline for apps that live in the page: sign-in, a token that is never dead, calls to an API.
 *
 *     const gl = new Grantline({ issuer, clientId, redirectUri, scope: "openid email CRM.modules.leads.READ" });
 *     (await gl.handleRedirect()) ?? (await gl.restore());          // with every load of the page
 *     button.onclick = () => gl.login({ popup: true });
 *     const leads = await (await gl.fetch("/crm/v8/Leads?fields=Last_Name")).json();
 *
 * Tokens stand in memory alone: no other tab and no next load of the page can read them. What must survive the
 * way to the sign-in and back (state, nonce, verifier) stands in this tab's sessionStorage until the answer is there.
 * Nothing is sent to an address only because an answer names it: only to the issuer, to the data centers that it
 * lists, and to the APIs that it or the app names.
 *
 * Sources: RFC 6749, 7636 (PKCE), 9207 (iss), OpenID Connect Core, RFC 9700.
 */

/** What went wrong: `message` says what happened, `fix` what to do, `code` is the word for programs. */
export class GrantlineError extends Error {
  constructor(code, message, fix) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.fix = fix;
  }
}
/** Only the person can go on: signed out, allowed nothing yet, or took it back. Show the button. */
export class SignInNeeded extends GrantlineError {}
/** The pop-up was blocked, or closed before the end. */
export class PopupProblem extends GrantlineError {}
/** What came back is no answer to what this page asked, or its id_token proves nothing. */
export class AnswerRefused extends GrantlineError {}
/** The server said no, in words: `code` is its error. */
export class ServerRefused extends GrantlineError {}
/** No answer, or none that can be read. Try again later. */
export class Unreachable extends GrantlineError {}

const KEPT = "grantline:"; // how the names in sessionStorage begin
const SIGNED_OUT = "grantline-signed-out";
const POPUP = "popup."; // how the state of an attempt in a pop-up begins
const ATTEMPT_MS = 3_600_000;
const LEEWAY_SECONDS = 60;
const PATIENCE_MS = 20_000;
const ANSWER = ["code", "state", "iss", "location", "accounts-server", "error", "error_description", "error_uri",
  "access_token", "token_type", "expires_in", "scope", "api_domain", "id_token"];
// What the server says when it may show nothing and the person would have to see something.
const SILENT = ["login_required", "consent_required", "interaction_required", "account_selection_required",
  "client_not_granted", "prompt_required"];
const AGAIN = "Show the sign-in button: only the person can go on.";
const START_AGAIN = "Start again with login().";
const ALGORITHMS = {
  RS256: { kty: "RSA", hash: "SHA-256", key: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } },
  ES256: { kty: "EC", hash: "SHA-256", key: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } },
  Ed25519: { kty: "OKP", hash: "SHA-512", key: { name: "Ed25519" } },
  EdDSA: { kty: "OKP", hash: "SHA-512", key: { name: "Ed25519" } }, // its name of before RFC 9864
};

/**
 * @typedef {object} Setup
 * @property {string} issuer  the accounts address, to the letter
 * @property {string} clientId
 * @property {string} redirectUri  registered, and of this page's origin
 * @property {string} [scope]  with spaces; `openid` tells who it is, `offline_access` gives a refresh token
 * @property {"code" | "implicit"} [flow]
 * @property {string[]} [apis]  addresses of further APIs that may get the token
 * @property {string} [renewUri]  registered: an empty page for silent answers, in the place of redirectUri
 *
 * @typedef {object} User
 * @property {string} issuer  with `subject`: who it is, for ever
 * @property {string} subject
 * @property {string} [email]
 * @property {string} [name]
 * @property {object} claims  everything in the id_token
 */

/**
 * One app and the person in front of it. Events: `change` (user or connected did), and `ended` when the grant is
 * over without a logout() here; its `detail` is the error.
 */
export class Grantline extends EventTarget {
  #setup;
  #servers = new Map(); // by issuer: a promise of its metadata
  #centers = null; // a promise of the data centers that the issuer lists
  #keys = new Map(); // by issuer: a promise of its JWKS
  #clockOffset = null; // server's time less ours, in ms
  #tokens = null;
  #user = null;
  #renewing = null;
  #handling = null;
  #nextTry = 0;
  #channel;

  /** @param {Setup} setup */
  constructor(setup) {
    super();
    if (!globalThis.isSecureContext) throw misuse("This page is not served by https: it can't check anything.");
    for (const name of ["issuer", "clientId", "redirectUri"])
      if (!setup?.[name]) throw misuse(`${name} is missing.`);
    const usual = { scope: "openid", flow: "code", apis: [], renewUri: setup.redirectUri };
    this.#setup = Object.freeze({ ...usual, ...setup });
    for (const address of [setup.issuer, ...this.#setup.apis]) checkAddress(address);
    for (const name of ["redirectUri", "renewUri"]) {
      if (new URL(this.#setup[name]).origin !== location.origin)
        throw misuse(`${name} is not of this page's origin, ${location.origin}.`);
    }
    this.#channel = new BroadcastChannel(`grantline ${setup.issuer} ${setup.clientId}`);
    this.#channel.onmessage = ({ data }) => {
      if (data !== "logout") return;
      sessionStorage.setItem(SIGNED_OUT, "1");
      this.#leave(signedOut()).catch(() => {});
    };
  }

  /** Who it is, proven by an id_token; null: nobody, or `openid` was not asked. @returns {User | null} */
  get user() { return this.#user; }
  /** Whether there is a grant. */
  get connected() { return this.#tokens !== null; }
  /** The address of the person's APIs, at their data center; empty without a grant. */
  get apiDomain() { return this.#tokens?.apiDomain ?? ""; }
  /** When the token ends, as `Date.now()` counts; 0 without one. To show it: token() sees to the next in time. */
  get expiresAt() { return this.#tokens?.until ?? 0; }

  /**
   * Let the person sign in and allow: in this page, which is left for it (the promise stays open), or in a pop-up
   * (call it in a click, before anything is awaited). `returnTo`: a path of this app, for handleRedirect's answer.
   * @returns {Promise<User | null>}
   */
  async login({ popup = false, prompt = "", loginHint = "", returnTo = "" } = {}) {
    const opened = popup ? openPopup() : null; // at once, while the click still counts
    try {
      sessionStorage.removeItem(SIGNED_OUT);
      const more = { prompt, login_hint: loginHint };
      const { attempt, url } = await this.#ask({ mark: popup ? POPUP : "", more, returnTo });
      if (opened === null) {
        remember(attempt);
        location.assign(url);
        return await new Promise(() => {});
      }
      opened.location.replace(url);
      await this.#take(await hear(opened, attempt.state), attempt);
      return this.#user;
    } finally {
      opened?.close();
    }
  }

  /**
   * Take the answer to login() out of the address, if there is one; it is gone from there at once. In a pop-up the
   * answer goes to the page that opened it, and the promise stays open.
   * @returns {Promise<{user: User | null, returnTo: string} | null>} null: no answer here
   */
  async handleRedirect() {
    const answer = takeFromAddress(this.#setup.redirectUri);
    if (answer === null) return this.#handling;
    const state = answer.get("state");
    if (state.startsWith(POPUP) && window.opener) {
      window.opener.postMessage({ grantline: answer.toString() }, location.origin);
      window.close();
      return new Promise(() => {});
    }
    this.#handling = (async () => {
      const attempt = recall(state);
      await this.#take(answer, attempt);
      return { user: this.#user, returnTo: attempt.returnTo };
    })();
    return this.#handling;
  }

  /**
   * After a reload: get tokens again without a word, if the person is signed in and allowed this before. Needs the
   * accounts server on the same site as the app, since browsers keep cookies from frames of other sites. `issuer`:
   * the person's data center, where the app remembers it.
   * @returns {Promise<User | null>} null: show the button
   */
  async restore({ issuer = this.#setup.issuer } = {}) {
    if (this.#tokens !== null || sessionStorage.getItem(SIGNED_OUT)) return this.#user;
    const { locations } = await this.#list();
    if (issuer !== this.#setup.issuer && !Object.values(locations).includes(issuer))
      throw misuse(`${issuer} is no data center of ${this.#setup.issuer}.`);
    try {
      await this.#single(() => this.#askSilently(null, issuer));
    } catch (problem) {
      if (!(problem instanceof SignInNeeded)) throw problem;
    }
    return this.#user;
  }

  /** A token that is good now, renewed ahead of its end. Raises SignInNeeded when there is no way to one. */
  async token() {
    const tokens = this.#tokens;
    if (tokens === null) throw new SignInNeeded("not_signed_in", "Nobody is signed in.", AGAIN);
    const left = tokens.until - Date.now();
    const early = Math.min(900_000, tokens.life / 4), must = Math.min(60_000, tokens.life / 10);
    if (left <= must) {
      return this.#renewOrEnd().catch((problem) => {
        if (problem instanceof Unreachable && tokens.until > Date.now()) return tokens.access; // good to its end
        throw problem;
      });
    }
    // Whoever needs a token in the early window sees to the next one, and does not wait for it.
    const later = () => { this.#nextTry = Date.now() + 30_000; };
    if (left <= early && Date.now() >= this.#nextTry) this.#renew().catch(later);
    return tokens.access;
  }

  /**
   * As `fetch`, with the token. `url`: a path at the person's apiDomain, or an address there, at one of `apis` or
   * at the server that made the token; it goes nowhere else. A token that is refused is renewed once.
   * @returns {Promise<Response>}
   */
  async fetch(url, init = {}) {
    for (let tries = 1; ; tries += 1) {
      const token = await this.token();
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${token}`);
      const response = await fetch(this.#apiAddress(url), { credentials: "omit", redirect: "error", ...init, headers });
      if (response.status !== 401 || tries > 1 || init.body instanceof ReadableStream) return response;
      const current = this.#tokens;
      if (current?.access !== token) continue; // renewed meanwhile
      if (current.afterRefusal && Date.now() - current.since < 60_000) return response; // it is not the token
      await this.#renewOrEnd();
      if (this.#tokens !== null) this.#tokens.afterRefusal = true;
    }
  }

  /** Revoke the grant, here and in this app's other tabs. Raises Unreachable when the server did not hear it. */
  async logout() {
    sessionStorage.setItem(SIGNED_OUT, "1"); // so that restore() does not undo it
    this.#channel.postMessage("logout");
    await this.#leave(null);
  }

  // ---- asking, and taking the answer ----------------------------------------------------------------------------

  async #ask({ issuer = this.#setup.issuer, mark = "", more = {}, returnTo = "", silent = false }) {
    const { clientId, flow, scope } = this.#setup;
    const [server, home] = await Promise.all([this.#server(issuer), this.#server(this.#setup.issuer)]);
    const centers = await this.#list();
    const attempt = {
      state: mark + random(), nonce: random(), verifier: random(48), implicit: flow === "implicit", issuer,
      issuers: centers.locations, saysIss: home.authorization_response_iss_parameter_supported === true,
      redirectUri: silent ? this.#setup.renewUri : this.#setup.redirectUri, at: Date.now(), returnTo: ownPath(returnTo),
    };
    const openid = scope.split(/[\s,]+/).includes("openid");
    const question = {
      client_id: clientId, redirect_uri: attempt.redirectUri, scope, state: attempt.state, nonce: attempt.nonce, ...more,
      response_type: !attempt.implicit ? "code" : openid ? "id_token token" : "token",
    };
    if (!attempt.implicit) {
      const challenge = await crypto.subtle.digest("SHA-256", bytes(attempt.verifier));
      Object.assign(question, { code_challenge: base64url(challenge), code_challenge_method: "S256" });
    }
    let endpoint = server.authorization_endpoint;
    if (silent && attempt.implicit && server.dc_info) endpoint += "/refresh"; // the described silent renewal
    else if (silent) question.prompt = "none";
    const url = new URL(endpoint);
    for (const [name, value] of Object.entries(question)) if (value) url.searchParams.set(name, value);
    return { attempt, url: url.href };
  }

  async #take(answer, attempt, before = null) {
    const issuer = answeringIssuer(answer, attempt);
    if (answer.has("error")) throw refusalOf(answer);
    const server = await this.#server(issuer);
    if (attempt.implicit) return this.#keep(server, Object.fromEntries(answer), { attempt, front: true, before });
    if (!answer.get("code")) throw notOurs("answer_empty", "The answer holds no code.");
    const members = await this.#post(server.token_endpoint, {
      grant_type: "authorization_code", code: answer.get("code"), redirect_uri: attempt.redirectUri,
      client_id: this.#setup.clientId, code_verifier: attempt.verifier,
    });
    return this.#keep(server, members, { attempt, code: answer.get("code"), before });
  }

  async #keep(server, members, { attempt = null, code = "", front = false, before = null }) {
    const access = members.access_token, at = Date.now();
    if (!access || String(members.token_type ?? "Bearer").toLowerCase() !== "bearer")
      throw notOurs("answer_empty", "The answer holds no token.");
    let user = before?.user ?? null;
    if (members.id_token) {
      const claims = await this.#verify(server, members.id_token, { nonce: attempt?.nonce, access, code, front });
      if (user !== null && (user.subject !== claims.sub || user.issuer !== claims.iss))
        throw new SignInNeeded("person_changed", "Somebody else has signed in meanwhile.", AGAIN);
      user = await this.#describe(server, claims, access, user);
    } else if (attempt !== null && this.#setup.scope.split(/[\s,]+/).includes("openid")) {
      throw notOurs("id_token_missing", "The answer does not say who it is.");
    }
    const centers = await this.#list();
    const domain = String(members.api_domain ?? before?.apiDomain ?? "").replace(/\/$/, "");
    const life = Math.max(0, Number(members.expires_in ?? 3600)) * 1000 || 3_600_000;
    const tokens = {
      access, refresh: (!front && members.refresh_token) || before?.refresh || "", server, user,
      since: at, until: at + life, life, afterRefusal: false,
      apiDomain: Object.values(centers.api_domains).includes(domain) ? domain : "",
    };
    const gone = before !== null && this.#tokens !== before;
    if (gone || sessionStorage.getItem(SIGNED_OUT)) { // signed out while this was under way
      this.#revoke(tokens).catch(() => {});
      throw signedOut();
    }
    this.#tokens = tokens;
    this.#user = user;
    if (before === null || before.user?.subject !== user?.subject) this.dispatchEvent(new Event("change"));
    return access;
  }

  /** Name and address of who was proven; they are the userinfo endpoint's where the id_token leaves them out. */
  async #describe(server, claims, access, before) {
    let told = claims;
    if (!claims.email && !claims.name && before) told = before;
    else if (!claims.email && /\b(email|profile)\b/.test(this.#setup.scope) && server.userinfo_endpoint) {
      const headers = { Authorization: `Bearer ${access}` };
      told = await this.#get(server.userinfo_endpoint, { headers }).catch(() => claims); // who it is stands already
      if (told.sub !== claims.sub) throw notOurs("sub_wrong", "The server describes somebody else.");
    }
    return Object.freeze({ issuer: claims.iss, subject: claims.sub, email: told.email, name: told.name, claims });
  }

  // ---- renewing -------------------------------------------------------------------------------------------------

  #single(work) {
    return (this.#renewing ??= work().finally(() => { this.#renewing = null; }));
  }

  #renew() {
    const before = this.#tokens;
    return this.#single(async () => {
      if (before.refresh) {
        try {
          return await this.#refresh(before);
        } catch (problem) {
          if (!(problem instanceof SignInNeeded) || this.#tokens !== before) throw problem;
        }
      }
      return this.#askSilently(before);
    });
  }

  async #renewOrEnd() {
    try {
      return await this.#renew();
    } catch (problem) {
      if (problem instanceof SignInNeeded) this.#end(problem);
      throw problem;
    }
  }

  async #refresh(before) {
    const form = { grant_type: "refresh_token", refresh_token: before.refresh, client_id: this.#setup.clientId };
    const ask = () => this.#post(before.server.token_endpoint, form);
    // The answer may have been lost on its way; within a minute the same token yields the same successor.
    const members = await ask().catch((problem) => {
      if (problem.code === "unreachable") return ask();
      throw problem;
    });
    return this.#keep(before.server, members, { before });
  }

  /** In a frame that nobody sees and where no script runs: the answer is read from its address. */
  async #askSilently(before, issuer = before.server.issuer) {
    const { attempt, url } = await this.#ask({ issuer, silent: true });
    return this.#take(await readFrame(url, attempt.redirectUri, attempt.state), attempt, before);
  }

  // ---- ending ---------------------------------------------------------------------------------------------------

  #end(problem) {
    const had = this.#tokens;
    this.#tokens = this.#user = null;
    if (had === null) return null;
    if (problem !== null) this.dispatchEvent(new CustomEvent("ended", { detail: problem }));
    this.dispatchEvent(new Event("change"));
    return had;
  }

  async #leave(problem) {
    const had = this.#end(problem);
    if (had !== null) await this.#revoke(had);
  }

  async #revoke({ server, refresh, access }) {
    if (!server.revocation_endpoint) return;
    await this.#post(server.revocation_endpoint, { token: refresh || access, client_id: this.#setup.clientId });
  }

  // ---- the server -----------------------------------------------------------------------------------------------

  #server(issuer) {
    return once(this.#servers, issuer, async () => {
      const members = await this.#get(`${issuer}/.well-known/openid-configuration`);
      if (members.issuer !== issuer)
        throw new Unreachable("issuer_differs", `${issuer} has another name.`, "Use the issuer to the letter.");
      const optional = ["userinfo_endpoint", "revocation_endpoint", "dc_info"].filter((name) => members[name]);
      for (const name of ["authorization_endpoint", "token_endpoint", "jwks_uri", ...optional])
        checkAddress(members[name]);
      return members;
    });
  }

  /** The data centers that the configured issuer lists: the only ones beside it that anything is sent to. */
  #list() {
    return (this.#centers ??= (async () => {
      const { dc_info } = await this.#server(this.#setup.issuer);
      const { locations = {}, api_domains = {} } = dc_info ? await this.#get(dc_info) : {};
      return { locations, api_domains };
    })().catch((problem) => { this.#centers = null; throw problem; }));
  }

  #get(url, init = {}) { return this.#json(url, init); }
  #post(url, form) { return this.#json(url, { method: "POST", body: new URLSearchParams(form) }); }

  async #json(url, init) {
    let response, text, members = null;
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      response = await fetch(url, { credentials: "omit", redirect: "error", signal, ...init });
      text = await response.text();
    } catch {
      throw new Unreachable("unreachable", `${new URL(url).host} did not answer this page.`,
        `Check the network, and that the console has ${location.origin} among this client's origins.`);
    }
    // A stored answer has an old date, so of all dates the latest is the nearest.
    const offset = Date.parse(response.headers.get("date") ?? "") - Date.now();
    if (!Number.isNaN(offset)) this.#clockOffset = Math.max(this.#clockOffset ?? -Infinity, offset);
    try { members = text ? JSON.parse(text) : {}; } catch { /* said below */ }
    if (response.ok && members !== null && typeof members === "object" && !members.error) return members;
    const { error = "", grantline_code: code, error_description: said } = members ?? {};
    if (error === "invalid_grant") throw new SignInNeeded(code || error, said ?? "The grant is over.", AGAIN);
    if (error && response.status < 500 && response.status !== 429)
      throw new ServerRefused(code || error, said ?? `The server answered ${error}.`, "Look the code up in the console.");
    throw new Unreachable("no_answer", `${new URL(url).host} answered ${response.status}.`, "Try again in a while.");
  }

  /** OpenID Connect Core §3.1.3.7, §3.2.2.11. What is missing fails. @returns {Promise<object>} the claims */
  async #verify(server, token, { nonce, access, code, front }) {
    const parts = String(token).split(".");
    const [header, claims] = parts.slice(0, 2).map((part) => readPart(part));
    const kind = Object.hasOwn(ALGORITHMS, header?.alg ?? "") ? ALGORITHMS[header.alg] : null;
    const typ = String(header?.typ ?? "JWT").toUpperCase();
    if (parts.length !== 3 || !claims || kind === null || header.crit || typ !== "JWT")
      throw notOurs("id_token_alg", "The id_token is not signed in a way that proves anything.");
    const key = await this.#key(server, header);
    const algorithm = { ...kind.key };
    const imported = await crypto.subtle.importKey("jwk", key, algorithm, false, ["verify"]).catch(() => null);
    const signed = imported !== null && (await crypto.subtle.verify(algorithm, imported, unbase64url(parts[2]),
      bytes(`${parts[0]}.${parts[1]}`)));
    const now = (Date.now() + (this.#clockOffset ?? 0)) / 1000;
    const half = async (value) => {
      const hash = await crypto.subtle.digest(kind.hash, bytes(value));
      return base64url(hash.slice(0, hash.byteLength / 2));
    };
    const { clientId } = this.#setup, audience = [claims.aud].flat();
    const faults = {
      signature: !signed,
      iss: claims.iss !== server.issuer,
      aud: audience.length !== 1 || audience[0] !== clientId || (claims.azp ?? clientId) !== clientId,
      exp: !(claims.exp > now - LEEWAY_SECONDS) || typeof claims.iat !== "number",
      sub: typeof claims.sub !== "string" || !claims.sub,
      nonce: nonce !== undefined && claims.nonce !== nonce,
      at_hash: (front || claims.at_hash !== undefined) && claims.at_hash !== (await half(access)),
      c_hash: claims.c_hash !== undefined && claims.c_hash !== (await half(code)),
    };
    const wrong = Object.keys(faults).find((name) => faults[name]);
    if (wrong) throw notOurs(`id_token_${wrong}`, `The id_token does not hold: its ${wrong} is wrong.`);
    return Object.freeze(claims);
  }

  /** The server's key of this header. Keys are read anew once when one is new. */
  async #key(server, { alg, kid }) {
    for (const fresh of [false, true]) {
      if (fresh) this.#keys.delete(server.issuer);
      const read = () => this.#get(server.jwks_uri, { cache: "no-cache" });
      const { keys = [] } = await once(this.#keys, server.issuer, read);
      const fit = keys.filter((key) => key.kty === ALGORITHMS[alg].kty && (key.alg ?? alg) === alg
        && (key.use ?? "sig") === "sig" && (kid === undefined || key.kid === kid));
      if (fit.length === 1) return { ...fit[0], key_ops: undefined };
    }
    throw notOurs("id_token_key", "The id_token is signed with a key that the server does not have.");
  }

  #apiAddress(target) {
    const { apiDomain } = this, issuer = this.#tokens?.server.issuer;
    const apis = [apiDomain, ...this.#setup.apis, issuer].filter(Boolean);
    const text = String(target);
    const url = new URL(text.startsWith("/") ? apis[0].replace(/\/$/, "") + text : text, location.href);
    const inside = apis.map((api) => new URL(api)).some((api) => url.origin === api.origin && !url.username
      && `${url.pathname}/`.startsWith(`${api.pathname.replace(/\/$/, "")}/`));
    if (inside) return url.href;
    throw misuse(`${url.origin} gets no token: it is not ${apiDomain || "an API"} and not among this app's apis.`);
  }
}

// ---- the page: address, storage, pop-up, frame ------------------------------------------------------------------

/** The answer in the address, which is cleaned before anything else happens; null when there is none. */
function takeFromAddress(redirectUri) {
  if (location.pathname !== new URL(redirectUri).pathname) return null; // perhaps another's answer
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.replace(/^#&?/, ""));
  const isAnswer = (one) => one.has("state") && ["code", "access_token", "error"].some((name) => one.has(name));
  const found = [fragment, query].find(isAnswer);
  if (found === undefined) return null;
  const answer = new URLSearchParams(found);
  if (found === query) ANSWER.forEach((name) => query.delete(name));
  const rest = found === fragment ? location.search : String(query) && `?${query}`;
  history.replaceState(history.state, "", location.pathname + rest + (found === fragment ? "" : location.hash));
  return answer;
}

function remember(attempt) {
  for (const name of Object.keys(sessionStorage).filter((one) => one.startsWith(KEPT))) {
    const { at = 0 } = readJson(sessionStorage.getItem(name)) ?? {};
    if (Date.now() - at > ATTEMPT_MS) sessionStorage.removeItem(name);
  }
  sessionStorage.setItem(KEPT + attempt.state, JSON.stringify(attempt));
}

/** The attempt of this state, once. */
function recall(state) {
  const attempt = readJson(sessionStorage.getItem(KEPT + state));
  sessionStorage.removeItem(KEPT + state);
  if (attempt?.state === state && Date.now() - attempt.at < ATTEMPT_MS) return attempt;
  throw notOurs("state_unknown", "This tab did not ask what is answered here.");
}

/** Who answered, by RFC 9207 and the list of data centers. No request is made before this holds. */
function answeringIssuer(answer, attempt) {
  if (ANSWER.some((name) => answer.getAll(name).length > 1))
    throw notOurs("answer_doubled", "The answer says something twice.");
  if (answer.get("state") !== attempt.state) throw notOurs("state_wrong", "The answer is to another question.");
  const listed = Object.values(attempt.issuers), iss = answer.get("iss");
  const at = answer.get("location");
  if (iss === null && !attempt.saysIss) return Object.hasOwn(attempt.issuers, at) ? attempt.issuers[at] : attempt.issuer;
  if (iss === attempt.issuer || listed.includes(iss)) return iss;
  throw notOurs("iss_wrong", "The answer is from a server that this app did not ask.");
}

function refusalOf(answer) {
  const error = answer.get("error"), said = answer.get("error_description") ?? `The server answered ${error}.`;
  if (SILENT.includes(error)) return new SignInNeeded(error, said.slice(0, 300), AGAIN);
  const fix = error === "access_denied" ? "Offer the button again." : "Look the code up in the console.";
  return new ServerRefused(error, said.slice(0, 300), fix);
}

function openPopup() {
  const [width, height] = [480, 720];
  const left = Math.max(0, window.screenX + (window.outerWidth - width) / 2);
  const top = Math.max(0, window.screenY + (window.outerHeight - height) / 2);
  const opened = window.open("", "", `popup,width=${width},height=${height},left=${left},top=${top}`);
  if (opened) return opened;
  throw new PopupProblem("popup_blocked", "The browser opened no pop-up.",
    "Call login() in a click, before anything is awaited; or without popup.");
}

/** The answer from the pop-up: this origin's, out of this very window, to this very question (T59). */
function hear(popup, state) {
  return new Promise((resolve, reject) => {
    let closed = 0;
    const end = (settle, value) => {
      window.removeEventListener("message", listen);
      clearInterval(watch);
      settle(value);
    };
    const listen = (event) => {
      if (event.origin !== location.origin || event.source !== popup) return;
      if (typeof event.data?.grantline !== "string") return;
      const answer = new URLSearchParams(event.data.grantline);
      if (answer.get("state") === state) end(resolve, answer);
    };
    const watch = setInterval(() => {
      if (popup.closed) closed += 1;
      if (closed > 2) // its last message may still be on its way
        end(reject, new PopupProblem("popup_closed", "The pop-up was closed before the end.", "Offer the button "
          + "again. If nobody closed it: this page's Cross-Origin-Opener-Policy must be same-origin-allow-popups."));
    }, 250);
    window.addEventListener("message", listen);
  });
}

function readFrame(url, redirectUri, state) {
  return new Promise((resolve, reject) => {
    const frame = document.createElement("iframe");
    const end = (settle, value) => { clearTimeout(timer); frame.remove(); settle(value); };
    const blocked = () => end(reject, new Unreachable("frame_blocked", "The silent answer could not be read.",
      "Check the network, and let your redirect page be framed by your own origin (frame-ancestors 'self')."));
    const timer = setTimeout(blocked, PATIENCE_MS);
    frame.sandbox = "allow-same-origin"; // no script runs in it, neither the app's nor another's
    frame.hidden = true;
    frame.onload = () => {
      let href = "";
      try { href = frame.contentWindow.location.href; } catch { /* another origin: a page, not an answer */ }
      const [address, query = "", fragment = ""] = cut(href);
      const answer = new URLSearchParams([query, fragment].find((text) => new URLSearchParams(text).has("state")) ?? "");
      if (address === cut(redirectUri)[0] && answer.get("state") === state) end(resolve, answer);
      else blocked();
    };
    frame.src = url;
    document.body.append(frame);
  });
}

const cut = (href) => /^([^?#]*)\??([^#]*)#?&?(.*)$/s.exec(href).slice(1);

/** The path if it leads to a place of this app, else nothing. `/.//other.example` becomes `//other.example`. */
function ownPath(path) {
  const url = new URL(path || "/", location.origin);
  const own = path && url.origin === location.origin && /^\/(?!\/)/.test(url.pathname);
  return own ? url.pathname + url.search + url.hash : "";
}

// ---- small parts ------------------------------------------------------------------------------------------------

const misuse = (message) => new GrantlineError("misuse", message, "Compare with the guide for apps in the page.");
const notOurs = (code, message) => new AnswerRefused(code, message, START_AGAIN);
const signedOut = () => new SignInNeeded("signed_out", "The person signed out.", AGAIN);
const bytes = (text) => new TextEncoder().encode(text);
const random = (length = 24) => base64url(crypto.getRandomValues(new Uint8Array(length)));

/** https, or http on this machine. */
function checkAddress(address) {
  const url = URL.canParse(address ?? "") ? new URL(address) : null;
  const here = url?.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (!url || (url.protocol !== "https:" && !here) || url.username || url.hash)
    throw misuse("An issuer, an endpoint or an API is not an https:// address.");
}

/** One promise per key; one that failed is tried anew. */
function once(map, key, make) {
  if (!map.has(key)) map.set(key, make().catch((problem) => { map.delete(key); throw problem; }));
  return map.get(key);
}

function base64url(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function unbase64url(text) {
  try {
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function readJson(text) {
  try { return JSON.parse(text); } catch { return null; }
}

/** Header or claims of a JWT, null for anything else. */
function readPart(part) {
  const found = readJson(new TextDecoder().decode(unbase64url(part ?? "")));
  return found !== null && typeof found === "object" && !Array.isArray(found) ? found : null;
}
