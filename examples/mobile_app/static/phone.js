// Tells the time, and draws the phone again when something happened elsewhere: in the browser, or while away.
const clock = document.querySelector(".clock");
const tell = () => { clock.textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }); };
const drawn = document.querySelector(".phone").dataset.state;

setInterval(async () => {
  tell();
  const state = await fetch("/state").then((answer) => answer.json()).catch(() => drawn);
  if (state !== drawn) location.reload();
}, 1000);
// Back in the app after a while away: what it may see may have changed.
document.addEventListener("visibilitychange", () => { if (!document.hidden) location.reload(); });
tell();
