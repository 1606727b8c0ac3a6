// Adds a Copy button to every element that says what it holds: data-copy="client ID". Without script the text is selectable.
"use strict";
const copyButton = document.getElementById("copy-button");
for (const holder of document.querySelectorAll("[data-copy]")) {
  const source = holder.querySelector("code, pre");
  const place = holder.querySelector("[data-copy-here]") ?? holder;
  const button = copyButton.content.firstElementChild.cloneNode(true);
  const word = button.querySelector(".word");
  button.setAttribute("aria-label", `Copy ${holder.dataset.copy}`);
  if (place !== holder) button.classList.add("plain", "small");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    word.textContent = "Copied";
    document.getElementById("said").textContent = `Copied: ${holder.dataset.copy}`;
    setTimeout(() => { word.textContent = "Copy"; }, 2000);
  });
  place.append(button);
}
