using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PostProcessors;

/// <summary>The special tokens that surround a single text. The table of types is <see cref="Types"/>.</summary>
internal sealed record SpecialTokenTemplate(int[] Before, int[] After)
{
    public static SpecialTokenTemplate None { get; } = new([], []);

    private static readonly Dictionary<string, Func<Section, SpecialTokenTemplate>> Types = new()
    {
        ["ByteLevel"] = _ => None,
        ["TemplateProcessing"] = ParseTemplate,
        ["Sequence"] = ParseSequence,
        ["BertProcessing"] = ParsePair,
        ["RobertaProcessing"] = ParsePair,
    };

    public static SpecialTokenTemplate Parse(Section section) =>
        Types.TryGetValue(section.Type, out var create)
            ? create(section)
            : throw section.Unknown("post-processor", Types.Keys);

    private static SpecialTokenTemplate ParseTemplate(Section section)
    {
        List<int> before = [], after = [];
        var seen = false;
        foreach (var piece in section["single"].Items())
        {
            if (!piece["Sequence"].IsNull)
            {
                seen = true;
                continue;
            }

            var name = piece["SpecialToken"].String("id");
            foreach (var id in section["special_tokens"][name]["ids"].Items())
            {
                (seen ? after : before).Add(VocabularyReader.CheckId(id));
            }
        }

        return seen
            ? new([.. before], [.. after]) : throw section["single"].Wrong("a template that holds the sequence");
    }

    private static SpecialTokenTemplate ParseSequence(Section section)
    {
        var result = None;
        foreach (var item in section["processors"].Items())
        {
            if (item.Type == "Sequence")
            {
                throw item.Error($"'{item.Path}' is a sequence inside a sequence, which is not supported.");
            }

            var inner = Parse(item);
            result = new([.. inner.Before, .. result.Before], [.. result.After, .. inner.After]);
        }

        return result;
    }

    private static SpecialTokenTemplate ParsePair(Section section)
    {
        static int Id(Section pair) => pair.Items().ToArray() is [_, { } id]
            ? VocabularyReader.CheckId(id) : throw pair.Wrong("a token and its id");
        return new([Id(section["cls"])], [Id(section["sep"])]);
    }
}
