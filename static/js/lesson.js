// @ts-check
// A lesson page: the workspace with a lesson in its left panel.

import { byId } from "./core/dom.js";
import { workspace } from "./workspace.js";
import { createLamps } from "./lessons/lamps.js";
import { createManifest } from "./lessons/manifest.js";
import { createPrediction } from "./lessons/predict.js";
import { createSteps } from "./lessons/steps.js";

const root = byId("lesson");
const { page } = workspace;
const csrf = { "X-CSRFToken": root.dataset.csrf, "Content-Type": "application/json" };

/** @param {string} url @param {any} [body] */
async function post(url, body = {}) {
  const answer = await fetch(url, { method: "POST", headers: csrf, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

const lamps = createLamps({
  onTrace: (trace) => workspace.showRecorded(trace),
  onDone: () => { byId("lesson-done").hidden = false; },
});
createSteps(root, () => {});

for (const form of root.querySelectorAll("form.predict")) {
  const step = form.dataset.predictStep;
  createPrediction(form, page.predictions[step] ?? null, async (id, choice) => {
    const truth = await post(root.dataset.predict, { step: id, choice });
    workspace.tell({ type: "lesson.open", lesson: root.dataset.lesson });
    return truth;
  });
}

/** @type {Promise<Awaited<ReturnType<typeof createManifest>>[]>} */
const manifests = Promise.all([...root.querySelectorAll(".manifest")].map((element) => createManifest(element, (file, text) => workspace.applyManifest(file, text))));

root.addEventListener("click", async (/** @type {any} */ event) => {
  const button = event.target.closest(".command-run");
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    await workspace.runCommand(button.dataset.run);
    button.setAttribute("data-ran", "");
  } finally {
    button.disabled = false;
  }
});

byId("lesson-start")?.addEventListener("submit", async (/** @type {any} */ event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  const text = button.textContent;
  button.textContent = "Preparing…";
  try {
    await post(root.dataset.start);
    workspace.toast("The cluster is at this lesson's start.");
  } catch {
    workspace.toast("The start could not be prepared. Try once more.", "error");
  } finally {
    button.disabled = false;
    button.textContent = text;
  }
});

workspace.onMessage((message) => {
  if (message.type === "welcome") workspace.tell({ type: "lesson.open", lesson: root.dataset.lesson });
  if (message.type === "progress" && message.lesson === root.dataset.lesson) lamps.render(message.lamps);
  if (message.type === "applied") manifests.then((all) => all.find((manifest) => manifest.file === message.name)?.showResults(message.results));
});
