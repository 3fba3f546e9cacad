// @ts-check
// The sandbox page: the workspace and its greeting.

import { workspace } from "./workspace.js";
import { still } from "./a11y/motion.js";
import { wireMap } from "./desk/map.js";
import { podAt } from "./desk/owners.js";
import { createWelcome } from "./desk/welcome.js";

const HELLO = "hello.yaml";
const { store, stage } = workspace;
if (!document.getElementById("lesson")) wireMap(workspace.page.map); // a lesson's page has its own, with its place in it

const welcome = createWelcome({
  peek(source, target) { if (!still()) workspace.tell({ type: "peek", source, target }); },
  send(source, target, count, watch) {
    if (count === 1) workspace.send({ source, target }, { watch });
    else workspace.tell({ type: "send.many", source, target, protocol: "TCP", count });
  },
  remove: (pod) => workspace.removePod(pod.host),
  guess: (host) => stage.mark({ guessed: host ?? "" }),
  apply: () => workspace.applyManifest(HELLO, workspace.page.hello),
});

store.subscribe((state, before) => {
  if (state.objects !== before.objects && state.ready) welcome.render(stage.model);
});
workspace.onMessage((message) => {
  if (message.type === "applied" && message.name === HELLO) for (const { error } of message.results) if (error) workspace.toast(error, "error");
  if (message.type === "trace" && !message.watch && message.origin !== "background") welcome.answered(message.trace.target, podAt(stage.model, message.trace.outcome.endpoint), false);
  if (message.type === "traces") for (const summary of message.traces) if (!summary.background) welcome.answered(summary.target, podAt(stage.model, summary.endpoint), false);
  if (message.type === "watched") welcome.answered(message.trace.target, message.pod, true);
});
