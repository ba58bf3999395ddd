using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Slipway.AspNetCore.Tests.Errors;

/// <summary>Sends requests that are damaged at random; each is answered or refused, none fails the server.</summary>
public sealed class FuzzTests(ErrorServer fixture) : IClassFixture<ErrorServer>
{
    private static readonly (string Path, string Body)[] Seeds =
    [
        ("/v1/chat/completions", """
            {"model": "fake", "messages": [{"role": "system", "content": "a"}, {"role": "user", "content": [{"type":
            "text", "text": "ä😀"}]}, {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type":
            "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}, {"role": "tool", "tool_call_id": "c",
            "content": "2"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type":
            "object", "properties": {"a": {"type": "integer"}}}}}], "tool_choice": "auto", "temperature": 0.5, "n": 2,
            "stream": true, "stream_options": {"include_usage": true}, "stop": ["x", "y"], "logit_bias": {"1": 2},
            "response_format": {"type": "json_object"}, "seed": 7, "max_tokens": 3}
            """),
        ("/v1/completions", """
            {"model": "assistant", "prompt": ["a", [1, 2]], "max_tokens": 1, "echo": true, "logprobs": 1, "stop": "b"}
            """),
        ("/v1/responses", """
            {"model": "fake", "input": [{"role": "user", "content": "x"}, {"type": "function_call", "call_id": "c",
            "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "y"}],
            "text": {"format": {"type": "text"}}, "store": false, "stream": true, "reasoning": {"effort": "low"}}
            """),
        ("/v1/embeddings", """{"model": "numbers", "input": ["a", "b"], "encoding_format": "base64"}"""),
        ("/v1/tokenize", """{"model": "assistant", "prompt": "a b"}"""),
        ("/v1/detokenize", """{"model": "assistant", "tokens": [1, 2, 3]}"""),
        ("/api/chat", """
            {"model": "fake", "messages": [{"role": "user", "content": "a", "images": ["iVBORw0KGgo="]}, {"role":
            "assistant", "content": "", "thinking": "b", "tool_calls": [{"function": {"name": "f", "arguments": {"a":
            1}}}]}, {"role": "tool", "tool_name": "f", "content": "c"}], "tools": [{"type": "function", "function":
            {"name": "f", "parameters": {"type": "object"}}}], "options": {"temperature": 0.5, "num_predict": 3,
            "top_k": 4, "stop": ["x"], "seed": 7}, "format": {"type": "object"}, "think": "low", "keep_alive": "5m"}
            """),
        ("/api/generate", """
            {"model": "fake", "prompt": "a", "system": "b", "stream": false, "format": "json", "keep_alive": 3}
            """),
        ("/api/embed", """{"model": "numbers:latest", "input": ["a", "b"], "dimensions": 2}"""),
        ("/api/show", """{"model": "assistant"}"""),
    ];

    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1e999", "99999999999999999999", "\"\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}",
        "[[[]]]", "{\"a\": {}}", "\"x\"", "0.5",
    ];

    [Fact]
    public Task Send_DamagedRequests_AreAnsweredOrRefused() => RunAsync(1_000);

    [Fact(Explicit = true)]
    public Task Send_ManyDamagedRequests_AreAnsweredOrRefused() => RunAsync(100_000);

    private async Task RunAsync(int count)
    {
        var statuses = new SortedDictionary<HttpStatusCode, int>();
        for (var seed = 0; seed < count; seed++)
        {
#pragma warning disable CA5394 // Repeatable, not secret.
            var random = new Random(seed);
            var (path, body) = Seeds[random.Next(Seeds.Length)];
            using var request = new HttpRequestMessage(HttpMethod.Post, path)
            {
                Content = new ByteArrayContent(Damage(body, random))
                {
                    Headers =
                    {
                        ContentType = MediaTypeHeaderValue.Parse(
                            random.Next(20) == 0 ? "text/plain" : "application/json; charset=utf-8"),
                    },
                },
            };
            if (random.Next(10) == 0)
            {
                request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {new string('x', random.Next(99))}");
            }
#pragma warning restore CA5394

            using var response = await fixture.Server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            statuses[response.StatusCode] = statuses.GetValueOrDefault(response.StatusCode) + 1;
            Assert.True((int)response.StatusCode < 500, $"seed {seed}: {response.StatusCode} {text}");
            Assert.DoesNotContain("internal_error", text, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
        }

        // Damage that leaves nothing whole, or everything, would show nothing.
        Assert.True(statuses[HttpStatusCode.OK] > count / 50, string.Join(", ", statuses));
        Assert.True(statuses[HttpStatusCode.BadRequest] > count / 3, string.Join(", ", statuses));
        Assert.Equal(HttpStatusCode.OK, (await fixture.Server.GetAsync("/health/ready")).Status);
    }

#pragma warning disable CA5394
    private static byte[] Damage(string body, Random random)
    {
        var text = new StringBuilder(body);
        for (var times = random.Next(4); times > 0; times--)
        {
            var place = random.Next(text.Length);
            switch (random.Next(5))
            {
                case 0:
                    text.Remove(place, Math.Min(random.Next(1, 12), text.Length - place));
                    break;
                case 1:
                    text.Insert(place, Values[random.Next(Values.Length)]);
                    break;
                case 2:
                    text[place] = (char)random.Next(1, 0x180);
                    break;
                case 3:
                    // In place of a whole value, so that the rest is read.
                    ReplaceValue(text, place, Values[random.Next(Values.Length)]);
                    break;
                default:
                    text.Insert(place, text.ToString(place, Math.Min(random.Next(40), text.Length - place)));
                    break;
            }
        }

        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        if (random.Next(8) == 0)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return bytes;
    }
#pragma warning restore CA5394

    private static void ReplaceValue(StringBuilder text, int from, string value)
    {
        var all = text.ToString();
        var start = all.IndexOf(": ", from, StringComparison.Ordinal);
        var end = start < 0 ? -1 : all.IndexOfAny([',', '}', ']'], start);
        if (end > 0)
        {
            text.Remove(start + 2, end - start - 2).Insert(start + 2, value);
        }
    }
}
