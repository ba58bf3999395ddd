// Server-sent events as the HTML standard frames them, over fetch, which EventSource cannot do: it only sends GET.

/** Gives the data of each event of a stream of bytes. */
export async function* readEvents(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let data = [];
    let endsInReturn = false;
    try {
        for (;;) {
            const { value, done } = await reader.read();
            if (done) {
                // An event that no empty line ended was cut off, and is none.
                return;
            }

            // A line ends in \n, \r or both; a pair may come in two pieces.
            const text = endsInReturn && value.startsWith("\n") ? value.slice(1) : value;
            endsInReturn = value.endsWith("\r");
            if (!/[\r\n]/.test(text)) {
                rest += text;
                continue;
            }

            const lines = (rest + text).split(/\r\n|\r|\n/);
            rest = lines.pop();
            for (const line of lines) {
                if (line === "") {
                    if (data.length > 0) {
                        yield data.join("\n");
                        data = [];
                    }
                } else if (line === "data" || line.startsWith("data:")) {
                    data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
                }
            }
        }
    } finally {
        await reader.cancel().catch(() => {});
    }
}
