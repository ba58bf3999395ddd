// The conversation and what may be done with it: send, stop, retry, edit, give results. It knows nothing of nodes.
import { AnswerClock, addPart, newAnswer, waitsForResults } from "./answer.js";
import { streamChat } from "./api.js";
import { errorData } from "./error-view.js";
import { buildRequest } from "./request.js";

/** Holds a conversation. Listeners: `changed`, `grown`, `begun`, `ended`. */
export class Chat extends EventTarget {
    #options;
    #running = null;

    /** `options()` gives the model, the settings and the key as they are when a request is made. */
    constructor(messages, options) {
        super();
        this.messages = messages;
        this.#options = options;
    }

    get isRunning() {
        return this.#running !== null;
    }

    /** Says whether the last answer waits for what its tools return. */
    get waitsForResults() {
        return this.messages.length > 0 && waitsForResults(this.messages.at(-1));
    }

    async send(text) {
        // An answer that failed before it began would only stand between two questions.
        const last = this.messages.at(-1);
        if (last?.error && last.text === "" && last.calls.length === 0) {
            this.messages.pop();
        }

        this.messages.push({ role: "user", text });
        await this.#answer();
    }

    stop() {
        this.#running?.abort();
    }

    /** Asks anew for an answer; what follows it goes. */
    async retry(message) {
        this.#dropFrom(message);
        await this.#answer();
    }

    /** Puts another text in a message's place; what follows it goes. */
    async edit(message, text) {
        this.#dropFrom(message);
        await this.send(text);
    }

    /** Gives what an answer's calls returned and asks the model to go on. */
    async giveResults(message, results) {
        message.calls.forEach((call, index) => { call.result = results[index]; });
        await this.#answer();
    }

    /** Takes the results of an answer's calls back; what follows goes. */
    reopen(message) {
        this.stop();
        this.messages.length = this.messages.indexOf(message) + 1;
        message.calls.forEach((call) => Object.assign(call, { draft: call.result, result: null }));
        this.#tell("changed");
    }

    clear() {
        this.stop();
        const gone = this.messages.splice(0);
        this.#tell("changed");
        return gone;
    }

    restore(messages) {
        this.messages.push(...messages);
        this.#tell("changed");
    }

    #dropFrom(message) {
        this.stop();
        this.messages.length = Math.max(0, this.messages.indexOf(message));
        this.#tell("changed");
    }

    async #answer() {
        this.stop();
        const { model, settings, key } = this.#options();
        const message = newAnswer(model, Boolean(settings.schema?.trim()));
        const running = new AbortController();
        const earlier = [...this.messages];
        this.#running = running;
        this.messages.push(message);
        this.#tell("begun");
        this.#tell("changed");
        const clock = new AnswerClock();
        try {
            for await (const part of streamChat(buildRequest(model, settings, earlier), key, running.signal)) {
                addPart(message, part, clock);
                this.#tell("grown", message);
            }

            message.state = "done";
        } catch (error) {
            message.state = running.signal.aborted ? "stopped" : "failed";
            message.error = running.signal.aborted ? null : errorData(error);
        }

        clock.end(message);

        // Another answer may have begun meanwhile.
        if (this.#running === running) {
            this.#running = null;
            this.#tell("changed");
            this.#tell("ended", message);
        }
    }

    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }
}
