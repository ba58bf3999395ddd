using System.Security.Cryptography;
using System.Runtime.InteropServices;
using Slipway;

// Loads the packages that the input names, a folder a line, computes with each, and says what came of it. A package
// that ends the process is the one that was begun last.
while (Console.ReadLine() is { } folder)
{
    Console.WriteLine($"begin {folder}");
    Console.WriteLine(await AnswerAsync(folder));
}

static async Task<string> AnswerAsync(string folder)
{
    try
    {
        using var model = LanguageModel.Load(folder, new LanguageModelOptions
        {
            Threads = 3, AllowSpinning = false, UseLargePages = false, KeyValueCacheBytes = 8 << 20, MaxBatchSize = 4,
            MaxPrefillTokens = 7,
        });
        int[] tokens = [.. Enumerable.Range(0, 20).Select(index => (3 + (index * 7)) % model.VocabularySize)];
        var scores = await model.ScoreAsync(tokens);
        var answers = await Task.WhenAll(Enumerable.Range(1, 3).Select(count
            => GenerateAsync(model, tokens[..(5 * count)])));
        return $"answered {Convert.ToHexStringLower(SHA256.HashData(
            [.. MemoryMarshal.AsBytes<float>(scores),
                .. answers.SelectMany(answer => answer.SelectMany(BitConverter.GetBytes))]))}";
    }
#pragma warning disable CA1031 // Each is told; the parent judges which may come.
    catch (Exception e)
#pragma warning restore CA1031
    {
        return $"refused {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}";
    }
}

static async Task<List<int>> GenerateAsync(LanguageModel model, int[] prompt)
{
    var request = new GenerationRequest { PromptIds = prompt, MaxOutputTokens = 4, IgnoreEndOfSequence = true };
    var tokens = new List<int>();
    await foreach (var token in model.GenerateAsync(request))
    {
        tokens.Add(token.Id);
    }

    return tokens;
}
