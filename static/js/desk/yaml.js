// @ts-check
// The manifest editor: CodeMirror, the learner's files, apply with one line per document and errors at their lines.

import { byId, h } from "../core/dom.js";
import { createCodeView } from "../core/codeview.js";

const LARGEST = 60_000; // bytes that go over the websocket; larger texts are posted

/**
 * @param {{send: (message: any) => void, post: (text: string) => Promise<any[]>, files: {name: string, text: string}[]}} options
 */
export async function createEditor({ send, post, files }) {
  const select = byId("yaml-file");
  const results = byId("yaml-results");
  /** @type {Map<string, string>} */
  const texts = new Map(files.map((file) => [file.name, file.text]));
  if (!texts.size) texts.set("my-manifest.yaml", "");
  let current = [...texts.keys()][0];
  const view = await createCodeView({ parent: byId("yaml-editor"), text: texts.get(current) ?? "", label: "Manifest in YAML; Escape, then Tab leaves the editor", onApply: apply });

  function showFiles() {
    select.replaceChildren(...[...texts.keys()].map((name) => h("option", { value: name, text: name })), h("option", { value: "+", text: "New file…" }));
  }
  showFiles();
  select.addEventListener("change", () => {
    texts.set(current, view.text);
    if (select.value === "+") texts.set(freeName(texts), "");
    current = select.value === "+" ? [...texts.keys()].at(-1) ?? current : select.value;
    showFiles();
    select.value = current;
    setText(texts.get(current) ?? "");
  });

  /** @param {string} text */
  function setText(text) {
    view.setText(text);
    results.replaceChildren();
  }
  async function apply() {
    const { text } = view;
    results.replaceChildren(h("li.waiting", { text: "applying…" }));
    if (new Blob([text]).size <= LARGEST) send({ type: "apply", yaml: text, name: current });
    else showResults(await post(text));
  }
  byId("yaml-apply").addEventListener("click", apply);

  /** @param {{message?: string, error?: string, line?: number | null}[]} items */
  function showResults(items) {
    results.replaceChildren(...items.map((item) => h(`li${item.error ? ".error" : ""}`, {}, h("span", { text: item.error ?? item.message }),
      item.line ? h("button.link", { type: "button", text: `line ${item.line}`, onclick: () => view.goTo(item.line ?? 1) }) : null)));
    results.querySelector(".error")?.scrollIntoView({ block: "nearest" });
    view.mark(items.filter((item) => item.error && item.line).map((item) => ({ line: item.line ?? 1, message: item.error ?? "" })));
  }
  return {
    /** Results of a manifest that stands in this editor. @param {string} name @param {any[]} items */
    showResults(name, items) { if (name === current) showResults(items); },
    /** Opens a manifest under a name. @param {string} name @param {string} text */
    open(name, text) {
      texts.set(current, view.text);
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
