using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Load;

/// <summary>Holds a prompt and the most tokens of its answer.</summary>
/// <param name="Prompt">The message.</param>
/// <param name="MaxTokens">The limit.</param>
public sealed record MixedRequest(string Prompt, int MaxTokens)
{
    /// <summary>Gives the body of the request.</summary>
    public byte[] Body(bool stream)
    {
        var body = new JsonObject
        {
            ["model"] = "model",
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = Prompt }),
            ["temperature"] = 0,
            ["max_tokens"] = MaxTokens,
        };
        if (stream)
        {
            body["stream"] = true;
            body["stream_options"] = new JsonObject { ["include_usage"] = true };
        }

        return Encoding.UTF8.GetBytes(body.ToJsonString());
    }
}

/// <summary>Draws requests of mixed lengths; a seed always draws the same.</summary>
/// <param name="seed">The seed.</param>
/// <param name="maxWords">The longest prompt.</param>
public sealed class RequestMix(int seed, int maxWords)
{
    private static readonly int[] Lengths = [8, 16, 32, 64];

    private static readonly string[] Words =
    [
        "the", "light", "of", "a", "ferry", "in", "winter", "and", "stone", "why", "does", "water", "rise", "tell",
        "me", "about", "music", "seven", "rooms", "between", "harbour", "kitchen", "is", "there", "any", "reason",
    ];

    private static readonly byte[][] Malformed =
    [
        """{"model": "model", "messages": ["""u8.ToArray(),
        """{"model": "model"}"""u8.ToArray(),
        """{"model": "model", "messages": [{"role": "user", "content": 7}]}"""u8.ToArray(),
        """{"model": 1, "messages": [{"role": "user", "content": "a"}]}"""u8.ToArray(),
        [0xff, 0xfe, 0x00],
        """{"model": "model", "messages": [{"role": "user", "content": "a"}], "temperature": 1e9}"""u8.ToArray(),
        [],
    ];

#pragma warning disable CA5394 // Repeatable, not secret.
    private readonly Random _random = new(seed);

    /// <summary>Draws a request.</summary>
    public MixedRequest Next()
    {
        // Most prompts are short, a few long.
        var count = 1 + (int)(maxWords * Math.Pow(_random.NextDouble(), 3));
        var words = Enumerable.Range(0, count).Select(_ => Words[_random.Next(Words.Length)]);
        return new MixedRequest(string.Join(' ', words), Lengths[_random.Next(Lengths.Length)]);
    }

    /// <summary>Draws a body that is none of a request.</summary>
    public byte[] NextMalformed() => Malformed[_random.Next(Malformed.Length)];

    /// <summary>Draws a number from 0 to 1.</summary>
    public double NextShare() => _random.NextDouble();
#pragma warning restore CA5394
}
