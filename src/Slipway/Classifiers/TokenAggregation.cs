namespace Slipway;

/// <summary>Names the ways in which labelled tokens are joined to spans, as transformers' pipeline does it.</summary>
public enum TokenAggregation
{
    /// <summary>Each token by itself, with its label as it is.</summary>
    None,

    /// <summary>Neighbours of the same label are joined; <c>B-</c> begins a new span.</summary>
    Simple,

    /// <summary>As <see cref="Simple"/>, but a word has the label of its first token.</summary>
    First,

    /// <summary>As <see cref="Simple"/>, but a word has the label whose scores are highest on the mean.</summary>
    Average,

    /// <summary>As <see cref="Simple"/>, but a word has the label of its surest token.</summary>
    Max,
}
