// Adds a Copy button to every element that says what it holds: data-copy="client ID". Without script the text is selectable.
// Its words stand in the template of the page, in the language of the page, with {} for what is copied.
"use strict";
const copyButton = document.getElementById("copy-button");
for (const holder of document.querySelectorAll("[data-copy]")) {
  const source = holder.querySelector("code, pre");
  const place = holder.querySelector("[data-copy-here]") ?? holder;
  const button = copyButton.content.firstElementChild.cloneNode(true);
  const word = button.querySelector(".word");
  const words = { ...copyButton.dataset };
  const before = word.textContent;
  button.setAttribute("aria-label", words.name.replace("{}", holder.dataset.copy));
  if (place !== holder) button.classList.add("plain", "small");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    word.textContent = words.done;
    document.getElementById("said").textContent = words.said.replace("{}", holder.dataset.copy);
    setTimeout(() => { word.textContent = before; }, 2000);
  });
  place.append(button);
}
