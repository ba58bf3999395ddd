// Runs Ollama's own client for Node against a server of the tests, whose address and key the environment names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ollama } from "ollama";

const { SLIPWAY_URL: host, SLIPWAY_KEY: key } = process.env;
const greeting = "Hello! What can I do for you?";
const client = new Ollama({ host, headers: { Authorization: `Bearer ${key}` } });
const hello = [{ role: "user", content: "Hello!" }];

test("ollama chat: text, reason, counts, nanoseconds", async () => {
    const answer = await client.chat({ model: "assistant", messages: hello });
    assert.equal(answer.message.content, greeting);
    assert.equal(answer.done_reason, "stop");
    assert.ok(answer.eval_count > 0 && answer.total_duration > answer.eval_duration);
    assert.ok(answer.created_at instanceof Date || !Number.isNaN(Date.parse(answer.created_at)));
});

test("ollama chat, streamed", async () => {
    let text = "";
    for await (const part of await client.chat({ model: "assistant:latest", messages: hello, stream: true })) {
        text += part.message.content;
    }

    assert.equal(text, greeting);
});

test("ollama generate: options and a schema", async () => {
    const format = {
        type: "object", properties: { on: { type: "boolean" } }, required: ["on"], additionalProperties: false,
    };
    const answer = await client.generate({
        model: "assistant", prompt: "is it on?", format, options: { temperature: 0, num_ctx: 2048 }, keep_alive: "1m",
    });
    assert.equal(typeof JSON.parse(answer.response).on, "boolean");
});

test("ollama tools loop", async () => {
    const tools = [{
        type: "function", function: {
            name: "set_light", description: "Switches a light.", parameters: {
                type: "object", properties: { room: { type: "string" }, on: { type: "boolean" } },
                required: ["room", "on"],
            },
        },
    }];
    const messages = [{ role: "user", content: "turn on the kitchen light" }];
    const asked = await client.chat({ model: "assistant", messages, tools });
    assert.deepEqual(asked.message.tool_calls[0].function.arguments, { room: "kitchen", on: true });
    messages.push(asked.message, { role: "tool", tool_name: "set_light", content: "ok" });
    const told = await client.chat({ model: "assistant", messages, tools });
    assert.equal(told.message.content, "The light in the kitchen is on.");
});

test("ollama embed, list, show, ps, version", async () => {
    assert.deepEqual((await client.embed({ model: "numbers", input: ["abc", "z"] })).embeddings, [[3, 97], [1, 122]]);
    assert.equal((await client.list()).models[0].name, "assistant:latest");
    assert.ok((await client.show({ model: "assistant" })).capabilities.includes("tools"));
    assert.ok((await client.ps()).models.some(model => model.name === "assistant:latest"));
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
});

test("ollama errors are the client's own; an answer that is aborted ends on the server", async () => {
    await assert.rejects(
        client.chat({ model: "none", messages: hello }),
        error => error.name === "ResponseError" && error.status_code === 404 && /not found/.test(error.message));
    await assert.rejects(
        client.chat({ model: "assistant", messages: [{ role: "user", content: "x", images: ["iVBORw0KGgo="] }] }),
        error => error.status_code === 400 && /takes text only/.test(error.message));
    const cancelled = async () => Number((await client.generate({ model: "cancelled", prompt: "x" })).response);
    const before = await cancelled();
    const stream = await client.chat({ model: "held", messages: hello, stream: true });
    await assert.rejects(async () => {
        for await (const _ of stream) {
            stream.abort();
        }
    }, { name: "AbortError" });
    const end = Date.now() + 10_000;
    while (await cancelled() === before) {
        assert.ok(Date.now() < end, "The server goes on.");
    }
});
