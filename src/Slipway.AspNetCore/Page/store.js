// Everything is kept for this tab alone and goes when the tab closes; only the choice of colours outlasts it.

const names = {
    messages: "slipway.messages", settings: "slipway.settings", key: "slipway.key", model: "slipway.model",
};

/** Gives the conversation; an answer that was being written when the page left has ended there. */
export function loadMessages() {
    const messages = read(names.messages) ?? [];
    for (const message of messages) {
        if (message.state === "running") {
            message.state = "stopped";
        }
    }

    return messages;
}

/** Keeps the conversation; where it is too large, without its log-probabilities, or not at all. */
export function saveMessages(messages) {
    const hasRoom = write(names.messages, messages)
        || write(names.messages, messages.map((message) => ({ ...message, tokens: [] })));
    if (!hasRoom) {
        sessionStorage.removeItem(names.messages);
    }

    return hasRoom;
}

export const loadSettings = () => read(names.settings) ?? {};
export const saveSettings = (settings) => write(names.settings, settings);
export const loadKey = () => sessionStorage.getItem(names.key) ?? "";
export const saveKey = (key) => (key ? sessionStorage.setItem(names.key, key) : sessionStorage.removeItem(names.key));
export const loadModel = () => sessionStorage.getItem(names.model);
export const saveModel = (model) => sessionStorage.setItem(names.model, model);

function read(name) {
    try {
        return JSON.parse(sessionStorage.getItem(name));
    } catch {
        return null;
    }
}

function write(name, value) {
    try {
        sessionStorage.setItem(name, JSON.stringify(value));
        return true;
    } catch {
        return false;
    }
}
