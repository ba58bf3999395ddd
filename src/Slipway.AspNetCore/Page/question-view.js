// A user's message, which may be written anew.
import { button, copyButton, el } from "./dom.js";

/** Makes the view of a user's message. `onedit` gets the new text. */
export function questionView(message, { onedit, isLast }) {
    const node = el("article", { class: "question", "aria-label": "You" });
    show();
    return node;

    function show() {
        const edit = button("Edit", () => write(), { class: "quiet", "aria-label": "Edit the message" });
        node.replaceChildren(
            el("div", { class: "bubble", dir: "auto" }, message.text),
            el("div", { class: "actions" }, edit,
                copyButton(() => message.text, "Copy", { class: "quiet", "aria-label": "Copy the message" })));
        return edit;
    }

    function write() {
        const area = el("textarea", {
            class: "bubble", dir: "auto", "aria-label": "New text of the message",
            onkeydown: (event) => {
                if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
                    event.preventDefault();
                    form.requestSubmit();
                } else if (event.key === "Escape") {
                    event.stopPropagation();
                    show().focus();
                }
            },
        });
        area.value = message.text;
        const form = el("form", {
            onsubmit: (event) => {
                event.preventDefault();
                if (area.value.trim() !== "") {
                    onedit(area.value);
                }
            },
        },
        area,
        !isLast() && el("p", { class: "muted" }, "What follows this message will be dropped."),
        el("div", { class: "actions" },
            button("Cancel", () => show().focus()), el("button", { class: "primary" }, "Send")));
        node.replaceChildren(form);
        area.focus();
    }
}
