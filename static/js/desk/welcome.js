// @ts-check
// The first half minute: a guess, one real packet, ten more, then a pod goes away.

import { byId, h, icon } from "../core/dom.js";
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

/**
 * @param {{peek: (source: string, target: string) => void, send: (source: string, target: string, count: number, animate: boolean) => void, remove: (pod: any) => void,
 *   guess: (host: string | null) => void, apply: () => void}} actions
 */
export function createWelcome(actions) {
  const root = byId("welcome");
  if (!root) return { render() {}, answered() {} };
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
  const button = (/** @type {string} */ name, /** @type {string} */ text, /** @type {() => void} */ run, primary = true) =>
    h(`button.button${primary ? ".primary" : ""}`, { type: "button", onclick: run }, icon(name), text);

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
    if (!scene) {
      pods.replaceChildren();
      buttons.replaceChildren(button("layers", "Start three copies", actions.apply));
      note.textContent = "";
      return;
    }
    const { asker, service } = scene;
    pods.replaceChildren(...scene.pods.slice(0, 6).map((pod) => h(`button.guess${pod.host === answer ? ".answered" : ""}`, { type: "button", "aria-pressed": String(pod.host === guess), onclick: () => choose(pod.host) },
      h("span.dot"), h("span", { text: pod.suffix ? `${pod.title} · ${pod.suffix}` : pod.name }), h("span.mono", { text: counts.get(pod.host) ? `×${counts.get(pod.host)}` : pod.ip }))));
    const play = button("play", "Play", () => { step = "sent"; actions.send(asker.host, target(), 1, true); draw(); });
    const ten = button("fast-forward", "Send 10 more", () => { step = "ten"; actions.send(asker.host, target(), 10, false); draw(); });
    const most = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
    const victim = scene.pods.find((pod) => pod.host === most);
    const kill = victim && button("trash-2", `Remove ${victim.suffix || victim.name}, which answered most`, () => { step = "removed"; actions.remove(victim); actions.send(asker.host, target(), 10, false); draw(); });
    buttons.replaceChildren(...{ guess: [play], sent: [ten, button("play", "Again", () => actions.send(asker.host, target(), 1, true), false)], ten: [kill, button("plus", "10 more", () => actions.send(asker.host, target(), 10, false), false)].filter(Boolean), removed: [button("plus", "10 more", () => actions.send(asker.host, target(), 10, false), false)] }[step] ?? []);
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
