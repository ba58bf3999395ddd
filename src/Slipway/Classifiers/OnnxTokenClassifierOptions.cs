namespace Slipway;

/// <summary>Says which package a token classifier serves and how tokens become spans.</summary>
public sealed class OnnxTokenClassifierOptions : OnnxEncoderOptions
{
    /// <summary>The way in which tokens are joined to spans.</summary>
    /// <value><see cref="TokenAggregation.Simple"/></value>
    public TokenAggregation Aggregation { get; set; } = TokenAggregation.Simple;

    /// <summary>Labels whose spans are left out, without the prefixes <c>B-</c> and <c>I-</c>.</summary>
    /// <value><c>O</c> alone.</value>
    public IReadOnlyList<string>? IgnoredLabels { get; set; }

    internal override IReadOnlyList<string> Errors() =>
    [
        .. base.Errors(),
        .. Enum.IsDefined(Aggregation) ? Array.Empty<string>()
            : [$"Aggregation is '{Aggregation}'; expected {string.Join(", ", Enum.GetNames<TokenAggregation>())}."],
    ];
}
