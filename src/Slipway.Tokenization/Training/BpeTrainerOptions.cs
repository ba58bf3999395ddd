namespace Slipway.Tokenization.Training;

/// <summary>Describes the byte-level BPE tokenizer that is trained.</summary>
public sealed class BpeTrainerOptions
{
    /// <summary>Tokens in all: 256 bytes, the special tokens and the merges.</summary>
    /// <value>8192.</value>
    public int VocabularySize { get; set; } = 8192;

    /// <summary>The least occurrences of a pair that is merged.</summary>
    /// <value>2.</value>
    public int MinimumFrequency { get; set; } = 2;

    /// <summary>Tokens that are never split or learned; they get the first ids, in this order.</summary>
    /// <value>None.</value>
    public IReadOnlyList<string> SpecialTokens { get; set; } = [];

    /// <summary>
    /// Tokens that are never split or learned but are text, such as <c>&lt;tool_call&gt;</c>: decoding keeps them.
    /// Their ids follow those of the special tokens.
    /// </summary>
    /// <value>None.</value>
    public IReadOnlyList<string> AddedTokens { get; set; } = [];

    /// <summary>Lets each digit stand alone, so that numbers are spelled the same everywhere.</summary>
    /// <value>True.</value>
    public bool IndividualDigits { get; set; } = true;

    /// <summary>A pattern whose matches are the pieces that merges never cross; null is GPT-2's.</summary>
    /// <value>Null.</value>
    public string? Pattern { get; set; }

    /// <summary>Every token that is never split, in the order of the ids.</summary>
    internal IReadOnlyList<string> WholeTokens => [.. SpecialTokens, .. AddedTokens];

    internal void Validate()
    {
        var whole = WholeTokens;
        var min = 256 + whole.Count;
        if (VocabularySize < min)
        {
            throw new ArgumentException(
                $"A vocabulary of {VocabularySize} tokens cannot hold 256 bytes and {whole.Count} special " +
                $"tokens. Set VocabularySize to {min} or more.");
        }

        if (MinimumFrequency < 1)
        {
            throw new ArgumentException($"MinimumFrequency is {MinimumFrequency}; it must be 1 or more.");
        }

        if (whole.Any(string.IsNullOrEmpty) || whole.Distinct().Count() != whole.Count)
        {
            throw new ArgumentException(
                "SpecialTokens and AddedTokens must be different from each other and not empty.");
        }
    }
}
