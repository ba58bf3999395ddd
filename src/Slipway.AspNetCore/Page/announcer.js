// Tells screen readers what comes, in whole sentences and not token by token.

const pause = 1500;

/** Announces a growing text politely. */
export class Announcer {
    #region;
    #said = 0;
    #last = 0;

    constructor(region) {
        this.#region = region;
    }

    /** Says one thing. */
    say(text) {
        this.#region.textContent = text;
    }

    /** Begins an answer. */
    begin() {
        this.#said = 0;
        this.#last = performance.now();
        this.say("The answer begins.");
    }

    /** Says the sentences that a growing text has gained. */
    grow(text) {
        const now = performance.now();
        if (now - this.#last < pause) {
            return;
        }

        const end = Math.max(...[". ", "! ", "? ", "\n"].map((mark) => text.lastIndexOf(mark))) + 1;
        if (end > this.#said) {
            this.say(text.slice(this.#said, end));
            this.#said = end;
            this.#last = now;
        }
    }

    /** Says the rest, and how the answer ended. */
    end(text, outcome) {
        this.say(`${text.slice(this.#said)} ${outcome}`.trim());
    }
}
