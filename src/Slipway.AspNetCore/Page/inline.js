// What stands inside a paragraph: code, emphasis, links, line breaks. Everything else is text as it is. A text is read
// once from left to right; searches for what closes a mark remember that there is nothing, so hostile texts take no
// longer than others.
import { el } from "./dom.js";

const special = /[\\`*_~[<\n\u202a-\u202e\u2066-\u2069]|!\[|https?:\/\//g;
const escapable = /[!-/:-@[-`{-~]/;
const maxDepth = 6;
const maxUrl = 2048;
const maxShownTarget = 48;

/** Adds the nodes of a text to a parent. */
export function appendInline(parent, text, depth = 0) {
    if (depth > maxDepth) {
        parent.append(text);
        return;
    }

    const search = { nothing: new Set(), middle: 0 };
    const finder = new RegExp(special);
    let plainFrom = 0;
    let at = 0;
    for (;;) {
        finder.lastIndex = at;
        const found = finder.exec(text);
        if (!found) {
            break;
        }

        const read = readSpecial(text, found.index, search, depth);
        if (!read) {
            at = found.index + found[0].length;
            continue;
        }

        const before = text.slice(plainFrom, found.index);
        parent.append(read.node.nodeName === "BR" ? before.trimEnd() : before, read.node);
        at = plainFrom = read.end;
    }

    parent.append(text.slice(plainFrom));
}

/** Gives an address that may be opened; null for other schemes, and for those that hide their host behind a name. */
export function safeUrl(text) {
    if (text.length > maxUrl || !URL.canParse(text)) {
        return null;
    }

    const url = new URL(text);
    return (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password ? url : null;
}

/** Shows a character that would turn the order of others around, in code as in prose. */
export function showControl(character) {
    const code = character.codePointAt(0).toString(16).toUpperCase();
    return el("span", { class: "control", title: "A character that changes the order of text" }, `U+${code}`);
}

function readSpecial(text, at, search, depth) {
    switch (text[at]) {
        case "\\":
            return text[at + 1] && escapable.test(text[at + 1])
                ? { node: document.createTextNode(text[at + 1]), end: at + 2 } : null;
        case "\n":
            return { node: el("br"), end: at + 1 };
        case "`":
            return readCode(text, at, search.nothing);
        case "*": case "_": case "~":
            return readEmphasis(text, at, search.nothing, depth);
        case "[":
            return readLink(text, at, at, search, depth);
        case "!":
            // Images are not loaded: what a model names would tell its host that somebody looks.
            return text[at + 1] === "[" ? readLink(text, at, at + 1, search, depth) : null;
        case "<":
            return readAngle(text, at);
        case "h":
            return readBareUrl(text, at);
        default:
            return { node: showControl(text[at]), end: at + 1 };
    }
}

function runLength(text, at) {
    let end = at;
    while (text[end] === text[at]) {
        end++;
    }

    return end - at;
}

function readCode(text, at, nothing) {
    const length = runLength(text, at);
    const key = `\`${length}`;
    for (let from = at + length; !nothing.has(key);) {
        const close = text.indexOf("`".repeat(length), from);
        if (close < 0 || length > 8) {
            nothing.add(key);
            break;
        }

        const run = runLength(text, close);
        if (run === length) {
            const code = text.slice(at + length, close).replaceAll("\n", " ");
            const inner = code.startsWith(" ") && code.endsWith(" ") && code.trim() ? code.slice(1, -1) : code;
            return { node: appendCode(el("code"), inner), end: close + length };
        }

        from = close + run;
    }

    // No shorter run begins inside of this one.
    return { node: document.createTextNode(text.slice(at, at + length)), end: at + length };
}

/** Adds a text of code, in which only characters that turn the order around are shown as something else. */
export function appendCode(parent, text) {
    for (const piece of text.split(/([\u202a-\u202e\u2066-\u2069])/)) {
        parent.append(/^[\u202a-\u202e\u2066-\u2069]$/.test(piece) ? showControl(piece) : piece);
    }

    return parent;
}

function readEmphasis(text, at, nothing, depth) {
    const mark = text[at];
    const run = runLength(text, at);
    const length = Math.min(run, 2);
    const literal = { node: document.createTextNode(text.slice(at, at + run)), end: at + run };
    const after = text[at + run];
    if ((mark === "~" && run !== 2) || run > 3 || after === undefined || /\s/.test(after)
        || (mark === "_" && at > 0 && /\w/.test(text[at - 1]))) {
        return literal;
    }

    const close = findClose(text, at + run, mark, length, nothing);
    if (close < 0) {
        return literal;
    }

    const node = el(mark === "~" ? "s" : length === 2 ? "strong" : "em");
    appendInline(node, text.slice(at + length, close), depth + 1);
    return { node, end: close + length };
}

function findClose(text, from, mark, length, nothing) {
    const key = mark.repeat(length);
    for (let at = from; !nothing.has(key);) {
        const start = text.indexOf(mark, at);
        if (start < 0) {
            nothing.add(key);
            break;
        }

        const run = runLength(text, start);
        const fits = run === length || run === 3;
        if (fits && !/\s/.test(text[start - 1]) && !(mark === "_" && /\w/.test(text[start + run] ?? " "))) {
            return start + run - length;
        }

        at = start + run;
    }

    return -1;
}

function readLink(text, at, open, search, depth) {
    if (search.middle >= 0 && search.middle <= open) {
        search.middle = text.indexOf("](", open);
    }

    // The label ends at the first bracket; where it holds another one, the link begins there.
    const label = search.middle < 0 ? "[" : text.slice(open + 1, Math.min(search.middle, open + maxUrl));
    const target = text.slice(search.middle + 2, search.middle + 2 + maxUrl);
    const length = label.includes("[") ? -1 : target.indexOf(")");
    const url = length < 0 ? null : safeUrl(target.slice(0, length).trim().split(/\s/)[0]);
    return url && { node: link(url, label || url.href, depth), end: search.middle + 2 + length + 1 };
}

function readAngle(text, at) {
    const close = text.slice(at, at + maxUrl).indexOf(">");
    const url = close < 0 ? null : safeUrl(text.slice(at + 1, at + close));
    return url && { node: link(url, url.href), end: at + close + 1 };
}

function readBareUrl(text, at) {
    if (at > 0 && /\w/.test(text[at - 1])) {
        return null;
    }

    const [written] = /^[^\s<>"`*\u202a-\u202e\u2066-\u2069]+/.exec(text.slice(at, at + maxUrl));
    let end = written.length;
    while (".,;:!?'_~".includes(written[end - 1])) {
        end--;
    }

    if (written[end - 1] === ")" && !written.slice(0, end).includes("(")) {
        end--;
    }

    const url = safeUrl(written.slice(0, end));
    return url && { node: link(url, url.href), end: at + end };
}

// Where a label stands for the address, the address is shown behind it: nobody need trust a model's word for it.
function link(url, label, depth = maxDepth) {
    const node = el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", title: url.href });
    if (label === url.href) {
        node.append(label);
        return node;
    }

    appendInline(node, label.replaceAll("[", "").replaceAll("://", ":\u200b//"), Math.max(depth + 1, maxDepth - 1));
    const target = url.host + (url.pathname === "/" ? "" : url.pathname);
    const shown = target.length > maxShownTarget ? `${target.slice(0, maxShownTarget)}…` : target;
    node.append(" ", el("span", { class: "link-target", dir: "ltr" }, `(${shown})`));
    return node;
}
