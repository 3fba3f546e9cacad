// @ts-check
// API objects -> what the stage shows: nodes with their pods, Services with their endpoints. Pure.

/**
 * @typedef {{key: string, host: string, uid: string, name: string, namespace: string, title: string, suffix: string,
 *   ip: string, node: string, phase: string, ready: boolean, terminating: boolean, system: boolean, image: string,
 *   labels: Record<string, string>, reason: string, hostNetwork: boolean}} Pod
 * @typedef {{host: string, name: string, ip: string, external: string, podCIDR: string, ready: boolean,
 *   controlPlane: boolean}} Node
 * @typedef {{ip: string, pod: string | null, node: string | null, state: "ready" | "serving" | "terminating" | "notready"}} Endpoint
 * @typedef {{key: string, uid: string, name: string, namespace: string, type: string, clusterIP: string,
 *   ports: {name: string, port: number, targetPort: string, protocol: string, nodePort: number | null}[],
 *   ingress: string[], pending: boolean, externalName: string, policy: string, endpoints: Endpoint[],
 *   system: boolean, hue: number, terminating: boolean}} Service
 * @typedef {{nodes: Node[], pods: Pod[], services: Service[]}} Model
 */

const SYSTEM = new Set(["kube-system", "kube-public", "kube-node-lease"]);

/**
 * @param {Iterable<any>} objects manifests as the API gives them
 * @returns {Model}
 */
export function clusterModel(objects) {
  const all = [...objects];
  const of = (/** @type {string} */ kind) => all.filter((item) => item.kind === kind);
  const nodes = of("Node").map(nodeOf).sort((a, b) => Number(b.controlPlane) - Number(a.controlPlane) || byName(a, b));
  const pods = of("Pod").map(podOf).filter((pod) => pod.node || pod.phase === "Pending").sort(byNamespaceAndName);
  const slices = of("EndpointSlice");
  const services = of("Service").map((item) => serviceOf(item, slices, pods)).sort(byNamespaceAndName);
  const shown = services.filter((service) => !service.system);
  for (const service of services) service.hue = service.system ? 0 : (shown.indexOf(service) % 6) + 1;
  return { nodes, pods, services };
}

const byName = (/** @type {any} */ a, /** @type {any} */ b) => a.name.localeCompare(b.name);
const byNamespaceAndName = (/** @type {any} */ a, /** @type {any} */ b) =>
  Number(b.system) - Number(a.system) || a.namespace.localeCompare(b.namespace) || byName(a, b);

/** @param {any} item @returns {Node} */
function nodeOf(item) {
  const address = (/** @type {string} */ type) =>
    item.status?.addresses?.find((/** @type {any} */ a) => a.type === type)?.address ?? "";
  const labels = item.metadata.labels ?? {};
  return {
    host: `node/${item.metadata.name}`,
    name: item.metadata.name,
    ip: address("InternalIP"),
    external: address("ExternalIP"),
    podCIDR: item.spec?.podCIDR ?? "",
    ready: condition(item, "Ready"),
    controlPlane: "node-role.kubernetes.io/control-plane" in labels || item.metadata.name === "control-plane",
  };
}

/** @param {any} item @param {string} type */
function condition(item, type) {
  return item.status?.conditions?.some((/** @type {any} */ c) => c.type === type && c.status === "True") ?? false;
}

/** @param {any} item @returns {Pod} */
function podOf(item) {
  const { name, namespace, uid, labels = {}, deletionTimestamp } = item.metadata;
  const [title, suffix] = splitName(name, labels["pod-template-hash"]);
  const waiting = item.status?.containerStatuses?.find((/** @type {any} */ c) => c.state?.waiting)?.state.waiting.reason;
  return {
    key: `pod/${namespace}/${name}`, host: `pod/${namespace}/${name}`, uid, name, namespace, title, suffix, labels,
    ip: item.status?.podIP ?? "",
    node: item.spec?.nodeName ?? "",
    phase: item.status?.phase ?? "Pending",
    ready: condition(item, "Ready"),
    terminating: Boolean(deletionTimestamp),
    system: SYSTEM.has(namespace),
    image: item.spec?.containers?.[0]?.image ?? "",
    reason: deletionTimestamp ? "Terminating" : waiting ?? item.status?.reason ?? item.status?.phase ?? "Pending",
    hostNetwork: Boolean(item.spec?.hostNetwork),
  };
}

/**
 * A pod's name in two parts: what a person calls it, and what tells it from its twins.
 * @param {string} name @param {string | undefined} hash
 * @returns {[string, string]}
 */
export function splitName(name, hash) {
  if (hash && name.includes(`-${hash}-`)) {
    const at = name.indexOf(`-${hash}-`);
    return [name.slice(0, at), name.slice(at + hash.length + 2)];
  }
  return [name, ""];
}

/** @param {any} item @param {any[]} slices @param {Pod[]} pods @returns {Service} */
function serviceOf(item, slices, pods) {
  const { name, namespace, uid, deletionTimestamp } = item.metadata;
  const spec = item.spec ?? {};
  const ingress = (item.status?.loadBalancer?.ingress ?? []).map((/** @type {any} */ i) => i.ip ?? i.hostname);
  const own = slices.filter((slice) =>
    slice.metadata.namespace === namespace && slice.metadata.labels?.["kubernetes.io/service-name"] === name);
  return {
    key: `service/${namespace}/${name}`, uid, name, namespace,
    type: spec.type ?? "ClusterIP",
    clusterIP: spec.clusterIP ?? "",
    ports: (spec.ports ?? []).map((/** @type {any} */ port) => ({
      name: port.name ?? "", port: port.port, targetPort: String(port.targetPort ?? port.port),
      protocol: port.protocol ?? "TCP", nodePort: port.nodePort ?? null,
    })),
    ingress,
    pending: spec.type === "LoadBalancer" && ingress.length === 0,
    externalName: spec.externalName ?? "",
    policy: spec.externalTrafficPolicy ?? "",
    endpoints: own.flatMap((slice) => (slice.endpoints ?? []).map((/** @type {any} */ e) => endpointOf(e, namespace, pods))),
    system: SYSTEM.has(namespace) || (namespace === "default" && name === "kubernetes"),
    hue: 0,
    terminating: Boolean(deletionTimestamp),
  };
}

/** @param {any} endpoint @param {string} namespace @param {Pod[]} pods @returns {Endpoint} */
function endpointOf(endpoint, namespace, pods) {
  const ip = endpoint.addresses?.[0] ?? "";
  const named = endpoint.targetRef?.kind === "Pod" ? `pod/${endpoint.targetRef.namespace ?? namespace}/${endpoint.targetRef.name}` : null;
  const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
  return {
    ip,
    pod: named ?? pods.find((pod) => pod.ip === ip)?.key ?? null,
    node: endpoint.nodeName ?? null,
    state: ready ? "ready" : terminating ? (serving ? "terminating" : "notready") : serving ? "serving" : "notready",
  };
}

/** The Service's port list in the short form "80→8080, 53/UDP". @param {Service} service */
export function portsText(service) {
  const texts = service.ports.map((port) => `${port.port}${port.protocol === "TCP" ? "" : `/${port.protocol}`}`);
  return [...new Set(texts)].join(" ");
}
