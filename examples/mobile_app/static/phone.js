// Tells the time, and draws the phone again when something happened elsewhere: in the browser, or to its access.
const clock = document.querySelector(".clock");
const tell = () => { clock.textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }); };
const drawn = document.querySelector(".phone").dataset.mark;

setInterval(async () => {
  tell();
  const mark = await fetch("/state").then((answer) => answer.json()).catch(() => drawn);
  if (mark !== drawn) location.reload();
}, 1000);
tell();
