// @ts-check
// The first half minute: a guess, one real packet, ten more, then a pod goes away.

import { byId, h, icon, keyed, set, setText } from "../core/dom.js";
import { hostName } from "../a11y/narrate.js";

/**
 * The Service of the greeting: the first user's Service with at least two ready pods, and somebody to ask it.
 * @param {import("../topology/model.js").Model} model
 */
export function welcomeScene(model) {
  for (const service of model.services.filter((candidate) => !candidate.system)) {
    const members = service.endpoints.filter((endpoint) => endpoint.state === "ready" && endpoint.pod);
    const keys = new Set(members.map((endpoint) => endpoint.pod));
    const asker = model.pods.find((pod) => !pod.system && pod.ready && !keys.has(pod.key));
    if (members.length >= 2 && asker) return { service, pods: model.pods.filter((pod) => keys.has(pod.key)), asker };
  }
  return null;
}

const MOST_IDLE = 20;
const MOST_GUESSES = 6;
const COUNTS = [,, "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];

/**
 * @param {{peek: (source: string, target: string) => void, send: (source: string, target: string, count: number, animate: boolean) => void, remove: (pod: any) => void,
 *   guess: (host: string | null) => void, apply: () => void}} actions
 */
export function createWelcome(actions) {
  const root = byId("welcome");
  if (!root) return { render() {}, answered() {} };
  const question = byId("welcome-question");
  const pods = byId("welcome-pods");
  const buttons = byId("welcome-actions");
  const note = byId("welcome-note");
  let step = "guess";
  let guess = "";
  let answer = "";
  /** @type {ReturnType<typeof welcomeScene>} */
  let scene = null;
  /** @type {Map<string, number>} */
  const counts = new Map();

  const target = () => (scene ? `http://${scene.service.name}${scene.asker.namespace === scene.service.namespace ? "" : `.${scene.service.namespace}`}` : "");
  /** @typedef {{icon: string, text: string, run: () => void, primary: boolean}} Action */
  const action = (/** @type {string} */ name, /** @type {string} */ text, /** @type {() => void} */ run, primary = true) => ({ icon: name, text, run, primary });

  /** The same button for the same words, so that the focus stays. @param {Action[]} actions */
  function drawActions(actions) {
    const held = buttons.contains(document.activeElement);
    keyed(buttons, actions, ({ text }) => text, ({ icon: name, text, primary }) => h(`button.button${primary ? ".primary" : ""}`, { type: "button" }, icon(name), text), (element, { run }) => { element.onclick = run; });
    if (held && !buttons.contains(document.activeElement)) buttons.querySelector("button")?.focus();
  }

  /** Until the first touch a packet leaves every two seconds, so that the page is seen to live. */
  let shown = 0;
  const idle = setInterval(() => {
    const over = step !== "guess" || shown >= MOST_IDLE || document.documentElement.classList.contains("has-trace");
    if (over) clearInterval(idle);
    if (over || guess || document.hidden || !scene) return;
    shown += 1;
    actions.peek(scene.asker.host, target());
  }, 2200);

  function draw() {
    setText(question, scene ? `${COUNTS[scene.pods.length] ?? scene.pods.length} copies of one program. Which one answers?` : "Nothing of yours runs here. Start three copies of one program?");
    keyed(pods, scene ? scene.pods.slice(0, MOST_GUESSES) : [], (pod) => pod.host, (pod) => h("button.guess", { type: "button", onclick: () => choose(pod.host) }, h("span.dot"), h("span.who"), h("span.mono")), (element, pod) => {
      const [, name, detail] = element.children;
      set(element, { "aria-pressed": String(pod.host === guess), class: `guess${pod.host === answer ? " answered" : ""}` });
      setText(name, pod.suffix ? `${pod.title} · ${pod.suffix}` : pod.name);
      setText(detail, counts.get(pod.host) ? `×${counts.get(pod.host)}` : pod.ip);
    });
    if (!scene) {
      drawActions([action("layers", "Start three copies", actions.apply)]);
      note.textContent = "Or apply a manifest of your own.";
      return;
    }
    const { asker, service } = scene;
    const send = (/** @type {number} */ count) => actions.send(asker.host, target(), count, count === 1);
    const go = (/** @type {string} */ next) => { step = next; draw(); };
    const most = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
    const victim = scene.pods.find((pod) => pod.host === most);
    const more = action("plus", "10 more", () => send(10), false);
    drawActions({
      guess: [action("play", "Play", () => { send(1); go("sent"); })],
      sent: [action("fast-forward", "Send 10 more", () => { send(10); go("ten"); }), action("play", "Again", () => send(1), false)],
      ten: [...(victim ? [action("trash-2", `Remove ${victim.suffix || victim.name}, which answered most`, () => { actions.remove(victim); send(10); go("removed"); })] : []), more],
      removed: [more],
    }[step] ?? []);
    note.textContent = {
      guess: guess ? `${hostName(asker.host)} will ask for “${service.name}”. Press Play.` : "Tap your guess, then Play.",
      sent: answer ? `${nameOf(answer)} answered.${guess ? (guess === answer ? " You guessed it." : " Not your guess: it is drawn by chance.") : ""} Will it be the same one next time?` : "Watch the packet…",
      ten: "Not taking turns, is it? Each request draws its own lot.",
      removed: "A replacement appears with a new address, and the name still works. You just used a Service.",
    }[step] ?? "";
  }
  const nameOf = (/** @type {string} */ host) => scene?.pods.find((pod) => pod.host === host)?.suffix || hostName(host);

  /** @param {string} host */
  function choose(host) {
    guess = guess === host ? "" : host;
    actions.guess(guess || null);
    draw();
  }
  return {
    /** @param {import("../topology/model.js").Model} model */
    render(model) {
      const next = welcomeScene(model);
      const same = JSON.stringify([next?.service.key, next?.pods.map((pod) => [pod.key, pod.ip])]) === JSON.stringify([scene?.service.key, scene?.pods.map((pod) => [pod.key, pod.ip])]);
      scene = next;
      if (!same || !root.dataset.drawn) draw();
      root.dataset.drawn = "yes";
    },
    /** A request to the greeting's Service was answered by this pod. @param {string} wanted @param {string | null} pod @param {boolean} seen whether its journey was watched to the end */
    answered(wanted, pod, seen) {
      if (!scene || wanted !== target() || !pod) return;
      counts.set(pod, (counts.get(pod) ?? 0) + (seen ? 0 : 1));
      if (seen) answer = pod;
      draw();
    },
  };
}
