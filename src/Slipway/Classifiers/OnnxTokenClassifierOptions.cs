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

    /// <summary>Tokens that neighbouring windows of a long text share; null to cut it off at the context.</summary>
    /// <remarks>
    /// A text that is longer than the model's context is then classified in windows as long as the context. Of spans
    /// that overlap the longest stays, among equally long ones the surest. Source: <c>stride</c> of transformers' token
    /// classification pipeline, which wants tokens to be joined.
    /// </remarks>
    /// <value>null</value>
    public int? Stride { get; set; }

    internal override IReadOnlyList<string> Errors() =>
    [
        .. base.Errors(),
        .. Enum.IsDefined(Aggregation) ? Array.Empty<string>()
            : [$"Aggregation is '{Aggregation}'; expected {string.Join(", ", Enum.GetNames<TokenAggregation>())}."],
        .. Stride is null or >= 0 ? Array.Empty<string>() : [$"Stride is '{Stride}'; expected 0 or more."],
        .. Stride is null || Aggregation != TokenAggregation.None ? Array.Empty<string>()
            : ["Stride is set, but Aggregation is 'None': of two windows' single tokens none is chosen. Set another."],
    ];
}
