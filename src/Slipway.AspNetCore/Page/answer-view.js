// An assistant's message: thoughts, text, calls, figures, errors, and what may be done with it.
import { tokensPerSecond } from "./answer.js";
import { callView, prettyJson } from "./call-view.js";
import { button, copyButton, el } from "./dom.js";
import { errorView } from "./error-view.js";
import { codeBlock, showMarkdown } from "./markdown.js";
import { tokenView } from "./token-view.js";

const number = new Intl.NumberFormat("en");

/** Shows an answer, while it comes and afterwards. */
export class AnswerView {
    #message;
    #actions;
    #showsTokens = false;
    #settled = null;
    #thoughts = el("div", { class: "prose", tabindex: "0", role: "group", "aria-label": "Reasoning" });
    #summary = el("summary");
    #reasoning = el("details", { class: "reasoning", hidden: true }, this.#summary, this.#thoughts);
    #body = el("div", { class: "prose" });
    #parts = el("div", { class: "parts" });
    #footer = el("footer");
    node = el("article", { class: "answer", "aria-label": "Answer" },
        this.#reasoning, this.#body, this.#parts, this.#footer);

    constructor(message, actions) {
        this.#message = message;
        this.#actions = actions;
        this.update();
    }

    /** Shows the message as it is now. */
    update() {
        const message = this.#message;
        const isRunning = message.state === "running";
        this.node.setAttribute("aria-busy", String(isRunning));
        this.#reasoning.hidden = message.reasoning === "";
        if (message.reasoning) {
            this.#summary.textContent = isRunning && !message.text ? "Thinking…" : "Thoughts";
            showMarkdown(this.#thoughts, message.reasoning);
        }

        this.#body.classList.toggle("waits", isRunning && !message.text && message.calls.length === 0);
        if (!this.#showsTokens) {
            this.#showText();
        }

        // What can be typed into or pressed is made once, when the answer has settled, and where its calls changed.
        const settled = JSON.stringify([message.state, message.calls, message.error]);
        if (settled !== this.#settled) {
            this.#settled = settled;
            this.#showParts();
            this.#showFooter();
        }
    }

    /** Moves focus to the first field that waits for something. */
    focusField() {
        this.#parts.querySelector("textarea")?.focus();
    }

    #showText() {
        const { text, isJson, state, calls, error, reasoning } = this.#message;
        if (isJson && text) {
            this.#body.replaceChildren(codeBlock(prettyJson(text), "json"));
        } else if (text === "" && state === "done" && calls.length === 0 && !error) {
            this.#body.replaceChildren(el("p", { class: "muted" },
                reasoning ? "The model thought and said nothing." : "The model said nothing."));
        } else {
            showMarkdown(this.#body, text);
        }
    }

    #showParts() {
        const { calls, error } = this.#message;
        this.#parts.replaceChildren(...[
            calls.length > 0 && callView(this.#message, this.#actions),
            error && errorView(error, this.#actions),
        ].filter(Boolean));
    }

    #showFooter() {
        const message = this.#message;
        if (message.state === "running") {
            this.#footer.replaceChildren();
            return;
        }

        const toggle = message.tokens.length > 0 && button("Tokens", () => {
            this.#showsTokens = !this.#showsTokens;
            toggle.setAttribute("aria-pressed", String(this.#showsTokens));
            if (this.#showsTokens) {
                this.#body.replaceChildren(tokenView(message.tokens));
                this.#body.querySelector('[tabindex="0"]').focus();
                this.#footer.scrollIntoView({ block: "nearest" });
            } else {
                this.#body.replaceChildren();
                this.#showText();
            }
        }, { class: "quiet", "aria-pressed": "false", title: "Show the log-probabilities of the tokens" });
        this.#footer.replaceChildren(...[
            el("ul", { class: "figures" }, ...figures(message).map((figure) => el("li", {}, figure))),
            el("div", { class: "actions" }, ...[
                toggle,
                message.calls.some((call) => call.result !== null)
                    && button("Change the result", this.#actions.onreopen, { class: "quiet" }),
                message.text && copyButton(
                    () => message.text, "Copy", { class: "quiet", "aria-label": "Copy the answer" }),
                !message.error && button(
                    "Retry", this.#actions.onretry, { class: "quiet", "aria-label": "Retry the answer" }),
            ].filter(Boolean)),
        ]);
    }
}

function figures(message) {
    const { usage, firstSeconds, seconds, finish, state } = message;
    const rate = tokensPerSecond(message);
    const cached = usage?.prompt_tokens_details?.cached_tokens;
    return [
        message.model,
        state === "stopped" && "stopped",
        finish === "length" && "ended at the token limit",
        finish === "content_filter" && "ended by a filter",
        usage && `${number.format(usage.completion_tokens)} ${usage.completion_tokens === 1 ? "token" : "tokens"}`
            + (seconds === null ? "" : ` in ${seconds.toFixed(2)} s`),
        rate ? `${speed(rate)} tokens/s`
            : usage && seconds > 0 && `${speed(usage.completion_tokens / seconds)} tokens/s in all`,
        rate && firstSeconds !== null && `first after ${firstSeconds.toFixed(2)} s`,
        usage && `prompt ${number.format(usage.prompt_tokens)}${cached ? `, ${number.format(cached)} cached` : ""}`,
    ].filter(Boolean);
}

function speed(rate) {
    return rate >= 100 ? number.format(Math.round(rate)) : rate.toFixed(1);
}
