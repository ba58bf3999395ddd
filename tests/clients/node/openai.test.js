// Runs OpenAI's own client for Node against a server of the tests, whose address and key the environment names.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const { SLIPWAY_URL: url, SLIPWAY_LIMITED_URL: limitedUrl, SLIPWAY_KEY: apiKey } = process.env;
const greeting = "Hello! What can I do for you?";
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const hello = [{ role: "user", content: "Hello!" }];
const Light = z.object({ room: z.string(), on: z.boolean() });

/** Makes a tool that notes what it was called with. */
function lightTool(calls) {
    return zodFunction({
        name: "set_light", description: "Switches a light.", parameters: Light,
        function: ({ room, on }) => {
            calls.push([room, on]);
            return "ok";
        },
    });
}

test("chat completion: text, reason, usage, request id", async () => {
    const answer = await client.chat.completions.create({ model: "assistant", messages: hello });
    assert.equal(answer.choices[0].message.content, greeting);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.match(answer._request_id, /^req_/);
});

test("chat completion, streamed: parts add up to the text, usage comes last", async () => {
    const stream = await client.chat.completions.create({
        model: "assistant", messages: hello, stream: true, stream_options: { include_usage: true },
    });
    let text = "", usage;
    for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        usage = chunk.usage;
    }

    assert.equal(text, greeting);
    assert.ok(usage.completion_tokens > 0);
});

test("stream helper: events and the whole answer", async () => {
    let events = 0;
    const stream = client.chat.completions.stream({ model: "assistant", messages: hello })
        .on("content", () => events++);
    assert.equal(await stream.finalContent(), greeting);
    assert.ok(events > 1);
});

for (const stream of [false, true]) {
    test(`runTools, ${stream ? "streamed" : "whole"}: calls the function and tells its result`, async () => {
        const calls = [];
        const runner = client.chat.completions.runTools({
            model: "assistant", stream, tools: [lightTool(calls)],
            messages: [{ role: "user", content: "turn on the kitchen light" }],
        });
        assert.equal(await runner.finalContent(), "The light in the kitchen is on.");
        assert.deepEqual(calls, [["kitchen", true]]);
    });
}

test("structured output: zod's schema holds, and the helper parses it", async () => {
    const answer = await client.chat.completions.parse({
        model: "assistant", messages: [{ role: "user", content: "turn on the kitchen light" }],
        response_format: zodResponseFormat(Light, "light"),
    });
    const { parsed, refusal } = answer.choices[0].message;
    assert.equal(refusal, null);
    assert.deepEqual(Light.parse(parsed), parsed);
});

test("structured output that the limit cuts is the helper's own error", async () => {
    await assert.rejects(
        client.chat.completions.parse({
            model: "assistant", messages: hello, max_completion_tokens: 1,
            response_format: zodResponseFormat(Light, "light"),
        }),
        OpenAI.LengthFinishReasonError);
});

test("log-probabilities of tokens", async () => {
    const answer = await client.chat.completions.create({
        model: "assistant", messages: hello, logprobs: true, top_logprobs: 2, max_completion_tokens: 1,
    });
    const [token] = answer.choices[0].logprobs.content;
    assert.equal(Buffer.from(token.bytes).toString(), token.token);
    assert.equal(token.top_logprobs.length, 2);
});

test("completions", async () => {
    const answer = await client.completions.create({ model: "assistant", prompt: "Hello", max_tokens: 2 });
    assert.equal(answer.object, "text_completion");
    assert.equal(answer.usage.completion_tokens, 2);
});

test("embeddings: the client's own base64, and numbers", async () => {
    for (const encoding_format of [undefined, "float"]) {
        const { data } = await client.embeddings.create({ model: "numbers", input: ["abc", "z"], encoding_format });
        assert.deepEqual(data.map(item => [...item.embedding]), [[3, 97], [1, 122]]);
    }
});

test("models: list and one", async () => {
    const names = [];
    for await (const model of client.models.list()) {
        names.push(model.id);
    }

    assert.deepEqual(names, ["assistant", "numbers", "held", "cancelled"]);
    assert.equal((await client.models.retrieve("assistant")).id, "assistant");
});

test("responses: a text, kept, and the next one of the conversation", async () => {
    const first = await client.responses.create({ model: "assistant", input: "Hello!" });
    assert.equal(first.output_text, greeting);
    const second = await client.responses.create({
        model: "assistant", input: "Thank you!", previous_response_id: first.id,
    });
    assert.ok(second.usage.input_tokens > first.usage.total_tokens);
    assert.equal((await client.responses.retrieve(first.id)).output_text, greeting);
    const items = await client.responses.inputItems.list(first.id);
    assert.equal(items.data[0].content[0].text, "Hello!");
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
});

test("responses, streamed: the helper's events add up to the whole", async () => {
    const stream = client.responses.stream({ model: "assistant", input: "Hello!" });
    let text = "";
    for await (const event of stream) {
        text += event.type === "response.output_text.delta" ? event.delta : "";
    }

    assert.equal(text, greeting);
    assert.equal((await stream.finalResponse()).output_text, greeting);
});

test("responses: tools loop", async () => {
    const tools = [{
        type: "function", name: "set_light", description: "Switches a light.", strict: true,
        parameters: {
            type: "object", properties: { room: { type: "string" }, on: { type: "boolean" } },
            required: ["room", "on"], additionalProperties: false,
        },
    }];
    const asked = await client.responses.create({ model: "assistant", input: "turn on the kitchen light", tools });
    const [call] = asked.output;
    assert.equal(call.type, "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { room: "kitchen", on: true });
    const told = await client.responses.create({
        model: "assistant", tools, previous_response_id: asked.id,
        input: [{ type: "function_call_output", call_id: call.call_id, output: "ok" }],
    });
    assert.equal(told.output_text, "The light in the kitchen is on.");
});

test("responses: zod's schema", async () => {
    const answer = await client.responses.parse({
        model: "assistant", input: "turn on the kitchen light", text: { format: zodTextFormat(Light, "light") },
    });
    assert.deepEqual(Light.parse(answer.output_parsed), answer.output_parsed);
});

test("errors are of the client's classes, with status, parameter and code", async () => {
    const ask = (options, other = client) => other.chat.completions.create({
        model: "assistant", messages: hello, ...options,
    });
    await assert.rejects(ask({ model: "none" }), error => error instanceof OpenAI.NotFoundError
        && error.status === 404 && error.param === "model" && error.code === "model_not_found");
    await assert.rejects(ask({ temperature: 3 }), error => error instanceof OpenAI.BadRequestError
        && error.param === "temperature" && error.code === "decimal_above_max_value"
        && error.type === "invalid_request_error" && /^req_/.test(error.requestID));
    await assert.rejects(ask({ colour: "red" }), error => error instanceof OpenAI.BadRequestError
        && error.param === "colour" && error.code === "unknown_parameter");
    await assert.rejects(ask({}, client.withOptions({ apiKey: "other" })), OpenAI.AuthenticationError);
});

/** Begins an answer that goes on for a while, and waits for its first part. */
async function hold(other, signal) {
    const stream = await other.chat.completions.create(
        { model: "held", messages: hello, stream: true }, { signal });
    const parts = stream[Symbol.asyncIterator]();
    await parts.next();
    return parts;
}

test("a server that is busy: an error with the time to wait, and the client's retry after it", async () => {
    const statuses = [];
    const limited = new OpenAI({
        baseURL: `${limitedUrl}/v1`, apiKey,
        fetch: async (...request) => {
            const response = await fetch(...request);
            statuses.push(response.status);
            return response;
        },
    });
    const held = await hold(limited);
    await assert.rejects(
        limited.chat.completions.create({ model: "assistant", messages: hello }, { maxRetries: 0 }),
        error => error instanceof OpenAI.RateLimitError && error.code === "rate_limit_exceeded"
            && error.headers.get("retry-after") === "1");
    const retried = limited.chat.completions.create({ model: "assistant", messages: hello }, { maxRetries: 20 });
    while (!(await held.next()).done) { /* until it ends by itself */ }
    assert.equal((await retried).choices[0].message.content, greeting);
    assert.ok(statuses.filter(status => status === 429).length >= 2);
    assert.equal(statuses.at(-1), 200);
});

test("a time-out is the client's own error", async () => {
    await assert.rejects(
        client.chat.completions.create({ model: "held", messages: hello }, { timeout: 100 }),
        OpenAI.APIConnectionTimeoutError);
});

test("an answer that is aborted ends on the server", async () => {
    const cancelled = async () => Number((await client.chat.completions.create({
        model: "cancelled", messages: hello,
    })).choices[0].message.content);
    const before = await cancelled();
    const abort = new AbortController();
    const parts = await hold(client, abort.signal);
    abort.abort();
    await parts.next().catch(error => assert.ok(error instanceof OpenAI.APIUserAbortError));
    const end = Date.now() + 10_000;
    while (await cancelled() === before) {
        assert.ok(Date.now() < end, "The server goes on.");
    }
});

// The client's own types are the published API: null is as good as absent, and an unknown name is refused.
for (const [path, file, type, given] of [
    ["chat/completions", "chat/completions/completions", "ChatCompletionCreateParamsBase", { messages: hello }],
    ["completions", "completions", "CompletionCreateParamsBase", { prompt: "a", max_tokens: 1 }],
    ["embeddings", "embeddings", "EmbeddingCreateParams", null],
    ["responses", "responses/responses", "ResponseCreateParamsBase", { input: "Hello!" }],
]) {
    test(`${path}: every parameter of the published API is known`, async () => {
        const types = await readFile(new URL(`node_modules/openai/resources/${file}.d.ts`, import.meta.url), "utf8");
        const body = types.split(`export interface ${type} {`)[1].split("\n}")[0];
        const names = [...body.matchAll(/^ {4}(\w+)\??:/gm)].map((match) => match[1]);
        assert.ok(names.includes("model") && names.length > 4);
        const nulls = Object.fromEntries(names.map((name) => [name, null]));
        const model = given ? "assistant" : "numbers";
        const request = client.post(`/${path}`, { body: { ...nulls, model, ...(given ?? { input: "a" }) } });
        assert.equal((await request).model, model);
    });
}

test("allowed tools: the others are not called", async () => {
    const tool = (name) => ({ type: "function", function: { name, parameters: { type: "object", properties: {} } } });
    const answer = await client.chat.completions.create({
        model: "assistant", messages: hello, tools: [tool("ring"), tool("sing")],
        tool_choice: {
            type: "allowed_tools",
            allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "sing" } }] },
        },
    });
    assert.deepEqual(answer.choices[0].message.tool_calls.map((call) => call.function.name), ["sing"]);
});

test("input items of a response: all pages, the last item first", async () => {
    const input = Array.from({ length: 30 }, (_, index) => ({ role: "user", content: `${index}` }));
    const { id } = await client.responses.create({ model: "assistant", input, max_output_tokens: 16 });
    const texts = [];
    for await (const item of client.responses.inputItems.list(id)) {
        texts.push(item.content[0].text);
    }

    assert.deepEqual(texts, input.map((item) => item.content).reverse());
});
