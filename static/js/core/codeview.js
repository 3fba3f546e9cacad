// @ts-check
// A YAML text that can be edited: CodeMirror with our colours, and errors at their lines.

/**
 * @param {{parent: Element, text: string, label: string, onApply: () => void, onChange?: () => void, gutter?: boolean}} options
 */
export async function createCodeView({ parent, text, label, onApply, onChange, gutter = true }) {
  const cm = await import("../../vendor/codemirror-6.43.15/codemirror.mjs");
  const style = cm.HighlightStyle.define([
    { tag: cm.tags.propertyName, color: "var(--hue-1)" }, { tag: cm.tags.string, color: "var(--ready)" },
    { tag: cm.tags.number, color: "var(--packet)" }, { tag: cm.tags.bool, color: "var(--packet)" },
    { tag: cm.tags.comment, color: "var(--ink-3)", fontStyle: "italic" }, { tag: cm.tags.meta, color: "var(--change)" },
    { tag: cm.tags.content, color: "var(--ink)" }, { tag: cm.tags.separator, color: "var(--ink-3)" },
  ]);
  const theme = cm.EditorView.theme({
    "&": { backgroundColor: "var(--surface)", color: "var(--ink)" },
    ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-3)", border: "0" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--sunken) 55%, transparent)" },
    ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--ink)" }, ".cm-cursor": { borderLeftColor: "var(--ink)" },
    "&.cm-focused": { outline: "none" },
    ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { backgroundColor: "var(--accent-soft) !important" },
  });
  const keys = [{ key: "Mod-Enter", run: () => { onApply(); return true; } }, ...cm.defaultKeymap, ...cm.historyKeymap, ...cm.searchKeymap, ...cm.lintKeymap];
  const view = new cm.EditorView({
    parent,
    state: cm.EditorState.create({
      doc: text,
      extensions: [
        ...(gutter ? [cm.lineNumbers(), cm.lintGutter(), cm.highlightActiveLine()] : []),
        cm.history(), cm.yaml(), cm.indentUnit.of("  "), cm.indentOnInput(), cm.bracketMatching(), cm.syntaxHighlighting(style),
        cm.drawSelection(), cm.keymap.of(keys), theme,
        cm.EditorView.updateListener.of((/** @type {any} */ update) => { if (update.docChanged) onChange?.(); }),
        cm.EditorView.contentAttributes.of({ "aria-label": label }),
      ],
    }),
  });
  const lineAt = (/** @type {number} */ number) => view.state.doc.line(Math.max(1, Math.min(view.state.doc.lines, number)));

  return {
    get text() { return view.state.doc.toString(); },
    /** @param {string} value */
    setText(value) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } });
      view.dispatch(cm.setDiagnostics(view.state, []));
    },
    /** Marks lines with what is wrong there. @param {{line: number, message: string}[]} errors */
    mark(errors) {
      view.dispatch(cm.setDiagnostics(view.state, errors.map((error) => {
        const line = lineAt(error.line);
        return { from: line.from, to: line.to, severity: "error", message: error.message };
      })));
    },
    /** @param {number} number */
    goTo(number) {
      view.dispatch({ selection: { anchor: lineAt(number).from }, scrollIntoView: true });
      view.focus();
    },
  };
}
