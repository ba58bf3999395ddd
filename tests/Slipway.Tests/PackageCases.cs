using System.Text.Json;
using Slipway.Testing;

namespace Slipway.Tests;

/// <summary>Packages that others made, with the tokens that they generate from them.</summary>
internal static class PackageCases
{
    private const string Optimum = "qwen2-optimum";

    /// <summary>
    /// A package whose products are all in floating point, so that answers are the same in any company.
    /// </summary>
    public const string Exact = "qwen3-fp32";

    public static readonly string[] Names = ["llama-int4", Exact, "granite-int4", Optimum];

    public static string Folder(string name) => name == Optimum
        ? SharedAssets.Path("hf-onnx", "qwen2")
        : SharedAssets.Path("genai-packages", name);

    /// <summary>How far a choice of the package may be from its reference's, in logits.</summary>
    public static double Margin(string name)
        => name.EndsWith("int4", StringComparison.Ordinal) ? AnswerAssert.Rounded : AnswerAssert.Float;

    public static PackageCase[] Read(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder(name), "expected.json")));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(item => new PackageCase(
            [.. item.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32())],
            [.. item.GetProperty("output_ids").EnumerateArray().Select(id => id.GetInt32())],
            [.. item.GetProperty("last_logits").EnumerateArray().Select(logit => logit.GetSingle())]))];
    }

    public static async Task<List<GeneratedToken>> CollectAsync(
        this LanguageModel model,
        GenerationRequest request,
        CancellationToken cancellationToken = default)
    {
        var tokens = new List<GeneratedToken>();
        await foreach (var token in model.GenerateAsync(request, cancellationToken))
        {
            tokens.Add(token);
        }

        return tokens;
    }
}

internal sealed record PackageCase(int[] PromptIds, int[] OutputIds, float[] LastLogits);
