// Errors, each with what to do about it.
import { button, el } from "./dom.js";
import { fieldFor } from "./request.js";

/** Makes plain data of an error, which outlasts a reload. */
export function errorData(error) {
    return {
        kind: error.kind ?? (error.field ? "setting" : "failed"),
        message: error.message, status: error.status ?? 0, field: error.field ?? fieldFor(error.param),
        until: error.retryAfter ? Date.now() + (error.retryAfter * 1000) : null,
    };
}

/** Makes the view of an error. `onretry` tries again, `onfield` shows a setting. */
export function errorView(error, { onretry, onfield }) {
    const { title, remedy } = describe(error);
    const field = error.status === 401 ? "key" : error.field;
    return el("div", { class: "error", role: "group", "aria-label": "Error" },
        el("strong", {}, title),
        el("p", { dir: "auto" }, error.message),
        remedy && el("p", { class: "remedy" }, remedy),
        el("div", { class: "actions" },
            field && button(field === "key" ? "Enter a key" : "Show the setting", () => onfield(field, error.message),
                { class: "primary" }),
            onretry && retryButton(error, onretry, field ? "" : "primary")));
}

function describe({ kind, status, field }) {
    if (kind === "unreachable") {
        return {
            title: "The server is gone",
            remedy: "Start it again, as with “slipway serve”, then retry. What you wrote is kept.",
        };
    }

    if (kind === "broken") {
        return { title: "The answer broke off", remedy: "Retry; where it happens again, the server's log says why." };
    }

    if (kind === "setting" || field) {
        return { title: "A setting is not accepted", remedy: "Change it, then retry." };
    }

    switch (status) {
        case 401: return { title: "The server wants a key", remedy: "Enter one; it is kept for this tab." };
        case 404: return { title: "There is no such model", remedy: "Pick another one above." };
        case 429: return { title: "Too many requests", remedy: "Retry when the time is over." };
        case 503: return { title: "The server is stopping", remedy: "Retry when it runs again." };
        default: return {
            title: status >= 500 ? "The server failed" : "The request is refused",
            remedy: status >= 500 ? "Retry; where it happens again, the server's log says why." : null,
        };
    }
}

// Counts down where the server said how long to wait.
function retryButton(error, onretry, kind) {
    const made = button("Retry", () => made.ariaDisabled !== "true" && onretry(), { class: kind });
    const tick = () => {
        const seconds = Math.ceil(((error.until ?? 0) - Date.now()) / 1000);
        made.ariaDisabled = seconds > 0 ? "true" : null;
        made.textContent = seconds > 0 ? `Retry in ${seconds} s` : "Retry";
        if (seconds > 0) {
            setTimeout(tick, 250);
        }
    };
    tick();
    return made;
}
