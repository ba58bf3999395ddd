// Blocks of Markdown as models write it: paragraphs, headings, lists, quotes, tables, rules and code.
import { appendAll, copyButton, el } from "./dom.js";
import { appendCode, appendInline } from "./inline.js";

const maxDepth = 6;
const maxColumns = 32;
const maxWord = 400;
const firstHeading = 3;
const sources = new WeakMap();

/** Shows a text. Blocks that are as they were keep their nodes, so a text that grows is not drawn anew. */
export function showMarkdown(container, text) {
    const blocks = parse(text.split(/\r\n|\r|\n/), 0, { heading: firstHeading - 1 });
    for (const [index, block] of blocks.entries()) {
        const shown = container.childNodes[index];
        if (shown && sources.get(shown) === block.source) {
            continue;
        }

        const node = block.build();
        sources.set(node, block.source);
        if (shown) {
            shown.replaceWith(node);
        } else {
            container.append(node);
        }
    }

    while (container.childNodes.length > blocks.length) {
        container.lastChild.remove();
    }
}

function parse(lines, depth, context) {
    const blocks = [];
    for (let at = 0; at < lines.length;) {
        if (lines[at].trim() === "") {
            at++;
            continue;
        }

        const read = readFence(lines, at) ?? readHeading(lines, at, context) ?? readRule(lines, at)
            ?? (depth < maxDepth ? readQuote(lines, at, depth, context) ?? readList(lines, at, depth, context) : null)
            ?? readTable(lines, at) ?? readParagraph(lines, at);
        blocks.push({ ...read, source: `${read.kind}\n${lines.slice(at, read.end).join("\n")}` });
        at = read.end;
    }

    return blocks;
}

const build = (parent, blocks) => appendAll(parent, blocks.map((block) => block.build()));

const fenceAt = (line) => /^ {0,3}(`{3,}|~{3,})([^`]*)$/.exec(line);
const closesFence = (line, mark) => line.startsWith(mark) && line.replaceAll(mark[0], "") === "";
const headingAt = (line) => /^ {0,3}(#{1,6})\s+(.*)$/s.exec(line);
const itemAt = (line) => /^( {0,3})([-*+]|\d{1,9}[.)])(?: +(.*)|)$/s.exec(line);
const isRule = (line) => /^ {0,3}[-*_]/.test(line) && /^([-*_])\1{2,}$/.test(line.replaceAll(" ", ""));
const indentOf = (line) => line.length - line.trimStart().length;

function readFence(lines, at) {
    const fence = fenceAt(lines[at]);
    if (!fence) {
        return null;
    }

    const [, mark, info] = fence;
    const indent = indentOf(lines[at]);
    let end = at + 1;
    while (end < lines.length && !closesFence(lines[end].trim(), mark)) {
        end++;
    }

    const code = lines.slice(at + 1, end).map((line) => line.slice(Math.min(indent, indentOf(line)))).join("\n");
    const language = info.trim().split(/\s/)[0].slice(0, 24);
    return { kind: "code", end: Math.min(end + 1, lines.length), build: () => codeBlock(code, language) };
}

/** Makes a block of code with its language and a button that copies it. */
export function codeBlock(code, language) {
    return el("figure", { class: "code" },
        el("figcaption", {},
            el("span", { dir: "ltr" }, language || "text"),
            copyButton(() => code, "Copy", { class: "quiet", "aria-label": `Copy the ${language || "text"}` })),
        el("pre", { tabindex: "0", dir: "ltr" }, appendCode(el("code"), code)));
}

// Levels go down one by one, as readers of headings expect, whatever the model began with.
function readHeading(lines, at, context) {
    const heading = headingAt(lines[at]);
    if (!heading) {
        return null;
    }

    const level = Math.min(heading[1].length + firstHeading - 1, context.heading + 1, 6);
    context.heading = Math.max(level, firstHeading);
    return {
        kind: `h${level}`,
        end: at + 1,
        build: () => withInline(`h${level}`, heading[2].replace(/ #+ *$/, "")),
    };
}

function readRule(lines, at) {
    return isRule(lines[at]) ? { kind: "rule", end: at + 1, build: () => el("hr") } : null;
}

function readQuote(lines, at, depth, context) {
    let end = at;
    while (end < lines.length && /^ {0,3}>/.test(lines[end])) {
        end++;
    }

    if (end === at) {
        return null;
    }

    const inner = parse(lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, "")), depth + 1, context);
    return { kind: "quote", end, build: () => build(el("blockquote"), inner) };
}

function readList(lines, at, depth, context) {
    const first = itemAt(lines[at]);
    if (!first) {
        return null;
    }

    const isOrdered = /\d/.test(first[2]);
    const items = [];
    let end = at;
    let isLoose = false;
    while (end < lines.length) {
        const item = itemAt(lines[end]);
        if (!item || /\d/.test(item[2]) !== isOrdered || isRule(lines[end])) {
            break;
        }

        const outer = item[1].length + 2;
        const content = [item[3] ?? ""];
        let next = end + 1;
        let lastText = end;
        while (next < lines.length) {
            const line = lines[next];
            const isBlank = line.trim() === "";
            if (!isBlank && indentOf(line) < outer && (lastText < next - 1 || startsBlock(line))) {
                break;
            }

            content.push(isBlank ? "" : line.slice(Math.min(indentOf(line), item[0].length - (item[3] ?? "").length)));
            lastText = isBlank ? lastText : next;
            next++;
        }

        content.length = lastText - end + 1;
        isLoose ||= content.includes("");
        items.push(parse(content, depth + 1, context));

        // A blank line lies between items where another one follows.
        let follower = lastText + 1;
        while (follower < lines.length && lines[follower].trim() === "") {
            follower++;
        }

        const goesOn = follower < lines.length && itemAt(lines[follower]);
        isLoose ||= Boolean(goesOn) && follower > lastText + 1;
        end = goesOn ? follower : lastText + 1;
    }

    const start = isOrdered ? Number.parseInt(first[2], 10) : 1;
    return {
        kind: isOrdered ? "ol" : "ul",
        end,
        build: () => appendAll(
            el(isOrdered ? "ol" : "ul", { start: start === 1 ? null : start }),
            items.map((blocks) => listItem(blocks, isLoose))),
    };
}

function listItem(blocks, isLoose) {
    if (isLoose || blocks[0]?.kind !== "paragraph") {
        return withDirection(build(el("li"), blocks));
    }

    const [{ text }, ...others] = blocks;
    return build(withInline("li", text), others);
}

function startsBlock(line) {
    return Boolean(itemAt(line) || fenceAt(line) || headingAt(line) || isRule(line) || /^ {0,3}>/.test(line));
}

function cellsOf(line) {
    return line.trim().replace(/^\|/, "").replace(/\|$/, "").split("|").slice(0, maxColumns).map((cell) => cell.trim());
}

function readTable(lines, at) {
    if (!lines[at].includes("|") || !lines[at + 1]?.includes("-")) {
        return null;
    }

    const marks = cellsOf(lines[at + 1]);
    const head = cellsOf(lines[at]);
    if (marks.length !== head.length || !marks.every((mark) => /^:?-+:?$/.test(mark))) {
        return null;
    }

    let end = at + 2;
    while (end < lines.length && lines[end].includes("|")) {
        end++;
    }

    const rows = lines.slice(at + 2, end).map(cellsOf);
    const row = (tag, cells) => el("tr", {}, ...head.map((_, column) => withInline(tag, cells[column] ?? "")));
    return {
        kind: "table",
        end,
        build: () => el("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Table" }, el("table", {},
            el("thead", {}, row("th", head)), appendAll(el("tbody"), rows.map((cells) => row("td", cells))))),
    };
}

function readParagraph(lines, at) {
    let end = at + 1;
    while (end < lines.length && lines[end].trim() !== "" && !startsBlock(lines[end])) {
        end++;
    }

    const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n");
    return { kind: "paragraph", text, end, build: () => withInline("p", text) };
}

function withInline(tag, text) {
    const node = el(tag, { class: isUnbroken(text) ? "unbroken" : null });
    appendInline(node, text);
    return withDirection(node);
}

// The direction of a block is that of its first letter, and ends with it. It is set last: before that, browsers look
// for the letter anew with each node that is added.
function withDirection(node) {
    node.dir = "auto";
    return node;
}

// Browsers take long to find lines in a text without spaces unless it may be broken anywhere.
function isUnbroken(text) {
    return text.length > maxWord && text.split(/\s/).some((word) => word.length > maxWord);
}
