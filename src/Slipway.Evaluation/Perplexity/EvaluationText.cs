using Slipway.Tokenization;

namespace Slipway.Evaluation.Perplexity;

/// <summary>Reads texts that models are measured on.</summary>
internal static class EvaluationText
{
    private const long MaxFile = 1L << 30;

    /// <summary>Reads a file in UTF-8.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ArgumentException">The file is too large.</exception>
    public static async Task<string> ReadAsync(string path, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path) && new FileInfo(path).Length is > MaxFile and var length)
        {
            throw new ArgumentException(
                $"The file '{path}' has '{length}' bytes; at most '{MaxFile}' are read. Measure a part of it.",
                nameof(path));
        }

        return await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives the tokens that a tokenizer begins each sequence with.</summary>
    public static int[] Prefix(HuggingFaceTokenizer tokenizer)
    {
        const string Sample = "a";
        var with = tokenizer.Encode(Sample, addSpecialTokens: true);
        var without = tokenizer.Encode(Sample, addSpecialTokens: false);
        return with[..Math.Max(0, with.AsSpan().IndexOf(without))];
    }
}
