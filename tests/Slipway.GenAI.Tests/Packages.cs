using Slipway.Testing;

namespace Slipway.GenAI.Tests;

/// <summary>Packages that both engines run.</summary>
internal static class Packages
{
    public static string DeviceAssistant { get; } =
        Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");

    /// <summary>The repository's own package, and those that GenAI's own builder made, where they are.</summary>
    public static TheoryData<string> All =>
    [
        DeviceAssistant,
        .. new[] { "llama-int4", "qwen3-fp32", "granite-int4" }
            .Select(name => SharedAssets.Path("genai-packages", name)).Where(Directory.Exists),
    ];

    public static LanguageModel Load(string package, Func<LanguageModelOptions, LanguageModelOptions>? change = null)
        => LanguageModel.Load(package, (change ?? (options => options))(new() { Engine = new GenAIEngine() }));

    public static GenerationRequest Greedy(int[] prompt, int tokens)
        => new() { PromptIds = prompt, MaxOutputTokens = tokens, IgnoreEndOfSequence = true };

    /// <summary>A prompt of a seed's own.</summary>
    public static int[] Prompt(LanguageModel model, int length, int seed)
    {
#pragma warning disable CA5394 // Tests want the same numbers again.
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, Math.Min(model.VocabularySize, 200)))];
#pragma warning restore CA5394
    }

    public static async Task<int[]> IdsAsync(LanguageModel model, GenerationRequest request)
    {
        List<int> ids = [];
        await foreach (var token in model.GenerateAsync(request))
        {
            ids.Add(token.Id);
        }

        return [.. ids];
    }
}
