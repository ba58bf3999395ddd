// Runs before the first paint, so that a page with chosen colours never shows the system's. Not a module: those wait.
(() => {
    const chosen = localStorage.getItem("slipway.colors");
    if (chosen === "light" || chosen === "dark") {
        document.documentElement.dataset.colors = chosen;
    }
})();
