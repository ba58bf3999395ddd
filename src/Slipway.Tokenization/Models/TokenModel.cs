using System.Text;
using Slipway.Tokenization.Decoders;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Models;

/// <summary>Turns one piece of text into token ids. The table of types is <see cref="Types"/>.</summary>
internal abstract class TokenModel
{
    private const int MaximumLength = 1024;

    private static readonly Dictionary<string, Func<Section, TokenModel>> Types = new()
    {
        ["BPE"] = BpeModel.Parse,
        ["SentencePieceBPE"] = BpeModel.ParseScores,
        ["RankedBPE"] = BpeModel.ParseRanks,
        ["Unigram"] = UnigramModel.Parse,
        ["WordPiece"] = WordPieceModel.Parse,
        ["WordLevel"] = WordLevelModel.Parse,
    };

    /// <summary>The model's own tokens and their ids.</summary>
    public abstract IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>
    /// Splits pieces of characters further without changing their tokens, so that more of them recur; null where
    /// nothing can.
    /// </summary>
    public virtual TextSplitter? Splitter => null;

    /// <summary>Appends the ids of a piece. Safe for concurrent use.</summary>
    public abstract void Encode(ReadOnlySpan<char> piece, List<int> ids);

    /// <summary>The count of the text's bytes that a token covers; an estimate for unknown tokens.</summary>
    public virtual int ByteLength(string token) =>
        TokenDecoder.ByteOf(token) >= 0 ? 1 : Encoding.UTF8.GetByteCount(token);

    // Files from before 2020 name no type; their models are all BPE.
    public static TokenModel Parse(Section section) =>
        Types.TryGetValue(section.OptionalString("type") ?? "BPE", out var create)
            ? create(section)
            : throw section.Unknown("model", Types.Keys);

    /// <summary>Refuses tokens so long that looking for them at each character of a text would not end.</summary>
    protected static void CheckLength(Section section, string token)
    {
        if (token.Length > MaximumLength)
        {
            throw section.Error(
                $"'{section.Path}' holds the token '{Quoted.Short(token)}' of {token.Length} characters; expected at "
                + $"most {MaximumLength}.");
        }
    }

    /// <summary>The id of a token that a key names and the vocabulary must hold.</summary>
    protected static int Require(Section section, string key, string missing, Dictionary<string, int> vocabulary)
    {
        var token = section.OptionalString(key) ?? missing;
        return vocabulary.TryGetValue(token, out var id)
            ? id
                : throw section.Error(
                    $"'{section.Path}.{key}' is '{Quoted.Short(token)}', which the vocabulary lacks.");
    }
}
