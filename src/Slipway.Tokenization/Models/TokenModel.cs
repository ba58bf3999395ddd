using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>Turns one piece of text into token ids. The table of types is <see cref="Types"/>.</summary>
internal abstract class TokenModel
{
    private static readonly Dictionary<string, Func<Section, TokenModel>> Types = new()
    {
        ["BPE"] = BpeModel.Parse,
    };

    /// <summary>The model's own tokens and their ids.</summary>
    public abstract IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Appends the ids of a piece. Safe for concurrent use.</summary>
    public abstract void Encode(string piece, List<int> ids);

    public static TokenModel Parse(Section section) =>
        Types.TryGetValue(section.OptionalString("type") ?? "BPE", out Func<Section, TokenModel>? create)
            ? create(section)
            : throw section.Unknown("model", Types.Keys);
}
