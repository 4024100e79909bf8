/** How wide characters are, and which of them are one: what `wasix/fs/cells.py` says too. */

import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";

/** @typedef {import("@xterm/xterm").IUnicodeVersionProvider} Provider */

/** Emoji that are newer than the addon's tables, and one that it knows. */
const NEW_EMOJI = /[\u{1f6dc}-\u{1f6df}\u{1f7f0}\u{1f979}\u{1f9cc}\u{1fa70}-\u{1faff}]/u;
const OLD_EMOJI = 0x1f600;

/** @param {number} code */
function known(code) {
  return code >= 0x1f6dc && NEW_EMOJI.test(String.fromCodePoint(code)) ? OLD_EMOJI : code;
}

/** What the addon would register with a terminal. */
function graphemes() {
  /** @type {Provider[]} */
  const found = [];
  const unicode = { register: (/** @type {Provider} */ provider) => found.push(provider), activeVersion: "" };
  new UnicodeGraphemesAddon().activate(/** @type {any} */ ({ unicode }));
  return /** @type {Provider} */ (found.find(({ version }) => version === unicode.activeVersion));
}

/** @param {import("@xterm/xterm").Terminal} terminal */
export function useGraphemes({ unicode }) {
  const plain = graphemes();
  unicode.register({
    version: "wasix",
    wcwidth: (code) => plain.wcwidth(known(code)),
    charProperties: (code, before) => plain.charProperties(known(code), before),
  });
  unicode.activeVersion = "wasix";
}
