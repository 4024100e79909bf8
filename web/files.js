/** A panel with the files of a directory, to add to and to take from. */

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
   * @param {HTMLElement} place Holds `.path`, `ul`, and an `input` for files.
   * @param {import("./wasix.js").Wasix["fs"]} files @param {string} directory To begin with.
   */
  constructor(place, files, directory) {
    this.#place = place;
    this.#list = /** @type {HTMLElement} */ (place.querySelector("ul"));
    this.#path = /** @type {HTMLElement} */ (place.querySelector(".path"));
    this.#files = files;
    this.#directory = directory;
    const input = /** @type {HTMLInputElement} */ (place.querySelector("input"));
    input.addEventListener("change", async () => {
      await this.add(input.files ?? []);
      input.value = "";
    });
  }

  /** Write files of the user's into the directory shown. @param {Iterable<File>} files */
  async add(files) {
    for (const file of files) {
      await this.#files.writeFile(`${this.#directory}/${file.name}`, await file.arrayBuffer());
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
    return row;
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
    const bytes = await this.#files.readFile(`${this.#directory}/${name}`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)]));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}
