namespace Slipway.Evaluation.Metrics;

/// <summary>Says how <see cref="Bleu"/> divides texts and what it makes of lengths without a match.</summary>
public sealed record BleuOptions
{
    /// <summary>The way texts become tokens.</summary>
    /// <value><see cref="BleuTokenizer.Mteval13A"/></value>
    public BleuTokenizer Tokenizer { get; init; } = BleuTokenizer.Mteval13A;

    /// <summary>The precision of a length of which no run matches.</summary>
    /// <value><see cref="BleuSmoothing.Exponential"/></value>
    public BleuSmoothing Smoothing { get; init; } = BleuSmoothing.Exponential;

    /// <summary>The value that <see cref="BleuSmoothing.Floor"/> puts in (0.1 unless told) or
    /// <see cref="BleuSmoothing.AddK"/> adds (1 unless told); null for those.</summary>
    public double? SmoothingValue { get; init; }

    /// <summary>The longest runs of tokens that are counted.</summary>
    /// <value>4</value>
    public int MaxOrder { get; init; } = 4;

    /// <summary>Tells whether texts are compared in lower case.</summary>
    public bool Lowercase { get; init; }

    /// <summary>
    /// Tells whether lengths that no prediction reaches are left out; null for only where a single text is scored.
    /// </summary>
    public bool? EffectiveOrder { get; init; }
}

/// <summary>Names the ways in which BLEU makes tokens of texts.</summary>
public enum BleuTokenizer
{
    /// <summary>NIST's <c>mteval-v13a.pl</c>: sacreBLEU's <c>13a</c>.</summary>
    Mteval13A,

    /// <summary>White space only, for texts that are tokenized already: sacreBLEU's <c>none</c>.</summary>
    Whitespace,

    /// <summary>Single characters: sacreBLEU's <c>char</c>.</summary>
    Character,
}

/// <summary>Names what BLEU makes of a length of which no run matches (Chen and Cherry, 2014).</summary>
public enum BleuSmoothing
{
    /// <summary>Half of one match for the first such length, a quarter for the second, and so on.</summary>
    Exponential,

    /// <summary>Nothing; the score is 0.</summary>
    None,

    /// <summary>A fixed small count.</summary>
    Floor,

    /// <summary>A count added to matches and totals of all lengths but the first.</summary>
    AddK,
}
