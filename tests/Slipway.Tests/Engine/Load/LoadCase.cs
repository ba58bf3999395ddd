namespace Slipway.Tests.Engine.Load;

/// <summary>A request whose answer is known: the one that it gets alone.</summary>
internal sealed record LoadCase(int[] Prompt, string? Adapter, LoadCase.Choice Chosen, long Seed)
{
    public const int LongestAnswer = 24;
    public const int LongestPrompt = 90;

    private static readonly GuidanceGrammar[] Grammars =
    [
        GuidanceGrammar.Regex("[a-f]{3,9} (?:[0-9]{2}|none)!"),
        GuidanceGrammar.Choice("alpha", "alphabet", "beta", "gamma ray"),
        GuidanceGrammar.JsonSchema(
            """{"type":"object","properties":{"on":{"type":"boolean"}},"required":["on"],"additionalProperties":false}"""),
    ];

    /// <summary>How tokens are chosen.</summary>
    public enum Choice
    {
        Greedy,
        Sampled,
        Guided,
    }

    public static LoadCase[] Draw(Random random, int count, IReadOnlyList<string?> adapters)
        => [.. Enumerable.Range(0, count).Select(index => new LoadCase(
            NewPrompt(random, index),
            adapters[random.Next(adapters.Count)],
            random.Next(4) switch { 0 => Choice.Sampled, 1 => Choice.Guided, _ => Choice.Greedy },
            random.Next(1000)))];

    public GenerationRequest Request(int tokens) => new()
    {
        PromptIds = Prompt,
        Adapter = Adapter,
        MaxOutputTokens = tokens,
        IgnoreEndOfSequence = Chosen != Choice.Guided,
        Guidance = Chosen == Choice.Guided ? Grammars[Seed % Grammars.Length] : null,
        Sampling = Chosen == Choice.Sampled ? new() { Temperature = 1, Seed = Seed } : new(),
    };

    // Every other prompt begins like one before it.
    private static int[] NewPrompt(Random random, int index)
        => [.. Enumerable.Range(0, index % 2 == 0 ? 40 : 0).Select(i => 5 + (i * 3)),
            .. Enumerable.Range(0, random.Next(1, LongestPrompt - 40)).Select(_ => random.Next(3, 200))];
}
