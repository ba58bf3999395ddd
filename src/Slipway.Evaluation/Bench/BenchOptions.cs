namespace Slipway.Evaluation.Bench;

/// <summary>Says what a <see cref="ModelBench"/> measures.</summary>
public sealed class BenchOptions
{
    /// <summary>Tokens of each prompt.</summary>
    /// <value>512</value>
    public int PromptTokens { get; set; } = 512;

    /// <summary>Tokens that each stream generates while all of them decode.</summary>
    /// <value>128</value>
    public int NewTokens { get; set; } = 128;

    /// <summary>Numbers of streams that run at once; each number is measured by itself.</summary>
    /// <value>1</value>
    public IReadOnlyList<int> Streams { get; set; } = [1];

    /// <summary>Number of rounds, each of which measures everything in turn; the figures are medians.</summary>
    /// <value>3</value>
    public int Rounds { get; set; } = 3;

    /// <summary>Threads that compute, of the engine and of the plain loop alike; null for one on each core.</summary>
    public int? Threads { get; set; }

    /// <summary>Tells whether the plain loop is measured too.</summary>
    /// <value>true</value>
    public bool Baseline { get; set; } = true;

    /// <summary>The package of the plain loop; null for the measured one, in the engine's own session.</summary>
    public string? BaselinePackage { get; set; }

    /// <summary>Further options of the model, such as its budget of keys and values.</summary>
    public LanguageModelOptions Model { get; set; } = new();

    /// <summary>The seed that the prompts are drawn from.</summary>
    public int Seed { get; set; }
}
