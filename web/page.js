/** The bundle's own page: a program picker for its terminal. */

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const terminal = /** @type {import("./element.js").WasixTerminal} */ (
  document.querySelector("wasix-terminal")
);
const program = /** @type {HTMLSelectElement} */ (form.elements.namedItem("program"));
const args = /** @type {HTMLInputElement} */ (form.elements.namedItem("args"));

// `#python -q` in the address picks a program and its arguments.
const [wanted, ...words] = decodeURIComponent(location.hash.slice(1)).split(" ");
if ([...program.options].some((option) => option.value === wanted)) {
  program.value = wanted;
  args.value = words.join(" ");
}

function run() {
  terminal.setAttribute("args", args.value);
  terminal.setAttribute("program", program.value);
  terminal.focus();
}

program.addEventListener("change", () => {
  args.value = "";
  run();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
customElements.whenDefined("wasix-terminal").then(run);

export {};
