// Tokens with their probabilities: a list to go through by arrow keys or pointer, and what else might have come.
import { appendAll, el } from "./dom.js";

const percent = (logprob) => Math.exp(logprob) * 100;
const written = (value) => `${value >= 99.95 ? "100" : value >= 0.1 ? value.toFixed(1) : "< 0.1"} %`;

// A token's tint has five steps: certain ones have none.
const steps = [95, 70, 40, 15];
const stepOf = (value) => steps.findIndex((step) => value >= step);

const visible = (token) => token.replaceAll("\n", "↵\n").replaceAll("\t", "⇥\t");
const quoted = (token) => `“${token.replaceAll("\n", "↵").replaceAll("\t", "⇥").replaceAll(" ", "␣")}”`;
let lists = 0;

/** Makes the view of an answer's tokens. */
export function tokenView(tokens) {
    const panelId = `tokens-${++lists}`;
    const panel = el("div", { class: "alternatives", id: panelId });
    const options = tokens.map((token, index) => {
        const step = stepOf(percent(token.logprob));
        return el("span", {
            role: "option",
            class: `token step-${step < 0 ? steps.length : step}`,
            tabindex: index === 0 ? "0" : "-1",
            "aria-label": `${quoted(token.token)}, ${written(percent(token.logprob))}`,
            "aria-describedby": panelId,
            "aria-selected": index === 0 ? "true" : "false",
        }, visible(token.token));
    });
    let current = 0;
    const list = el("div", {
        class: "tokens", role: "listbox", "aria-label": "Tokens of the answer", "aria-orientation": "horizontal",
        dir: "auto",
        onkeydown: (event) => {
            const moves = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: options.length - 1 };
            if (event.key in moves) {
                event.preventDefault();
                select(Math.max(0, Math.min(options.length - 1, moves[event.key])));
                options[current].focus();
            }
        },
        onpointerover: (event) => selectNode(event.target),
        onfocusin: (event) => selectNode(event.target),
    });
    appendAll(list, options);
    select(0);
    return el("div", { class: "token-view" }, list, panel);

    function selectNode(node) {
        const index = options.indexOf(node);
        if (index >= 0 && index !== current) {
            select(index);
        }
    }

    function select(index) {
        for (const [option, isCurrent] of [[options[current], false], [options[index], true]]) {
            option.tabIndex = isCurrent ? 0 : -1;
            option.setAttribute("aria-selected", String(isCurrent));
        }

        current = index;
        panel.replaceChildren(alternatives(tokens[index]));
    }
}

function alternatives(token) {
    const others = token.top.some((other) => other.token === token.token) ? token.top : [token, ...token.top];
    return el("table", {},
        el("caption", {}, "What else might have come"),
        el("tbody", {}, ...others.map((other) => el("tr", { class: other.token === token.token ? "chosen" : null },
            el("th", { scope: "row" }, quoted(other.token)),
            el("td", {}, written(percent(other.logprob))),
            el("td", { class: "share", "aria-hidden": "true" }, bar(percent(other.logprob)))))));
}

function bar(value) {
    const made = el("span");
    made.style.inlineSize = `${Math.max(1, value)}%`;
    return made;
}
