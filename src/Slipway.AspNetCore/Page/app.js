// Puts the page together.
import { Announcer } from "./announcer.js";
import { listModels } from "./api.js";
import { Chat } from "./chat.js";
import { ConversationView } from "./conversation-view.js";
import { button, byId, el } from "./dom.js";
import { errorData, errorView } from "./error-view.js";
import { exampleSchema, exampleTools, Settings } from "./settings.js";
import { loadMessages, loadModel, saveMessages, saveModel } from "./store.js";

const suggestions = [
    { title: "Say hello", text: "Hello! What can you do?", note: "A plain answer" },
    { title: "Call a tool", text: "Turn on the kitchen light.", note: "Offers two tools", tools: exampleTools },
    {
        title: "Fill a form", text: "I am Ada and have four rooms and a cat.",
        note: "Holds the answer to a JSON schema", schema: exampleSchema,
    },
    {
        title: "Look into it", text: "Set a timer for 12 minutes.", note: "Shows what each token's chances were",
        logprobs: true,
    },
];

const prompt = byId("prompt");
const model = byId("model");
const hint = byId("hint");
const settings = new Settings();
const announcer = new Announcer(byId("announcements"));
const chat = new Chat(loadMessages(), () => ({ model: model.value, settings: settings.values, key: settings.key }));
const view = new ConversationView(byId("messages"), byId("jump"), showField);

chat.addEventListener("begun", () => {
    announcer.begin();
    view.toEnd();
});
chat.addEventListener("grown", ({ detail }) => {
    view.grow();
    announcer.grow(detail.text);
});
chat.addEventListener("changed", () => {
    view.render();
    showState();
    save();
});
chat.addEventListener("ended", ({ detail }) => {
    announcer.end(detail.text, outcome(detail));
    if (chat.waitsForResults) {
        view.focusField();
    }
});

byId("composer").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = prompt.value;
    if (text.trim() === "" || !await canSend()) {
        return;
    }

    prompt.value = "";
    prompt.rows = 1;
    prompt.focus();
    chat.send(text);
});
prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        prompt.form.requestSubmit();
    }
});
prompt.addEventListener("input", () => {
    // For browsers whose fields do not grow by themselves.
    prompt.rows = Math.min(8, prompt.value.split("\n").length);
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chat.isRunning && !byId("settings").open) {
        event.preventDefault();
        stop();
    }
});
byId("stop").addEventListener("click", stop);
byId("open-settings").addEventListener("click", () => settings.open());
byId("close-settings").addEventListener("click", () => byId("settings").close());
byId("settings").addEventListener("close", () => {
    // The key may have been what was missing.
    if (model.value === "") {
        models = loadModels();
    }
});
byId("clear").addEventListener("click", clear);
addEventListener("pagehide", () => {
    chat.stop();
    save();
});
model.addEventListener("change", () => saveModel(model.value));
setUpColors();
byId("suggestions").append(...suggestions.map((suggestion) => el("li", {}, suggestionButton(suggestion))));
view.attach(chat);
showState();
let models = loadModels();

async function loadModels() {
    const problem = byId("models-problem");
    try {
        const names = await listModels(settings.key);
        const chosen = loadModel();
        model.replaceChildren(...names.map((name) => el("option", { value: name, selected: name === chosen }, name)));
        problem.replaceChildren();
    } catch (error) {
        problem.replaceChildren(errorView(errorData(error), { onretry: () => (models = loadModels()), onfield: showField }));
    }

    model.disabled = model.options.length === 0;
}

function showField(field, message) {
    if (field === "model") {
        model.focus();
    } else {
        settings.open(field, message);
    }
}

async function canSend() {
    // Who is faster than the list of models waits for it.
    await models;
    hint.textContent = chat.isRunning ? "The answer is still being written; Esc stops it."
        : chat.waitsForResults ? "The model waits for the result of its call."
        : model.value === "" ? "There is no model to ask yet."
        : "";
    if (chat.waitsForResults) {
        view.focusField();
    }

    return hint.textContent === "";
}

function showState() {
    const isEmpty = chat.messages.length === 0;
    byId("empty").hidden = !isEmpty;
    byId("clear").disabled = isEmpty;
    byId("send").hidden = chat.isRunning;
    byId("stop").hidden = !chat.isRunning;
    hint.textContent = "";
    if (!isEmpty) {
        byId("undo").replaceChildren();
    }
}

function stop() {
    chat.stop();
    prompt.focus();
}

function clear() {
    const gone = chat.clear();
    byId("undo").replaceChildren(button("Bring the last conversation back", () => {
        chat.restore(gone);
        prompt.focus();
    }, { class: "quiet" }));
    announcer.say("The conversation is cleared.");
    prompt.focus();
}

function save() {
    if (!saveMessages(chat.messages)) {
        hint.textContent = "The conversation is too long to be kept over a reload.";
    }
}

function outcome(message) {
    return message.error ? `Error: ${message.error.message}`
        : message.state === "stopped" ? "Stopped."
        : message.calls.length > 0 ? `The model calls ${message.calls.map((call) => call.name).join(", ")}.`
        : "The answer is complete.";
}

function suggestionButton({ title, text, note, ...values }) {
    return el("button", {
        type: "button",
        onclick: async () => {
            if (await canSend()) {
                settings.set(values);
                prompt.focus();
                chat.send(text);
            }
        },
    }, el("strong", {}, title), el("span", { class: "example" }, text), el("span", { class: "note" }, note));
}

// The switch leaves the system's colours and comes back to them.
function setUpColors() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const root = document.documentElement;
    const toggle = byId("colors");
    const isDark = () => (root.dataset.colors ?? (dark.matches ? "dark" : "light")) === "dark";
    const show = () => { toggle.ariaChecked = String(isDark()); };
    toggle.addEventListener("click", () => {
        const wanted = isDark() ? "light" : "dark";
        if (wanted === (dark.matches ? "dark" : "light")) {
            delete root.dataset.colors;
            localStorage.removeItem("slipway.colors");
        } else {
            root.dataset.colors = wanted;
            localStorage.setItem("slipway.colors", wanted);
        }

        show();
    });
    dark.addEventListener("change", show);
    show();
}
