// @ts-check
// Whether things may move: the system's wish, or the page's switch.

const query = matchMedia("(prefers-reduced-motion: reduce)");

export function still() {
  const choice = document.documentElement.dataset.motion;
  return choice === "off" || (choice !== "on" && query.matches);
}

/** @param {"on" | "off" | null} choice null: as the system says */
export function setMotion(choice) {
  if (choice) document.documentElement.dataset.motion = choice;
  else delete document.documentElement.dataset.motion;
}
