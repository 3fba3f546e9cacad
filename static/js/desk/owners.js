// @ts-check
// Whose address is that? Answers out of the stage's model. Pure.

/** @typedef {import("../topology/model.js").Model} Model */

/** The pod that an endpoint "IP:PORT" belongs to. @param {Model} model @param {string | null} endpoint */
export function podAt(model, endpoint) {
  const ip = (endpoint ?? "").replace(/:\d+$/, "");
  return model.pods.find((pod) => ip && pod.ip === ip && !pod.hostNetwork)?.host ?? null;
}

/** The pod that answered; a tunnel's request is answered at its far end. @param {Model} model @param {any} trace @returns {string | null} */
export function serverOf(model, trace) {
  return trace.steps.findLast((/** @type {any} */ step) => step.kind === "tunnel" && !step.reply)?.host ?? podAt(model, trace.outcome.endpoint);
}

/** What an address is called: "Service web", "node1", or "". @param {Model} model @param {string} ip */
export function ownerOf(model, ip) {
  const service = model.services.find((candidate) => candidate.clusterIP === ip || candidate.ingress.includes(ip));
  return service ? `Service ${service.name}` : model.nodes.find((node) => node.ip === ip || node.external === ip)?.name ?? "";
}

/**
 * All "IP:port" that could answer a target, by the Service that owns its name or address.
 * @param {Model} model @param {string} target @param {{trace: any, traces: any[]}} state
 */
export function endpointsOf(model, target, { trace, traces }) {
  const host = target.replace(/^\w+:\/\//, "").replace(/[:/].*$/, "");
  const namespace = trace?.source?.startsWith("pod/") ? trace.source.split("/")[1] : "default";
  const service = model.services.find((candidate) => candidate.clusterIP === host || candidate.ingress.includes(host)
    || (host.split(".")[0] === candidate.name && (host.split(".")[1] ?? namespace) === candidate.namespace));
  if (!service) return [];
  const sample = traces.find((summary) => summary.target === target && summary.endpoint)?.endpoint;
  const port = sample?.split(":").at(-1) ?? service.ports[0]?.targetPort;
  return service.endpoints.filter((endpoint) => endpoint.state === "ready").map((endpoint) => `${endpoint.ip}:${port}`);
}
