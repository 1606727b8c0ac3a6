// Counts down what the server said is left. Announces at 60 s, 20 s and the end only. Its words are attributes of the part, in the
// language of the page, with {} for the number.
"use strict";
for (const part of document.querySelectorAll("[data-seconds-left]")) {
  const given = Number(part.dataset.secondsLeft);
  const whole = Number(part.dataset.secondsWhole);
  const started = performance.now();
  const digits = part.querySelector("[data-digits]");
  const ended = part.querySelector("[data-ended]");
  const line = part.querySelector(".left");
  const said = document.getElementById("said");
  const announced = new Set([60, 20, 0].filter((mark) => mark > given));
  const words = part.dataset;
  const ago = (seconds) => seconds < 60
    ? words.secondsAgo.replace("{}", seconds)
    : words.minutesAgo.replace("{}", Math.floor(seconds / 60));
  const show = () => {
    const left = given - Math.floor((performance.now() - started) / 1000);
    const shown = Math.max(left, 0);
    digits.textContent = `${Math.floor(shown / 60)}:${String(shown % 60).padStart(2, "0")}`;
    line.setAttribute("x2", String(Math.round(400 * shown / whole)));
    part.classList.toggle("short", left > 0 && left < 30);
    part.classList.toggle("over", left <= 0);
    if (left <= 0) ended.textContent = left === 0 ? words.justNow : ago(-left);
    for (const mark of [60, 20, 0]) {
      if (left <= mark && !announced.has(mark)) {
        announced.add(mark);
        said.textContent = mark === 0 ? words.over : words.rest.replace("{}", mark);
      }
    }
  };
  show();
  setInterval(show, 1000);
}
