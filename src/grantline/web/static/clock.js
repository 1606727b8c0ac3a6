// Compares this browser's clock with the server's, as it was when the page was made. Nothing is sent.
"use strict";
const clock = document.querySelector("[data-clock]");
if (clock) {
  const arrived = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
  const off = Math.round(arrived / 1000) - Number(clock.dataset.clock);
  const which = Math.abs(off) <= 5 ? "[data-right]" : off > 0 ? "[data-ahead]" : "[data-behind]";
  const words = clock.querySelector(which);
  const seconds = words.querySelector("[data-seconds]");
  if (seconds) seconds.textContent = String(Math.abs(off));
  words.hidden = false;
  for (const part of clock.querySelectorAll("[data-browser]")) part.hidden = false;
}
