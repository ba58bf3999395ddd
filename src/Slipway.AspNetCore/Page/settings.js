// The form of settings: kept as they are typed, checked when a field is left, and shown in short below the message.
import { button, byId } from "./dom.js";
import { check } from "./request.js";
import { loadKey, loadSettings, saveKey, saveSettings } from "./store.js";

export const exampleTools = `[
  {
    "name": "set_light",
    "description": "Switches the light of a room.",
    "parameters": {
      "type": "object",
      "properties": { "room": { "type": "string" }, "on": { "type": "boolean" } },
      "required": ["room", "on"]
    }
  },
  {
    "name": "start_timer",
    "description": "Starts a timer.",
    "parameters": {
      "type": "object",
      "properties": { "duration": { "type": "string" } },
      "required": ["duration"]
    }
  }
]`;

export const exampleSchema = `{
  "type": "object",
  "properties": {
    "name": { "type": "string", "maxLength": 24 },
    "rooms": { "type": "integer", "minimum": 1, "maximum": 99 },
    "pets": { "type": "boolean" }
  },
  "required": ["name", "rooms", "pets"],
  "additionalProperties": false
}`;

const chipLabels = {
    system: () => "system prompt",
    temperature: (value) => `temperature ${value}`,
    topP: (value) => `top-p ${value}`,
    topK: (value) => `top-k ${value}`,
    maxTokens: (value) => `at most ${value} tokens`,
    seed: (value) => `seed ${value}`,
    presencePenalty: (value) => `presence ${value}`,
    frequencyPenalty: (value) => `frequency ${value}`,
    stop: () => "stop sequences",
    effort: (value) => `reasoning ${value}`,
    tools: () => "tools",
    schema: () => "JSON schema",
    logprobs: () => "log-probabilities",
};

/** Holds the settings and their form. */
export class Settings {
    #dialog = byId("settings");
    #form = byId("settings-form");
    #chips = byId("chips");
    #key = byId("setting-key");
    #opener = null;

    constructor() {
        this.values = loadSettings();
        this.#key.value = loadKey();
        this.#fill();
        this.#form.addEventListener("input", (event) => this.#note(event.target));
        this.#form.addEventListener("change", (event) => this.#checkField(event.target));
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#dialog.close();
        });
        this.#dialog.addEventListener("click", (event) => {
            if (event.target === this.#dialog) {
                this.#dialog.close();
            }
        });
        this.#dialog.addEventListener("close", () => this.#opener?.focus());
        byId("reset-settings").addEventListener("click", () => this.reset());
        byId("example-tools").addEventListener("click", () => this.set({ tools: exampleTools }));
        byId("example-schema").addEventListener("click", () => this.set({ schema: exampleSchema }));
    }

    get key() {
        return this.#key.value.trim();
    }

    /** Opens the form at a field, with what is wrong with it where something is. */
    open(field = null, error = null) {
        this.#opener = document.activeElement;
        this.#dialog.showModal();
        const input = field && byId(`setting-${field}`);
        if (input) {
            if (error) {
                this.#showError(input, error);
            }

            input.focus();
            input.scrollIntoView({ block: "center" });
        }
    }

    /** Sets some of the values. */
    set(values) {
        Object.assign(this.values, values);
        this.#fill();
        saveSettings(this.values);
    }

    /** Sets all values back to the model's own; the key stays. */
    reset() {
        this.values = {};
        this.#fill();
        saveSettings(this.values);
    }

    #inputs() {
        return [...this.#form.elements].filter((input) => input.name && input !== this.#key);
    }

    #fill() {
        for (const input of this.#inputs()) {
            const value = this.values[input.name];
            if (input.type === "checkbox") {
                input.checked = Boolean(value);
            } else {
                input.value = value ?? "";
            }

            this.#checkField(input);
        }

        this.#showChips();
    }

    #note(input) {
        if (input === this.#key) {
            saveKey(this.key);
            this.#showError(input, null);
            return;
        }

        const value = input.type === "checkbox" ? input.checked : input.value;
        if (value === "" || value === false) {
            delete this.values[input.name];
        } else {
            this.values[input.name] = value;
        }

        saveSettings(this.values);
        this.#showChips();

        // A field that is wrong says so until it is right; one that is being written is not judged yet.
        if (input.ariaInvalid === "true") {
            this.#checkField(input);
        }
    }

    #checkField(input) {
        if (input !== this.#key) {
            this.#showError(input, check(input.name, this.values));
        }
    }

    #showError(input, message) {
        const note = byId(`${input.id}-error`);
        if (note) {
            note.textContent = message ?? "";
            input.ariaInvalid = message ? "true" : null;
        }
    }

    #showChips() {
        this.#chips.replaceChildren(...Object.entries(chipLabels)
            .filter(([field]) => String(this.values[field] ?? "").trim() !== "")
            .map(([field, label]) => button(label(String(this.values[field]).slice(0, 24)), () => this.open(field),
                { class: "chip", "aria-label": `Setting: ${label(String(this.values[field]).slice(0, 24))}` })));
    }
}
