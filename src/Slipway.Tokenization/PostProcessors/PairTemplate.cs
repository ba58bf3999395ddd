using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PostProcessors;

/// <summary>The order of two texts and the special tokens around them, each with its type.</summary>
/// <param name="Pieces">The pieces in their order.</param>
internal sealed record PairTemplate(IReadOnlyList<PairPiece> Pieces)
{
    /// <summary>The two texts and nothing else.</summary>
    public static PairTemplate Plain { get; } = new([PairPiece.First(0), PairPiece.Second(0)]);

    /// <summary>Number of special tokens.</summary>
    public int SpecialTokens => Pieces.Count(piece => piece.Text is null);

    /// <summary>Reads a post-processor; of a sequence of them the first that names two texts counts.</summary>
    public static PairTemplate Parse(Section section) => section.Type switch
    {
        "TemplateProcessing" => ParseTemplate(section),
        "BertProcessing" => new([Token(section, "cls", 0), PairPiece.First(0), Token(section, "sep", 0),
            PairPiece.Second(1), Token(section, "sep", 1)]),
        "RobertaProcessing" => new([Token(section, "cls", 0), PairPiece.First(0), Token(section, "sep", 0),
            Token(section, "sep", 0), PairPiece.Second(0), Token(section, "sep", 0)]),
        "Sequence" => section["processors"].Items().Where(item => item.Type != "Sequence").Select(Parse)
            .FirstOrDefault(template => template.SpecialTokens > 0) ?? Plain,
        _ => Plain,
    };

    private static PairTemplate ParseTemplate(Section section)
    {
        if (section["pair"].IsNull)
        {
            return Plain;
        }

        List<PairPiece> pieces = [];
        foreach (var piece in section["pair"].Items())
        {
            var isText = !piece["Sequence"].IsNull;
            var inner = isText ? piece["Sequence"] : piece["SpecialToken"];
            var type = inner["type_id"].IsNull ? 0 : VocabularyReader.CheckId(inner["type_id"]);
            if (isText)
            {
                pieces.Add(inner.String("id") == "A" ? PairPiece.First(type) : PairPiece.Second(type));
                continue;
            }

            pieces.AddRange(section["special_tokens"][inner.String("id")]["ids"].Items()
                .Select(id => new PairPiece(null, VocabularyReader.CheckId(id), type)));
        }

        // A tokenizer of single texts leaves the template of two empty.
        return pieces.Exists(piece => piece.Text == 0) && pieces.Exists(piece => piece.Text == 1) ? new(pieces) : Plain;
    }

    private static PairPiece Token(Section section, string key, int type)
        => section[key].Items().ToArray() is [_, { } id]
            ? new(null, VocabularyReader.CheckId(id), type) : throw section[key].Wrong("a token and its id");
}

/// <summary>One piece of a pair.</summary>
/// <param name="Text">The place of the text that stands here, 0 or 1; null for a special token.</param>
/// <param name="Id">The special token.</param>
/// <param name="Type">The type of its tokens.</param>
internal readonly record struct PairPiece(int? Text, int Id, int Type)
{
    public static PairPiece First(int type) => new(0, 0, type);

    public static PairPiece Second(int type) => new(1, 0, type);
}
