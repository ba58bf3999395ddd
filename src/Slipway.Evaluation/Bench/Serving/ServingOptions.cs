namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Says what a <see cref="ServingBench"/> measures.</summary>
public sealed class ServingOptions
{
    /// <summary>Tokens of each prompt.</summary>
    /// <value>512</value>
    public int PromptTokens { get; set; } = 512;

    /// <summary>Tokens that each stream generates while all of them decode.</summary>
    /// <value>128</value>
    public int NewTokens { get; set; } = 128;

    /// <summary>Tokens of the prompt that arrives while others decode; fewer where the context is shorter.</summary>
    /// <value>4,096</value>
    public int LongPromptTokens { get; set; } = 4096;

    /// <summary>Tokens that the second turn of a conversation adds to prompt and answer of the first.</summary>
    /// <value>32</value>
    public int TurnTokens { get; set; } = 32;

    /// <summary>Streams that decode together.</summary>
    /// <value>8</value>
    public int Streams { get; set; } = 8;

    /// <summary>Streams of a large batch.</summary>
    /// <value>32</value>
    public int ManyStreams { get; set; } = 32;

    /// <summary>Number of rounds, each of which measures everything in turn; the figures are medians.</summary>
    /// <value>3</value>
    public int Rounds { get; set; } = 3;

    /// <summary>Threads that compute, of the engine and of the plain loop alike; null for one on each core.</summary>
    public int? Threads { get; set; }

    /// <summary>The package of the plain loop; null for the measured one, in the engine's own session.</summary>
    public string? BaselinePackage { get; set; }

    /// <summary>Further options of the model, such as its budget of keys and values.</summary>
    public LanguageModelOptions Model { get; set; } = new();

    /// <summary>The seed that the prompts are drawn from.</summary>
    public int Seed { get; set; }

    /// <summary>
    /// Calls <see cref="ProcessProbe.MeasureAsync"/> in a fresh process, whose memory and start are measured; null
    /// leaves those figures out.
    /// </summary>
    public Func<CancellationToken, Task<ProcessFigures>>? FreshProcess { get; set; }
}
