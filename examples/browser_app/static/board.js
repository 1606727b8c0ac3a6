// Lead Board: sign in, show leads, and say what happens to the token. The module keeps the token; nothing here does.
const { Grantline, SignInNeeded } = await import(document.getElementById("module").src); // checked by its hash when the page loaded
const find = (id) => document.getElementById(id);
const facts = JSON.parse(find("facts").textContent);
const FIELDS = "Full_Name,Company,Lead_Status";
const COLUMNS = ["Not Contacted", "Attempted to Contact", "Contacted", "Pre-Qualified"];

let flow = localStorage.getItem("lead-board-flow") ?? "code"; // a preference, no secret
let gl = null;
let last = ""; // the token that was seen last, to notice a new one

function setUp() {
  gl = new Grantline({
    issuer: facts.issuer, clientId: facts.client_id, scope: facts.scope, flow,
    redirectUri: facts.redirect_uri, renewUri: new URL("/silent", facts.redirect_uri).href,
  });
  gl.addEventListener("change", () => { last = gl.connected ? last : ""; draw(); });
  gl.addEventListener("ended", ({ detail }) => tell(detail));
}

// ---- what happens -----------------------------------------------------------------------------------------------

/** Do something that may fail, and say so. */
async function trying(work) {
  tell(null);
  try { await work(); } catch (problem) { tell(problem); }
  draw();
}

const enter = (popup) => trying(async () => {
  if (popup) note(`Signed in as ${nameOf(await gl.login({ popup }))}, in a pop-up`);
  else await gl.login();
  await load();
});

async function begin() {
  const answer = await gl.handleRedirect(); // takes the answer out of the address before anything else happens
  if (location.pathname !== "/") history.replaceState(null, "", "/");
  if (answer) note(`Signed in as ${nameOf(answer.user)}, by ${flow === "code" ? "code + PKCE" : "the implicit flow"}`);
  else if (await gl.restore()) note(`Reloaded: a new token for ${nameOf(gl.user)}, without a question`);
  if (gl.connected) await load();
}

async function load() {
  const answer = await gl.fetch(`/crm/v8/Leads?fields=${FIELDS}&per_page=100`);
  const leads = answer.status === 200 ? (await answer.json()).data : [];
  if (!answer.ok) note(`The CRM answered ${answer.status}`);
  const of = (lead) => (COLUMNS.includes(lead.Lead_Status) ? lead.Lead_Status : "Other");
  find("columns").replaceChildren(...[...COLUMNS, "Other"]
    .map((name) => [name, leads.filter((one) => of(one) === name)])
    .filter(([name, found]) => name !== "Other" || found.length > 0)
    .map(([name, found]) => column(name, found)));
  note(`${leads.length} leads from ${new URL(gl.apiDomain).host}`);
  await look();
}

/** Whether the token is another one by now: the module renews it ahead of its end. */
async function look() {
  if (!gl.connected) return;
  const token = await gl.token();
  if (last && token !== last) note("The token was renewed");
  last = token;
  ring();
}

// ---- what is seen -----------------------------------------------------------------------------------------------

const nameOf = (user) => user?.name ?? user?.email ?? "somebody";

function draw() {
  find("me").hidden = find("board").hidden = !gl.connected;
  find("welcome").hidden = gl.connected;
  find("name").textContent = nameOf(gl.user);
  document.querySelector(`[name=flow][value=${flow}]`).checked = true;
  ring();
}

/** The quiet ring: how much of its life the token has before it. */
function ring() {
  if (!gl.connected || !gl.expiresAt) return;
  const minutes = Math.max(0, (gl.expiresAt - Date.now()) / 60_000);
  find("left").setAttribute("stroke-dasharray", `${Math.min(100, (minutes / 60) * 100)} 100`);
  document.querySelector(".ring").setAttribute("aria-label", `The token is good for ${Math.round(minutes)} minutes`);
}

function column(name, leads) {
  const made = find("column").content.cloneNode(true);
  made.querySelector("h2").textContent = `${name} · ${leads.length}`;
  made.querySelector("ul").append(...leads.map((lead) => {
    const card = find("card").content.cloneNode(true);
    card.querySelector("strong").textContent = lead.Full_Name;
    card.querySelector("span").textContent = lead.Company ?? "";
    return card;
  }));
  return made;
}

/** What went wrong, and what to do about it: what the module says to an app is said here to its person. */
function tell(problem) {
  const over = problem instanceof SignInNeeded;
  find("told").hidden = problem === null;
  find("what").textContent = over ? "You signed out, or took the access back." : problem?.message ?? "";
  find("fix").textContent = over ? "Log in to see your leads again." : problem?.fix ?? "";
}

function note(words) {
  const line = document.createElement("li"), time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  line.append(time, ` ${words}`);
  find("log").prepend(line);
  document.querySelector(".log").hidden = false;
}

setUp();
find("enter").onclick = () => enter(false);
find("enter-popup").onclick = () => enter(true);
find("again").onclick = () => trying(load);
find("leave").onclick = () => trying(async () => { await gl.logout(); note("Signed out: the grant is revoked"); });
document.querySelector(".ways").onchange = ({ target }) => { localStorage.setItem("lead-board-flow", (flow = target.value)); setUp(); };
setTimeout(draw, 700); // the button, should the silent question take long
setInterval(() => look().catch(() => {}), 15_000);
await trying(begin);
