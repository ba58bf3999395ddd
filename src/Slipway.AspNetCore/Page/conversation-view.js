// The list of messages. Only what changed is drawn, at most once a frame, and seldom where drawing takes long.
import { AnswerView } from "./answer-view.js";
import { questionView } from "./question-view.js";

const nearEnd = 80;
const restPerCost = 4;

/** Shows a conversation. */
export class ConversationView {
    #root;
    #jump;
    #chat = null;
    #onfield;
    #shown = [];
    #timer = 0;
    #isStale = false;
    #follows = true;

    constructor(root, jump, onfield) {
        this.#root = root;
        this.#jump = jump;
        this.#onfield = onfield;
        jump.addEventListener("click", () => this.toEnd());
        addEventListener("scroll", () => this.#noteScroll(), { passive: true });
        addEventListener("resize", () => this.#noteScroll());
    }

    /** Shows a chat's messages from now on. */
    attach(chat) {
        this.#chat = chat;
        this.#follows = chat.messages.length > 0;
        this.render();
    }

    /** Draws what is new and removes what is gone. */
    render() {
        const messages = this.#chat.messages;
        while (this.#shown.length > 0 && this.#shown.some(({ message }, index) => messages[index] !== message)) {
            this.#shown.pop().view.node.remove();
        }

        for (const message of messages.slice(this.#shown.length)) {
            const view = message.role === "user" ? this.#question(message) : this.#answer(message);
            this.#shown.push({ message, view });
            this.#root.append(view.node);
        }

        this.#shown.forEach(({ view }) => view.update?.());
        this.#keepEnd();
    }

    /** Draws the last message soon: it has grown. */
    grow() {
        this.#isStale = true;
        if (!this.#timer) {
            this.#timer = requestAnimationFrame(() => this.#drawLast());
        }
    }

    /** Goes to the end and stays there. */
    toEnd() {
        this.#follows = true;
        this.#keepEnd();
    }

    /** Moves focus to what the last message waits for. */
    focusField() {
        this.#shown.at(-1)?.view.focusField?.();
    }

    #question(message) {
        return {
            node: questionView(message, {
                onedit: (text) => this.#chat.edit(message, text),
                isLast: () => this.#chat.messages.at(-1) === message,
            }),
        };
    }

    #answer(message) {
        return new AnswerView(message, {
            onretry: () => this.#chat.retry(message),
            onresults: (results) => this.#chat.giveResults(message, results),
            onreopen: () => {
                this.#chat.reopen(message);
                this.focusField();
            },
            onfield: this.#onfield,
        });
    }

    #drawLast() {
        const begun = performance.now();
        this.#isStale = false;
        this.#shown.at(-1)?.view.update?.();
        this.#keepEnd();
        const rest = (performance.now() - begun) * restPerCost;
        this.#timer = setTimeout(() => {
            this.#timer = 0;
            if (this.#isStale) {
                this.grow();
            }
        }, rest);
    }

    #noteScroll() {
        const rest = document.documentElement.scrollHeight - innerHeight - scrollY;
        this.#follows = rest < nearEnd;
        this.#showJump();
    }

    #keepEnd() {
        if (this.#follows) {
            scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
        }

        this.#showJump();
    }

    #showJump() {
        this.#jump.hidden = this.#follows || this.#chat.messages.length === 0;
    }
}
