using Slipway.Testing;
using Slipway.Tokenization.Training;
using TorchSharp;

namespace Slipway.LanguageModels.Tests;

/// <summary>A package of a module in a folder of the test, with a tokenizer of the tests' own.</summary>
internal sealed class Exported : IDisposable
{
    public const int VocabularySize = 280;

    private const string Template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
        + "{% if add_generation_prompt %}<|assistant|>{% endif %}";

    private static readonly Lazy<byte[]> Tokenizer = new(() => new BpeTrainer(new BpeTrainerOptions
    {
        VocabularySize = VocabularySize, SpecialTokens = ["<|end|>", "<|user|>", "<|assistant|>", "<|system|>"],
        MinimumFrequency = 1,
    }).Train(["The boat is red. The boat is green. A small boat, a large boat, and the sea around the boats."]));

    private readonly TemporaryFolder _folder = new();

    private Exported()
    {
    }

    public string Package => Path.Combine(_folder.Path, "package");

    public required LanguageModelExportReport Report { get; init; }

    /// <summary>Exports; the call itself compares the graph of steps with the module.</summary>
    public static Exported Of(torch.nn.Module module, LanguageModelExportOptions? options = null)
    {
        TemporaryFolder folder = new();
        try
        {
            var tokenizer = WriteTokenizer(folder.Path);
            var report = LanguageModelExport.FromModule(
                module, tokenizer, Path.Combine(folder.Path, "package"),
                (options ?? new()) with { ChatTemplate = Template, EndToken = "<|end|>" });
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{module.GetType().Name}: difference {report.Difference:g3}, {report.Nodes} nodes, context "
                + $"{report.ContextLength}, {report.FusedAttentions} fused, {report.Kept.Count} kept, "
                + $"{report.Seconds:f1} s\n  kept: {string.Join(", ", report.Kept.Values)}\n  recomputed: "
                + $"{string.Join(", ", report.Recomputed)}\n  {string.Join("\n  ", report.Warnings)}");
            return new Exported(folder) { Report = report };
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    public static string WriteTokenizer(string folder)
    {
        var path = Directory.CreateDirectory(Path.Combine(folder, "tokenizer")).FullName;
        File.WriteAllBytes(Path.Combine(path, "tokenizer.json"), Tokenizer.Value);
        return path;
    }

    public void Dispose() => _folder.Dispose();

    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    private Exported(TemporaryFolder folder) => (_folder, Report) = (folder, null!);
}
