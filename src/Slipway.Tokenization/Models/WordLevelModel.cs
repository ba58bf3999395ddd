using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>Each piece is a token or unknown.</summary>
internal sealed class WordLevelModel : TokenModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly int _unknown;

    private WordLevelModel(Section section)
    {
        _vocabulary = VocabularyReader.Read(section["vocab"]);
        _unknown = Require(section, "unk_token", "<unk>", _vocabulary);
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public static new WordLevelModel Parse(Section section) => new(section);

    public override void Encode(ReadOnlySpan<char> piece, List<int> ids) => ids.Add(
        _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(piece, out var id) ? id : _unknown);
}
