// Keeps the scope boxes and the scope text in step. What a wider scope implies is ticked, and cannot be unticked.
"use strict";
const scopeText = document.querySelector("[data-scope-text]");
const scopeBoxes = [...document.querySelectorAll("[data-scope-box]")];
const written = () => scopeText.value.split(/[\s,]+/).filter(Boolean);
const writes = new Set(["CREATE", "UPDATE", "DELETE", "WRITE"]);

function covers(granted, needed) {
  const have = granted.toUpperCase().split(".");
  const want = needed.toUpperCase().split(".");
  const operation = have.pop();
  const asked = want.pop();
  if (operation !== "ALL" && operation !== asked && !(operation === "WRITE" && writes.has(asked))) return false;
  return have.length <= want.length && have.every((part, at) => part === want[at] || (at > 0 && part === "ALL"));
}

function tick() {
  const names = written();
  for (const box of scopeBoxes) {
    const itself = names.some((name) => name.toUpperCase() === box.value.toUpperCase());
    const wider = names.find((name) => name.toUpperCase() !== box.value.toUpperCase() && covers(name, box.value));
    box.checked = itself || wider !== undefined;
    box.disabled = !itself && wider !== undefined;
    const from = box.parentElement.querySelector("[data-from]");
    from.textContent = box.disabled ? `, ${from.dataset.from.replace("{}", wider)}` : "";
  }
}

if (scopeText) {
  scopeText.addEventListener("input", tick);
  for (const box of scopeBoxes) {
    box.addEventListener("change", () => {
      const others = written().filter((name) => name.toUpperCase() !== box.value.toUpperCase());
      scopeText.value = (box.checked ? [...others, box.value] : others).join(", ");
      tick();
    });
  }
  tick();
}
