using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Models;

/// <summary>Each piece is a token or unknown.</summary>
internal sealed class WordLevelModel : TokenModel
{
    private readonly Dictionary<string, int> vocabulary;
    private readonly int unknown;

    private WordLevelModel(Section section)
    {
        vocabulary = VocabularyReader.Read(section["vocab"]);
        unknown = Require(section, "unk_token", "<unk>", vocabulary);
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => vocabulary;

    public static new WordLevelModel Parse(Section section) => new(section);

    public override void Encode(string piece, List<int> ids) => ids.Add(vocabulary.GetValueOrDefault(piece, unknown));
}
