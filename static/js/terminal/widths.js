// @ts-check
// How many columns a character takes in the terminal. xterm.js follows Unicode 6, in which an emoji is narrow; the
// server's line editor, as every terminal of today, counts two columns for it.

const WIDE = /^(?![\u{1f1e6}-\u{1f1ff}])[\p{Emoji_Presentation}\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u3247\u3250-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18d08}\u{1aff0}-\u{1b2fb}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]$/u;
const NONE = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

/** @param {number} codepoint @returns {0 | 1 | 2} */
export function columnsOf(codepoint) {
  if (codepoint < 0x300) return 1;
  const char = String.fromCodePoint(codepoint);
  return NONE.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
}

/** Makes a terminal count so. @param {any} terminal */
export function countColumns(terminal) {
  terminal.unicode.register({
    version: "svclab",
    wcwidth: columnsOf,
    /** Width in bits 1 and 2; bit 0: it belongs to the cell before. @param {number} codepoint @param {number} before */
    charProperties(codepoint, before) {
      const width = columnsOf(codepoint);
      const left = (before >> 1) & 3;
      return width === 0 && left ? (left << 1) | 1 : width << 1;
    },
  });
  terminal.unicode.activeVersion = "svclab";
}
