/** A panel with the files of a directory, to add to and to take from. */

import { chosen, picked, picks } from "./incoming.js";

const UNITS = ["bytes", "kB", "MB", "GB"];

/** @param {number} count Of bytes. */
export function size(count) {
  const unit = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** unit;
  return `${unit && value < 99.5 ? value.toPrecision(2) : Math.round(value)} ${UNITS[unit]}`;
}

export class FilePanel {
  #place;
  #list;
  #path;
  #files;
  #directory;
  #asking = false;
  #again = false;

  /**
   * @param {HTMLElement} place Holds `.path`, `ul`, an `input` for files, and if it is to have them one
   *   for `.folders` and a button for `.zip`.
   * @param {import("./wasix.js").Files} files @param {string} directory To begin with.
   */
  constructor(place, files, directory) {
    this.#place = place;
    this.#list = /** @type {HTMLElement} */ (place.querySelector("ul"));
    this.#path = /** @type {HTMLElement} */ (place.querySelector(".path"));
    this.#files = files;
    this.#directory = directory;
    for (const input of place.querySelectorAll("input")) {
      input.addEventListener("change", async () => {
        await this.add(chosen(input.files ?? []));
        input.value = "";
      });
    }
    const folders = /** @type {HTMLInputElement | null} */ (place.querySelector("input.folders"));
    folders?.addEventListener("click", (event) => {
      // It asks once and not twice.
      if (!picks) return;
      event.preventDefault();
      void this.add(picked());
    });
    place.querySelector("button.zip")?.addEventListener("click", () => void this.#takeAll());
  }

  /**
   * Write files of the user's into the directory shown.
   * @param {Iterable<import("./incoming.js").Incoming> | AsyncIterable<import("./incoming.js").Incoming>} files
   */
  async add(files) {
    const directory = this.#directory;
    for await (const [path, file] of files) {
      await this.#files.writeFile(`${directory}/${path}`, await file.arrayBuffer());
    }
    await this.refresh();
  }

  /** Show what is there now. @returns {Promise<void>} */
  async refresh() {
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    const directory = this.#directory;
    /** @type {{ name: string, directory: boolean, size: number }[]} */
    const entries = await this.#files.list(directory).catch(() => []);
    this.#asking = false;
    if (this.#again || directory !== this.#directory) return this.refresh();
    entries.sort((a, b) => Number(b.directory) - Number(a.directory) || (a.name < b.name ? -1 : 1));
    if (directory !== "/") entries.unshift({ name: "..", directory: true, size: 0 });
    this.#show(entries);
  }

  /** @param {{ name: string, directory: boolean, size: number }[]} entries */
  #show(entries) {
    this.#path.textContent = this.#directory;
    // The same rows stay, so that the keyboard's focus does.
    const rows = new Map(Array.from(this.#list.children, (row) => [row.textContent, row]));
    const shown = entries.map((entry) => {
      const row = this.#row(entry);
      return rows.get(row.textContent) ?? row;
    });
    if (shown.length !== rows.size || shown.some((row, index) => row !== this.#list.children[index])) {
      this.#list.replaceChildren(...shown);
    }
    this.#place.classList.toggle("empty", !entries.some(({ name }) => name !== ".."));
  }

  /** @param {{ name: string, directory: boolean, size: number }} entry */
  #row({ name, directory, size: bytes }) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const label = document.createElement("span");
    label.textContent = directory ? `${name}/` : name;
    const note = document.createElement("small");
    note.textContent = directory ? "" : size(bytes);
    button.append(label, " ", note);
    // What is seen is part of it, so that it can be said to a computer that listens.
    button.ariaLabel = directory ? `Open ${name}` : `Download ${name} ${size(bytes)}`;
    button.addEventListener("click", () => void (directory ? this.#enter(name) : this.#take(name)));
    row.append(button);
    if (!directory && name.endsWith(".zip")) row.append(this.#unpacker(name));
    return row;
  }

  /** @param {string} name Of an archive. */
  #unpacker(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Unpack";
    button.ariaLabel = `Unpack ${name}`;
    button.addEventListener("click", async () => {
      const directory = this.#directory;
      const archive = await this.#files.readFile(`${directory}/${name}`);
      await this.#files.unpack(archive, `${directory}/${name.slice(0, -".zip".length)}`);
      await this.refresh();
    });
    return button;
  }

  /** @param {string} name */
  #enter(name) {
    const parts = this.#directory.split("/").filter(Boolean);
    if (name === "..") parts.pop();
    else parts.push(name);
    this.#directory = `/${parts.join("/")}`;
    return this.refresh();
  }

  /** @param {string} name */
  async #take(name) {
    save(name, await this.#files.readFile(`${this.#directory}/${name}`));
  }

  /** What is shown, and all below, in one archive. */
  async #takeAll() {
    const name = this.#directory.split("/").at(-1) || "files";
    save(`${name}.zip`, await this.#files.pack(this.#directory));
  }
}

/** Hand a file to the user. @param {string} name @param {Uint8Array} bytes */
function save(name, bytes) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
