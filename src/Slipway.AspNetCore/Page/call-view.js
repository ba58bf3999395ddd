// Calls of tools: what the model asks for, and a form for what the tools would return.
import { el } from "./dom.js";
import { appendCode } from "./inline.js";
import { codeBlock } from "./markdown.js";

const maxShort = 72;

/** Makes the view of an answer's calls. `onresults` gets a text for each of them. */
export function callView(message, { onresults }) {
    const isDone = message.state === "done";
    const isAnswered = message.calls.every((call) => call.result !== null);
    const fields = [];
    const cards = message.calls.map((call, index) => el(
        "section", { class: "call", "aria-label": `Call of ${call.name}` },
        el("h3", {}, "Calls ", el("code", { dir: "ltr" }, call.name)),
        shortOrBlock(call.arguments, "arguments"),
        isAnswered ? resultOf(call) : isDone ? fieldOf(call, index) : null));
    if (isAnswered) {
        return el("div", { class: "calls" }, ...cards);
    }

    return el("form", {
        class: "calls",
        onsubmit: (event) => {
            event.preventDefault();
            onresults(fields.map((field) => field.value));
        },
    },
    ...cards,
    isDone && el("button", { class: "primary" }, fields.length > 1 ? "Send results" : "Send result"));

    function fieldOf(call, index) {
        const area = el("textarea", {
            rows: 2, spellcheck: "false", placeholder: "ok", "aria-label": `Result of ${call.name}`,
            onkeydown: (event) => {
                if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
                    event.preventDefault();
                    area.form.requestSubmit();
                }
            },
        });
        area.value = call.draft ?? "";
        fields[index] = area;
        return el("label", { class: "result" }, el("span", {}, "What does it return?"), area);
    }
}

function resultOf(call) {
    return el("div", { class: "result" }, el("span", {}, "Returned"), shortOrBlock(call.result, "result"));
}

function shortOrBlock(text, name) {
    return text.length <= maxShort && !text.includes("\n")
        ? el("p", { class: "short" }, appendCode(el("code", { dir: "ltr" }), text))
        : codeBlock(prettyJson(text), name);
}

/** Writes JSON over lines; what is no JSON, or none yet, stays as it is. */
export function prettyJson(text) {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}
