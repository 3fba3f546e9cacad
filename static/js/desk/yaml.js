// @ts-check
// The manifest editor: CodeMirror, the learner's files, apply with one line per document and errors at their lines.

import { byId, h } from "../core/dom.js";

/**
 * @param {{send: (message: any) => void, files: {name: string, text: string}[]}} options
 */
export async function createEditor({ send, files }) {
  const cm = await import("../../vendor/codemirror-6.43.15/codemirror.mjs");
  const select = byId("yaml-file");
  const results = byId("yaml-results");
  /** @type {Map<string, string>} */
  const texts = new Map(files.map((file) => [file.name, file.text]));
  if (!texts.size) texts.set("my-manifest.yaml", "");
  const style = cm.HighlightStyle.define([
    { tag: cm.tags.propertyName, color: "var(--hue-1)" }, { tag: cm.tags.string, color: "var(--ready)" },
    { tag: cm.tags.number, color: "var(--packet)" }, { tag: cm.tags.bool, color: "var(--packet)" },
    { tag: cm.tags.comment, color: "var(--ink-3)", fontStyle: "italic" }, { tag: cm.tags.meta, color: "var(--change)" },
    { tag: cm.tags.content, color: "var(--ink)" }, { tag: cm.tags.separator, color: "var(--ink-3)" },
  ]);
  const view = new cm.EditorView({
    parent: byId("yaml-editor"),
    state: cm.EditorState.create({
      doc: [...texts.values()][0],
      extensions: [
        cm.lineNumbers(), cm.history(), cm.yaml(), cm.indentUnit.of("  "), cm.indentOnInput(), cm.bracketMatching(), cm.lintGutter(), cm.syntaxHighlighting(style),
        cm.highlightActiveLine(), cm.drawSelection(), cm.keymap.of([{ key: "Mod-Enter", run: () => { apply(); return true; } }, ...cm.defaultKeymap, ...cm.historyKeymap, ...cm.searchKeymap, ...cm.lintKeymap]),
        cm.EditorView.theme({ "&": { backgroundColor: "var(--surface)", color: "var(--ink)" }, ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-3)", border: "0" }, ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--sunken) 55%, transparent)" }, ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--ink)" }, ".cm-cursor": { borderLeftColor: "var(--ink)" }, "&.cm-focused": { outline: "none" }, ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { backgroundColor: "var(--accent-soft) !important" } }),
        cm.EditorView.contentAttributes.of({ "aria-label": "Manifest in YAML; Escape, then Tab leaves the editor" }),
      ],
    }),
  });

  function showFiles() {
    select.replaceChildren(...[...texts.keys()].map((name) => h("option", { value: name, text: name })), h("option", { value: "+", text: "New file…" }));
  }
  let current = [...texts.keys()][0];
  showFiles();
  select.addEventListener("change", () => {
    texts.set(current, view.state.doc.toString());
    if (select.value === "+") texts.set(freeName(texts), "");
    current = select.value === "+" ? [...texts.keys()].at(-1) ?? current : select.value;
    showFiles();
    select.value = current;
    setText(texts.get(current) ?? "");
  });

  /** @param {string} text */
  function setText(text) {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    view.dispatch(cm.setDiagnostics(view.state, []));
    results.replaceChildren();
  }
  function apply() {
    const text = view.state.doc.toString();
    if (new Blob([text]).size > 60_000) return showResults([{ error: "This manifest is too large for the editor (60 kB). Use kubectl apply -f." }]);
    results.replaceChildren(h("li", { text: "applying…" }));
    return send({ type: "apply", yaml: text, name: current });
  }
  byId("yaml-apply").addEventListener("click", apply);

  /** @param {{message?: string, error?: string, line?: number | null}[]} items */
  function showResults(items) {
    results.replaceChildren(...items.map((item) => h(`li${item.error ? ".error" : ""}`, {}, h("span", { text: item.error ?? item.message }),
      item.line ? h("button.link", { type: "button", text: `line ${item.line}`, onclick: () => goTo(item.line ?? 1) }) : null)));
    const marks = items.filter((item) => item.error && item.line).map((item) => {
      const line = view.state.doc.line(Math.min(view.state.doc.lines, item.line ?? 1));
      return { from: line.from, to: line.to, severity: "error", message: item.error ?? "" };
    });
    view.dispatch(cm.setDiagnostics(view.state, marks));
  }
  /** @param {number} number */
  function goTo(number) {
    const line = view.state.doc.line(Math.min(view.state.doc.lines, number));
    view.dispatch({ selection: { anchor: line.from }, scrollIntoView: true });
    view.focus();
  }
  return {
    showResults,
    /** Opens a manifest under a name. @param {string} name @param {string} text */
    open(name, text) {
      texts.set(current, view.state.doc.toString());
      texts.set(name, text);
      current = name;
      showFiles();
      select.value = name;
      setText(text);
    },
    apply,
  };
}

/** @param {Map<string, string>} texts */
function freeName(texts) {
  let n = 1;
  while (texts.has(`manifest-${n}.yaml`)) n += 1;
  return `manifest-${n}.yaml`;
}
