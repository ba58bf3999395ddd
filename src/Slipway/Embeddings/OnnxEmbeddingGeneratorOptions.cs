namespace Slipway;

/// <summary>Says which package an embedding generator serves and what it may use.</summary>
public sealed class OnnxEmbeddingGeneratorOptions
{
    /// <summary>The package folder; relative paths start at the current directory.</summary>
    public string? PackagePath { get; set; }

    /// <summary>The model's name in responses and telemetry.</summary>
    /// <value>The name of the package folder.</value>
    public string? ModelId { get; set; }

    /// <summary>The longest text in tokens; what is longer is cut off, its closing tokens kept.</summary>
    /// <value>What the model's own files say.</value>
    public int? ContextLength { get; set; }

    /// <summary>Threads that compute.</summary>
    /// <value>One on each physical core.</value>
    public int? Threads { get; set; }

    /// <summary>Tells whether idle compute threads wait actively: faster, but uses the cores.</summary>
    /// <value>true</value>
    public bool AllowSpinning { get; set; } = true;

    /// <summary>The most tokens computed in one step, padding included; one text always fits.</summary>
    /// <value>4096</value>
    public int MaxBatchTokens { get; set; } = 4096;

    /// <summary>The prompt before every text, by its name in the model's own files; empty for none.</summary>
    /// <value>The model's default prompt, where it has one.</value>
    public string? PromptName { get; set; }

    internal LanguageModelOptions ToModelOptions() => new() { Threads = Threads, AllowSpinning = AllowSpinning };

    /// <summary>One sentence for each option that has no possible value.</summary>
    internal IReadOnlyList<string> Errors()
    {
        List<string> errors = string.IsNullOrWhiteSpace(PackagePath)
            ? ["PackagePath is missing; expected the folder of a package."]
            : [];
        errors.AddRange(OptionsValidation.Errors(ToModelOptions()));
        Require(nameof(ContextLength), ContextLength);
        Require(nameof(MaxBatchTokens), MaxBatchTokens);
        return errors;

        void Require(string name, int? value)
        {
            if (value is < 1 or > 1 << 20)
            {
                errors.Add(FormattableString.Invariant($"{name} is '{value}'; expected from 1 to {1 << 20}."));
            }
        }
    }
}
