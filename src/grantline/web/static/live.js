// Keeps a part of the page as the server has it: data-live is the address to ask, empty for this page. A part that is gentle waits
// while something in it is open or has the focus, and only says how much is new. Without script the page has links for the same.
"use strict";
document.documentElement.classList.add("scripted");
const SECONDS = 4;
let paused = false;
const said = document.getElementById("said");
const pause = document.querySelector("[data-pause]");
pause?.addEventListener("click", () => {
  paused = !paused;
  [pause.textContent, pause.dataset.resume] = [pause.dataset.resume, pause.textContent];
  document.querySelector("[data-live-state]").hidden = paused;
});
const busy = (part) => "gentle" in part.dataset && (part.querySelector("details[open]") !== null || part.contains(document.activeElement));
const sayNew = (part, fresh) => {
  const line = part.querySelector(".new-rows");
  line.replaceWith(fresh.querySelector(".new-rows"));
};
async function renew(part) {
  const answer = await fetch(part.dataset.live || location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
  if (!fresh) return;
  if (busy(part)) {
    if (Number(fresh.dataset.new)) sayNew(part, fresh);
    return;
  }
  if ("gentle" in part.dataset && !Number(fresh.dataset.new)) return;
  const before = new Set([...part.querySelectorAll("[data-said]")].map((one) => one.dataset.said));
  const news = [...fresh.querySelectorAll("[data-said]")].map((one) => one.dataset.said).filter((words) => !before.has(words));
  fresh.querySelector(".new-rows")?.setAttribute("hidden", "");
  part.replaceWith(document.importNode(fresh, true));
  if (news.length) said.textContent = news.join(". ");
}
async function go() {
  if (!paused && !document.hidden) {
    for (const part of document.querySelectorAll("[data-live]")) {
      try { await renew(part); } catch { /* the next time */ }
    }
  }
  if (document.querySelector("[data-live]")) setTimeout(go, SECONDS * 1000);
}
setTimeout(go, SECONDS * 1000);
// The open row stands in the address, so that it can be shared.
document.addEventListener("toggle", (event) => {
  const row = event.target.closest?.("li[data-address]");
  if (row && event.target.open) history.replaceState(null, "", row.dataset.address);
}, true);
