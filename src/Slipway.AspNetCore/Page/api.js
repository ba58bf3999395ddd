import { readEvents } from "./events.js";

const base = new URL(document.querySelector('meta[name="slipway-api"]').content + "/", document.baseURI);

/** Says why a request failed. Kinds: `unreachable`, `refused` (with a status), `broken` (the stream ended early). */
export class ApiError extends Error {
    constructor(kind, message, details = {}) {
        super(message);
        this.kind = kind;
        this.status = details.status ?? 0;
        this.param = details.param ?? null;
        this.code = details.code ?? null;
        this.retryAfter = details.retryAfter ?? null;
    }
}

/** Gives the names of the models that chat; where a server does not say what its models do, of all. */
export async function listModels(key) {
    const response = await send("models", { headers: headers(key) });
    const list = await response.json();
    return list.data.filter((model) => model.capabilities?.includes("chat") ?? true).map((model) => model.id);
}

/** Sends a request for a chat completion and gives the parts of its stream. */
export async function* streamChat(body, key, signal) {
    const response = await send("chat/completions", {
        method: "POST",
        headers: { ...headers(key), "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal,
    });
    let isWhole = false;
    try {
        for await (const data of readEvents(response.body)) {
            if (data === "[DONE]") {
                isWhole = true;
                break;
            }

            const part = JSON.parse(data);
            if (part.error) {
                throw new ApiError("broken", part.error.message, part.error);
            }

            yield part;
        }
    } catch (error) {
        if (error instanceof ApiError || signal.aborted) {
            throw error;
        }

        throw new ApiError("broken", "The connection ended before the answer did.");
    }

    if (!isWhole) {
        throw new ApiError("broken", "The stream ended before the answer did.");
    }
}

function headers(key) {
    return key ? { Authorization: `Bearer ${key}` } : {};
}

async function send(path, options) {
    let response;
    try {
        response = await fetch(new URL(path, base), { cache: "no-store", ...options });
    } catch (error) {
        if (options.signal?.aborted) {
            throw error;
        }

        throw new ApiError("unreachable", "The server does not answer.");
    }

    if (!response.ok) {
        const body = await response.json().catch(() => null);
        const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
        throw new ApiError("refused", body?.error?.message ?? `The server answered with status ${response.status}.`, {
            ...body?.error,
            status: response.status,
            retryAfter: Number.isFinite(seconds) ? seconds : null,
        });
    }

    return response;
}
