// Makes nodes. Texts become text nodes: nothing here, or anywhere in the page, parses HTML.

/** Makes an element. Attributes that are null, undefined or false are left out; `on…` adds a listener. */
export function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) {
            continue;
        }

        if (name.startsWith("on")) {
            node.addEventListener(name.slice(2), value);
        } else {
            node.setAttribute(name, value === true ? "" : value);
        }
    }

    return appendAll(node, children.filter((child) => child !== null && child !== undefined && child !== false));
}

/** Adds nodes one by one: there may be more of them than a call takes arguments. */
export function appendAll(parent, nodes) {
    for (const node of nodes) {
        parent.append(node);
    }

    return parent;
}

/** Makes a button of text. */
export function button(label, onclick, attributes = {}) {
    return el("button", { type: "button", onclick, ...attributes }, label);
}

/** Finds the element with an id. */
export const byId = (id) => document.getElementById(id);

/** Copies a text, also where the page's address is not one that browsers call secure. */
export async function copy(text) {
    if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
        return;
    }

    const area = el("textarea", { class: "visually-hidden", readonly: true });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus();
}

/** Makes a button that copies what `text()` gives and says so for a moment. */
export function copyButton(text, label = "Copy", attributes = {}) {
    const made = button(label, async () => {
        await copy(text());
        made.textContent = "Copied";
        setTimeout(() => { made.textContent = label; }, 1500);
    }, attributes);
    return made;
}
