// What an assistant's message holds, and how the parts of a stream add to it.

/** Makes the message that an answer goes into. */
export function newAnswer(model, isJson) {
    return {
        role: "assistant", model, isJson, text: "", reasoning: "", calls: [], tokens: [], usage: null, finish: null,
        firstSeconds: null, decodeSeconds: null, seconds: null, state: "running", error: null,
    };
}

/** Measures an answer while its parts come. */
export class AnswerClock {
    #sent = performance.now();
    #first = null;

    /** Notes that something of the answer came. */
    note(message) {
        const now = performance.now();
        this.#first ??= now;
        message.firstSeconds = (this.#first - this.#sent) / 1000;
        message.decodeSeconds = (now - this.#first) / 1000;
    }

    /** Notes that the answer ended. */
    end(message) {
        message.seconds = (performance.now() - this.#sent) / 1000;
    }
}

/** Adds a part to an answer. */
export function addPart(message, part, clock) {
    message.usage = part.usage ?? message.usage;
    for (const choice of part.choices ?? []) {
        const delta = choice.delta ?? {};
        const reasoning = delta.reasoning_content ?? delta.reasoning;
        if (delta.content || reasoning || delta.tool_calls) {
            clock.note(message);
        }

        message.text += delta.content ?? "";
        message.reasoning += reasoning ?? "";
        message.tokens.push(...(choice.logprobs?.content ?? []).map(tokenOf));
        message.finish = choice.finish_reason ?? message.finish;
        for (const piece of delta.tool_calls ?? []) {
            addCall(message.calls, piece);
        }
    }
}

// Below that, how a browser hands out what it has read decides more than the model's speed does.
const shortestMeasured = 0.1;

/** Gives the tokens a second after the first one; null where they came too fast to tell. */
export function tokensPerSecond(message) {
    const tokens = message.usage?.completion_tokens ?? 0;
    return tokens > 1 && message.decodeSeconds >= shortestMeasured ? (tokens - 1) / message.decodeSeconds : null;
}

/** Says whether an answer waits for what its tools return. */
export function waitsForResults(message) {
    return message.role === "assistant" && message.state === "done"
        && message.calls.some((call) => call.result === null);
}

// Servers send a call whole, or its arguments piece by piece under the call's index.
function addCall(calls, piece) {
    const index = piece.index ?? calls.length;
    let call = calls.find((known) => known.index === index);
    if (!call) {
        call = { index, id: "", name: "", arguments: "", result: null };
        calls.push(call);
    }

    call.id = piece.id ?? call.id;
    call.name += piece.function?.name ?? "";
    call.arguments += piece.function?.arguments ?? "";
}

function tokenOf({ token, logprob, top_logprobs: top }) {
    return { token, logprob, top: (top ?? []).map((other) => ({ token: other.token, logprob: other.logprob })) };
}
