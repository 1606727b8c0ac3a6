// Reads a JWT in the page and checks its signature against the published keys. The token is sent nowhere.
"use strict";
const reader = document.querySelector("[data-jwt]");
const jwt = document.getElementById("jwt");
const algorithms = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
};
let keys;
let turn = 0;

function bytes(part) {
  const text = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (sign) => sign.charCodeAt(0));
}

const members = (part) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes(part)));

function say(...words) {
  for (const line of reader.querySelectorAll("[data-say]")) line.hidden = !words.includes(line.dataset.say);
}

async function judge(header, parts) {
  try {
    keys ??= fetch(reader.dataset.jwt, { credentials: "omit" }).then((answer) => answer.json());
    const known = (await keys).keys.find((key) => key.kid === header.kid && key.alg === header.alg);
    const algorithm = algorithms[header.alg];
    if (!known) return "unknown";
    if (!algorithm) return "unchecked";
    const key = await crypto.subtle.importKey("jwk", known, algorithm, false, ["verify"]);
    const signed = new TextEncoder().encode(`${parts[0]}.${parts[1]}`);
    return (await crypto.subtle.verify(algorithm, key, bytes(parts[2]), signed)) ? "valid" : "invalid";
  } catch {
    keys = undefined;
    return "unchecked";
  }
}

function showTimes(claims) {
  const rows = ["auth_time", "iat", "nbf", "exp"].filter((name) => Number.isFinite(claims[name]));
  reader.querySelector("[data-times]").replaceChildren(...rows.flatMap((name) => {
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = name;
    const moment = new Date(claims[name] * 1000);
    value.textContent = Number.isNaN(moment.valueOf()) ? String(claims[name]) : moment.toUTCString();
    return [term, value];
  }));
}

async function read() {
  const mine = ++turn;
  const parts = jwt.value.trim().split(".");
  const shown = reader.querySelector("[data-read]");
  shown.hidden = true;
  if (!jwt.value.trim()) return say();
  let header, claims;
  try {
    [header, claims] = [members(parts[0]), members(parts[1])];
    if (parts.length !== 3 || typeof header !== "object" || typeof claims !== "object" || !header || !claims) throw new Error();
  } catch {
    return say("malformed");
  }
  reader.querySelector("[data-header]").textContent = JSON.stringify(header, null, 2);
  reader.querySelector("[data-claims]").textContent = JSON.stringify(claims, null, 2);
  showTimes(claims);
  shown.hidden = false;
  const now = Date.now() / 1000;
  const signature = await judge(header, parts);
  if (mine !== turn) return undefined;
  return say(
    signature,
    claims.iss === reader.dataset.issuer ? "" : "issuer",
    claims.exp < now ? "expired" : "",
    claims.iat > now + 60 ? "future" : "",
  );
}

if (reader) {
  reader.querySelector("[data-needs-script]").hidden = false;
  jwt.addEventListener("input", read);
}
