// Sets the colour theme before the first paint (a classic script, so that it runs at once).
(function () {
  var stored = null;
  try { stored = localStorage.getItem("svclab.theme"); } catch (error) { stored = null; }
  var dark = matchMedia("(prefers-color-scheme: dark)");
  function apply(choice) {
    document.documentElement.dataset.theme = choice === "dark" || (choice !== "light" && dark.matches) ? "dark" : "light";
    document.documentElement.dataset.themeChoice = choice || "system";
  }
  apply(stored);
  dark.addEventListener("change", function () { apply(document.documentElement.dataset.themeChoice); });
  document.addEventListener("svclab:theme", function (/** @type {any} */ event) {
    try { localStorage.setItem("svclab.theme", event.detail); } catch (error) { /* private window: only for this page */ }
    apply(event.detail);
  });
})();
