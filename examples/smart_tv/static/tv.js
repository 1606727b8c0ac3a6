// Draws what the TV says, once a second, and turns keys into the moves of a remote control.
const screen = document.getElementById("screen");
let drawn = screen.innerHTML;

async function draw() {
  const answer = await fetch("/screen").catch(() => null);
  if (!answer?.ok) return;
  const html = await answer.text();
  if (html.trim() === drawn.trim()) return;
  const was = screen.querySelector("[data-screen]")?.dataset.screen;
  const focused = document.activeElement?.id;
  const open = screen.querySelector(".tile.open")?.id;
  screen.innerHTML = drawn = html;
  document.getElementById(open)?.classList.add("open");
  if (was !== screen.querySelector("[data-screen]")?.dataset.screen) first()?.focus();
  else if (focused) document.getElementById(focused)?.focus();
  tell();
}

function tell() {
  const left = screen.querySelector(".left"), ends = Number(screen.querySelector("[data-ends]")?.dataset.ends);
  if (!left) return;
  const seconds = Math.max(0, Math.round(ends - Date.now() / 1000));
  left.textContent = ` · ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
}

const stops = () => [...screen.querySelectorAll("button")];
const first = () => stops()[0];
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

// The nearest button in that direction, by where it is on the screen.
function move([dx, dy]) {
  const here = document.activeElement;
  if (!screen.contains(here)) return first()?.focus();
  const middle = (one) => { const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  const [x, y] = middle(here);
  const far = (one) => {
    const [a, b] = middle(one), along = (a - x) * dx + (b - y) * dy, across = Math.abs((a - x) * dy) + Math.abs((b - y) * dx);
    return along > 1 ? along + 2 * across : Infinity;
  };
  const next = stops().filter((one) => one !== here).sort((a, b) => far(a) - far(b))[0];
  if (next && far(next) < Infinity) next.focus();
}

function act(key) {
  const here = screen.contains(document.activeElement) ? document.activeElement : null;
  if (MOVES[key]) move(MOVES[key]);
  else if (key === "Enter") (here ?? first())?.click();
  else if (key === "Escape") screen.querySelectorAll(".open").forEach((one) => one.classList.remove("open"));
}

screen.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.press) fetch(`/press/${button.dataset.press}`, { method: "POST" }).then(() => setTimeout(draw, 150));
  else if (button) button.classList.toggle("open");
});
document.addEventListener("keydown", (event) => {
  const onRemote = event.target.closest(".remote");
  if (MOVES[event.key] || event.key === "Escape" || (event.key === "Enter" && !onRemote)) { event.preventDefault(); act(event.key); }
});
// A press with a pointer leaves the focus on the screen, as a real remote control does.
document.querySelector(".remote").addEventListener("pointerdown", (event) => event.preventDefault());
document.querySelector(".remote").addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]")?.dataset.key;
  if (key) act(key);
});
setInterval(draw, 1000);
setInterval(tell, 1000);
tell();
