/** The sqlite3 shell on a file, and what is in that file's tables. */

import "../loader.js";
import { size } from "../../web/files.js";
import { Status } from "../../web/status.js";

const HOME = "/home";
const QUIET = 300; // milliseconds without output after which tables are looked at
const MOST = 200; // rows shown
const NUMBER = /^(-?\d+(\.\d+)?)?$/; // or nothing
const SAMPLE = `
CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT, country TEXT, people INTEGER);
INSERT INTO city (name, country, people) VALUES
  ('Lisbon', 'Portugal', 545796), ('Porto', 'Portugal', 231800), ('Oslo', 'Norway', 717710),
  ('Bergen', 'Norway', 291940), ('Kyoto', 'Japan', 1463723), ('Sapporo', 'Japan', 1959512),
  ('Quito', 'Ecuador', 2011388), ('Cuenca', 'Ecuador', 361524), ('Accra', 'Ghana', 2514000),
  ('Kumasi', 'Ghana', 443981), ('Cork', 'Ireland', 222526), ('Galway', 'Ireland', 85910);
CREATE TABLE trip (city INTEGER REFERENCES city, year INTEGER, nights INTEGER);
INSERT INTO trip SELECT id, 2019 + id % 6, 2 + id * 7 % 5 FROM city WHERE id % 3;
CREATE VIEW nights AS SELECT country, sum(nights) AS nights FROM trip JOIN city ON city = id GROUP BY country;
`;

/** @type {<T extends Element>(selector: string) => T} */
const find = (selector) => /** @type {any} */ (document.querySelector(selector));
const terminal = /** @type {import("../../web/element.js").WasixTerminal} */ (find("wasix-terminal"));
const names = /** @type {HTMLElement} */ (find(".names"));
const download = /** @type {HTMLButtonElement} */ (find("button[name=download]"));
const input = /** @type {HTMLInputElement} */ (find("input[type=file]"));
const status = new Status(find(".run"));
const { wasix } = terminal;

let file = "";
let table = "";

/** Rows of what a query gives, column names first; none if the file is no database. @param {string} query */
async function rows(query) {
  const { stdout } = await wasix.run("sqlite3", ["-ascii", "-header", "-readonly", file, query], { cwd: HOME });
  return stdout.split("\x1e").slice(0, -1).map((row) => row.split("\x1f"));
}

/** @param {string} name */
const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

/** @param {string} name */
async function open(name) {
  file = name;
  table = "";
  find(".name").textContent = name;
  download.disabled = false;
  terminal.setAttribute("args", `"${name.replace(/["\\$`]/g, "\\$&")}"`);
  terminal.setAttribute("program", "sqlite3");
  terminal.focus();
  await look();
}

async function look() {
  if (!file) return;
  const [, ...tables] = await rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY type, name");
  const found = tables.map(([name]) => name);
  if (!found.includes(table)) table = found[0] ?? "";
  const entry = (await wasix.fs.list(HOME)).find(({ name }) => name === file);
  find(".size").textContent = entry ? size(entry.size) : "";
  names.replaceChildren(...(found.length ? found.map(tab) : [note("No tables yet: CREATE TABLE t (a, b); makes one.")]));
  await show();
}

/** @param {string} name */
function tab(name) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.ariaPressed = String(name === table);
  button.addEventListener("click", () => {
    table = name;
    for (const other of names.children) other.ariaPressed = String(other === button);
    void show();
  });
  return button;
}

/** @param {string} text */
function note(text) {
  const place = document.createElement("p");
  place.className = "advice";
  place.textContent = text;
  return place;
}

async function show() {
  const wanted = table;
  const [[, [count] = [""]], found] = wanted
    ? await Promise.all([rows(`SELECT count(*) FROM ${quoted(wanted)}`), rows(`SELECT * FROM ${quoted(wanted)} LIMIT ${MOST}`)])
    : [[], []];
  if (wanted !== table) return;
  const [, ...values] = found;
  const numeric = found[0]?.map((_, column) => values.length > 0 && values.every((row) => NUMBER.test(row[column])));
  const lines = found.map((row, index) => {
    const line = document.createElement("tr");
    line.append(...row.map((value, column) => cell(index ? "td" : "th", value, numeric[column])));
    return line;
  });
  find("table").replaceChildren(...lines);
  find(".count").textContent = wanted ? `${count} rows${Number(count) > MOST ? `, the first ${MOST} shown` : ""}` : "";
}

/** @param {"td" | "th"} kind @param {string} value @param {boolean} numeric Whether its column holds numbers. */
function cell(kind, value, numeric) {
  const place = document.createElement(kind);
  place.textContent = place.title = value;
  place.classList.toggle("number", numeric);
  return place;
}

async function sample() {
  await wasix.fs.writeFile(`${HOME}/sample.db`, "");
  await wasix.run("sqlite3", ["sample.db"], { cwd: HOME, stdin: SAMPLE });
  await open("sample.db");
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let pause;

terminal.addEventListener("output", () => {
  clearTimeout(pause);
  pause = setTimeout(() => void look(), QUIET);
});
terminal.addEventListener("state", (event) => status.show(/** @type {CustomEvent} */ (event).detail));
find("button[name=sample]").addEventListener("click", () => void sample());
input.addEventListener("change", async () => {
  const [given] = input.files ?? [];
  if (!given) return;
  await wasix.fs.writeFile(`${HOME}/${given.name}`, await given.arrayBuffer());
  input.value = "";
  await open(given.name);
});
download.addEventListener("click", async () => {
  const bytes = await wasix.fs.readFile(`${HOME}/${file}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)]));
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});

await sample();
