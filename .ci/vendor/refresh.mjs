// Refreshes static/vendor from the npm packages that package.json pins, and writes vendor.json.
// Development only:  cd .ci/vendor && npm install --no-audit && node refresh.mjs   (node_modules stays out of git)
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createRequire } from "node:module";

const here = dirname(new URL(import.meta.url).pathname);
const modules = resolve(process.argv[2] ?? join(here, "node_modules"));
const vendor = resolve(here, "../../static/vendor");
const require = createRequire(join(modules, "x.js"));
const { buildSync } = require("esbuild");

const ICONS = [
  "play", "pause", "skip-back", "skip-forward", "step-back", "step-forward", "rotate-ccw", "download", "sun",
  "moon", "monitor", "circle-help", "x", "check", "chevron-right", "chevron-down", "send", "terminal", "plus", "list",
  "map", "book-open", "file-code", "search", "clock", "fast-forward", "trash-2", "bookmark", "braces", "scroll-text",
  "printer", "info", "triangle-alert", "network", "layers", "zap", "eye", "settings-2",
];

rmSync(vendor, { recursive: true, force: true });
const entries = [];

/** One package (or bundle) of vendor.json: files are [origin inside node_modules, name under static/vendor]. */
function record(name, version, licence, folder, files, note) {
  entries.push({
    name, version, licence, ...(note ? { note } : {}),
    files: files.map(([origin, file]) => ({
      path: `${folder}/${file}`, origin,
      sha256: createHash("sha256").update(readFileSync(join(vendor, folder, file))).digest("hex"),
    })),
  });
}

const about = (name) => JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));

function copy(name, folder, files) {
  const { version, license } = about(name);
  mkdirSync(join(vendor, folder), { recursive: true });
  const copied = [...files, ["LICENSE", "LICENSE"]];
  for (const [from, to] of copied) cpSync(join(modules, name, from), join(vendor, folder, to));
  record(name, version, license, folder, copied.map(([from, to]) => [`npm:${name}@${version}/${from}`, to]));
}

const folder = (name) => `${name.replace(/^@/, "").replace("xterm/", "xterm-").replace(/^xterm-xterm$/, "xterm")}-${about(name).version}`;
copy("@xterm/xterm", folder("@xterm/xterm"), [["lib/xterm.mjs", "xterm.mjs"], ["css/xterm.css", "xterm.css"]]);
for (const addon of ["fit", "search", "unicode11", "web-links"]) {
  copy(`@xterm/addon-${addon}`, folder(`@xterm/addon-${addon}`), [[`lib/addon-${addon}.mjs`, `addon-${addon}.mjs`]]);
}
copy("@fontsource-variable/inter", `inter-${about("@fontsource-variable/inter").version}`,
  [["files/inter-latin-wght-normal.woff2", "inter.woff2"]]);
copy("@fontsource-variable/jetbrains-mono", `jetbrains-mono-${about("@fontsource-variable/jetbrains-mono").version}`,
  [["files/jetbrains-mono-latin-wght-normal.woff2", "jetbrains-mono.woff2"]]);

const bundled = buildSync({
  stdin: { contents: readFileSync(join(here, "codemirror.js"), "utf8"), resolveDir: dirname(modules) },
  nodePaths: [modules], bundle: true, format: "esm", minify: true, target: "es2022", legalComments: "none",
  write: false, metafile: true,
});
const packages = [...new Set(Object.keys(bundled.metafile.inputs).map((path) => path.match(/node_modules\/((@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean))].sort();
const mirror = `codemirror-${about("@codemirror/view").version}`;
mkdirSync(join(vendor, mirror), { recursive: true });
writeFileSync(join(vendor, mirror, "codemirror.mjs"), bundled.outputFiles[0].contents);
writeFileSync(join(vendor, mirror, "LICENSES"), packages.map((name) => {
  const text = ["LICENSE", "LICENSE.md"].map((file) => join(modules, name, file)).find(existsSync);
  return `${name} ${about(name).version}\n\n${readFileSync(text, "utf8")}`;
}).join("\n----\n\n"));
record("codemirror (bundle)", about("@codemirror/view").version, "MIT", mirror, [
  [`esbuild of .ci/vendor/codemirror.js: ${packages.map((name) => `${name}@${about(name).version}`).join(" ")}`, "codemirror.mjs"],
  ["the licences of all of them", "LICENSES"],
], "one bundle, made by refresh.mjs");

const lucide = `lucide-${about("lucide-static").version}`;
mkdirSync(join(vendor, lucide), { recursive: true });
const symbols = ICONS.map((name) => {
  const found = [name, name === "circle-help" ? "circle-question-mark" : name].map((n) => join(modules, "lucide-static/icons", `${n}.svg`)).find(existsSync);
  const inner = readFileSync(found, "utf8").replace(/<!--[\s\S]*?-->/g, "").match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1].replace(/\s+/g, " ").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
});
writeFileSync(join(vendor, lucide, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
cpSync(join(modules, "lucide-static/LICENSE"), join(vendor, lucide, "LICENSE"));
record("lucide-static", about("lucide-static").version, "ISC", lucide,
  [[`${ICONS.length} icons as symbols of one file`, "icons.svg"], [`npm:lucide-static@${about("lucide-static").version}/LICENSE`, "LICENSE"]]);

writeFileSync(join(vendor, "vendor.json"), `${JSON.stringify({ packages: entries }, null, 1)}\n`);
