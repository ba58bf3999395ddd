// Settings are texts as they were typed; a request has those that are given, checked.

const numbers = {
    temperature: { name: "temperature", min: 0, max: 2 },
    topP: { name: "top_p", min: 0, max: 1 },
    topK: { name: "top_k", min: 0, max: 1e6, whole: true },
    maxTokens: { name: "max_completion_tokens", min: 1, max: 2 ** 31 - 1, whole: true },
    seed: { name: "seed", min: -(2 ** 53), max: 2 ** 53, whole: true },
    presencePenalty: { name: "presence_penalty", min: -2, max: 2 },
    frequencyPenalty: { name: "frequency_penalty", min: -2, max: 2 },
};

const fieldOfParam = {
    max_tokens: "maxTokens", tools: "tools", tool_choice: "toolChoice", response_format: "schema",
    guided_json: "schema", stop: "stop", reasoning_effort: "effort", logprobs: "logprobs", top_logprobs: "logprobs",
    model: "model",
    ...Object.fromEntries(Object.entries(numbers).map(([field, rule]) => [rule.name, field])),
};

/** Gives the setting that a parameter of the API comes from; null where there is none. */
export function fieldFor(param) {
    return fieldOfParam[/^\w+/.exec(param ?? "")?.[0]] ?? null;
}

/** Checks a setting; gives what is wrong with it, or null. */
export function check(field, settings) {
    try {
        read(field, settings);
        return null;
    } catch (error) {
        return error.message;
    }
}

/** Makes the body of a request. Throws an error with a `field` where a setting is wrong. */
export function buildRequest(model, settings, messages) {
    const body = { model, messages: writeMessages(settings.system, messages), stream: true };
    body.stream_options = { include_usage: true };
    for (const [field, rule] of Object.entries(numbers)) {
        set(rule.name, field);
    }

    set("stop", "stop");
    set("tools", "tools");
    if (body.tools && settings.toolChoice) {
        body.tool_choice = settings.toolChoice;
    }

    set("response_format", "schema");
    if (settings.effort) {
        body.reasoning_effort = settings.effort;
    }

    if (settings.logprobs) {
        Object.assign(body, { logprobs: true, top_logprobs: 5 });
    }

    return body;

    function set(name, field) {
        const value = read(field, settings);
        if (value !== undefined) {
            body[name] = value;
        }
    }
}

function read(field, settings) {
    const text = String(settings[field] ?? "").trim();
    try {
        return text === "" ? undefined
            : field in numbers ? readNumber(text, numbers[field])
            : field === "stop" ? text.split("\n").filter((line) => line !== "")
            : field === "tools" ? readTools(text)
            : field === "schema" ? readSchema(text)
            : text;
    } catch (error) {
        throw Object.assign(new Error(error.message), { field });
    }
}

function readNumber(text, rule) {
    const value = Number(text);
    if (!Number.isFinite(value) || value < rule.min || value > rule.max || (rule.whole && !Number.isInteger(value))) {
        const kind = rule.whole ? "a whole number" : "a number";
        const range = rule.max > 1e5 ? `of at least ${rule.min}` : `from ${rule.min} to ${rule.max}`;
        throw new Error(rule.min < -1e5 ? `Expected ${kind}.` : `Expected ${kind} ${range}.`);
    }

    return value;
}

function readJson(text) {
    try {
        return JSON.parse(text);
    } catch (error) {
        throw new Error(`This is no JSON: ${error.message}.`);
    }
}

// A tool may be written with the API's wrapping, or be the function alone.
function readTools(text) {
    const json = readJson(text);
    const tools = (Array.isArray(json) ? json : [json]).map(
        (tool) => (tool?.type === "function" ? tool : { type: "function", function: tool }));
    for (const [index, tool] of tools.entries()) {
        if (typeof tool.function?.name !== "string") {
            throw new Error(
                `Tool ${index + 1} has no name. Expected [{"name": …, "description": …, "parameters": …}].`);
        }
    }

    return tools.length > 0 ? tools : undefined;
}

function readSchema(text) {
    const schema = readJson(text);
    if (schema === null || typeof schema !== "object" || Array.isArray(schema)) {
        throw new Error('A schema is an object, such as {"type": "object", "properties": …}.');
    }

    return { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
}

function writeMessages(system, messages) {
    const written = system?.trim() ? [{ role: "system", content: system }] : [];
    const lastQuestion = messages.findLastIndex((message) => message.role === "user");
    for (const [index, message] of messages.entries()) {
        if (message.role === "user") {
            written.push({ role: "user", content: message.text });
            continue;
        }

        // An answer that failed before it began says nothing.
        if (message.text === "" && message.calls.length === 0) {
            continue;
        }

        const answer = { role: "assistant", content: message.text };
        if (message.reasoning && index > lastQuestion) {
            // Models go on from their thoughts between calls, and not from those of earlier answers.
            answer.reasoning_content = message.reasoning;
        }

        written.push(answer);
        if (message.calls.length > 0) {
            answer.tool_calls = message.calls.map(({ id, name, arguments: text }) => (
                { id, type: "function", function: { name, arguments: text } }));
            written.push(...message.calls.map(({ id, result }) => (
                { role: "tool", tool_call_id: id, content: result ?? "" })));
        }
    }

    return written;
}
