// @ts-check
// A lesson page: the workspace with a lesson in its left panel.

import { byId } from "./core/dom.js";
import { workspace } from "./workspace.js";
import { createCommands } from "./lessons/commands.js";
import { createGround } from "./lessons/ground.js";
import { createLamps } from "./lessons/lamps.js";
import { createManifest } from "./lessons/manifest.js";
import { createPrediction } from "./lessons/predict.js";
import { createSteps } from "./lessons/steps.js";

const LARGEST = 60_000; // bytes of a manifest that go over the websocket; larger ones are posted

const LASTING = new Set(["Namespace", "Deployment", "Service"]); // what a lesson begins with, and nobody replaces

const root = byId("lesson");
const { page } = workspace;
const csrf = { "X-CSRFToken": root.dataset.csrf, "Content-Type": "application/json" };
const open = () => workspace.tell({ type: "lesson.open", lesson: root.dataset.lesson });
/** @type {ReturnType<typeof createGround> | null} */
let ground = null;
const say = (/** @type {string} */ text) => { byId("lesson-news").textContent = text; };

/** @param {string} url @param {any} [body] */
async function post(url, body = {}) {
  const answer = await fetch(url, { method: "POST", headers: csrf, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

const lamps = createLamps({
  onTrace: (trace) => workspace.showRecorded(trace),
  onGreen(title, green, total) {
    const text = `Goal reached, ${green} of ${total}: ${title}`;
    if (byId("lamps").offsetParent) say(text);
    else workspace.toast(text);
  },
});
let atLastStep = false;
/** What was learned stands where the lesson ends, not before. */
const drawDone = () => { byId("lesson-done").hidden = !(atLastStep && root.hasAttribute("data-done")); };
createSteps(root, {
  onMove(last) {
    atLastStep = last;
    drawDone();
    ground?.settle();
  },
});

for (const form of root.querySelectorAll("form.predict")) {
  const step = form.dataset.predictStep;
  createPrediction(form, page.predictions[step] ?? null, async (id, choice) => {
    const truth = await post(root.dataset.predict, { step: id, choice });
    open();
    return truth;
  });
}

/** @param {string} file @param {string} text */
async function apply(file, text) {
  if (new Blob([text]).size <= LARGEST) return workspace.applyManifest(file, text);
  const answer = await fetch(page.apply, { method: "POST", body: text, headers: { ...csrf, "Content-Type": "application/yaml" } }).then((response) => response.json()).catch(() => ({ results: [{ error: "The manifest could not be sent. Is the connection there?" }] }));
  return show(file, answer.results);
}
/** The open question of the step that an element stands in, unless the learner has said to go on without. @param {Element} element */
function openQuestion(element) {
  const form = /** @type {HTMLFormElement | null} */ (element.closest(".step")?.querySelector("form.predict:not([data-given], [data-skipped])"));
  if (!form) return null;
  return {
    text: "First say what you expect, above. It costs nothing.",
    ask: () => { form.scrollIntoView({ block: "center" }); form.querySelector('input[type="radio"]')?.focus({ preventScroll: true }); },
    skip: () => form.toggleAttribute("data-skipped", true),
  };
}
/** A text too large to keep is still applied as it stands. @param {string} file @param {string} text */
const save = (file, text) => post(root.dataset.file, { file, text }).catch(() => null);

/** @type {Promise<Awaited<ReturnType<typeof createManifest>>[]>} */
const manifests = Promise.all([...root.querySelectorAll(".manifest")].map((element) => createManifest(element, { apply, save, question: () => openQuestion(element) })));
/** @param {string} file @param {any[]} results */
const show = (file, results) => manifests.then((all) => { for (const manifest of all) if (manifest.file === file) manifest.showResults(results); });

let looked = () => {};
/** The goals have been looked at once more, or it takes too long. @returns {Promise<void>} */
const look = () => new Promise((resolve) => {
  looked = resolve;
  setTimeout(resolve, 2000);
  open();
});

const commands = createCommands(root, {
  run: (line) => workspace.runCommand(line, { stay: true }),
  location: () => workspace.location(),
  interrupt: () => workspace.interrupt(),
  before: async () => { for (const manifest of await manifests) await manifest.keep(); },
  looked: look,
  onTrace: (id) => workspace.showTrace(id),
  question: openQuestion,
  say,
});

ground = createGround({ url: root.dataset.ground, csrf, onBegun: open });

byId("lesson-start").addEventListener("submit", async (/** @type {any} */ event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  const text = button.textContent;
  button.textContent = "Preparing…";
  try {
    await post(root.dataset.start);
    workspace.toast("The cluster is at this lesson's start.");
  } catch {
    workspace.toast("The start could not be prepared. Try once more.", "error");
  } finally {
    button.removeAttribute("aria-disabled");
    button.textContent = text;
  }
});

workspace.onMessage((message) => {
  if (message.type === "welcome") {
    open();
    commands.drop();
  }
  if (message.type === "welcome") ground?.check();
  if (message.type === "state" && message.fresh) ground?.soon();
  if (message.type === "objects" && message.deleted.some((/** @type {any} */ object) => LASTING.has(object.kind))) ground?.soon();
  if (message.type === "term.opened") commands.forget();
  if (message.type === "progress" && message.lesson === root.dataset.lesson) {
    lamps.render(message.lamps);
    looked();
    drawDone();
  }
  if (message.type === "applied") show(message.name, message.results);
});
