using System.Text;

namespace Slipway.Training.Corpus;

/// <summary>Draws the tools that a conversation offers.</summary>
internal static class ToolOffers
{
    // How many families a conversation offers; few are as likely as many.
    private static readonly int[] Counts = [1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 7];

    // Tools of training that have a word more in their name, so that names are read from the offer, not remembered.
    private const double MadeNames = 0.25;

    /// <summary>Draws tools whose names together belong to the split.</summary>
    public static IReadOnlyList<OfferedTool> Draw(Grammar grammar, SeededRandom random, CorpusSplit split)
    {
        var families = grammar.Families.Where(family => family.Shapes.Count > 0)
            .SelectMany(family => Enumerable.Repeat(family, family.Weight)).ToArray();
        while (true)
        {
            var style = random.Below(20);
            random.Shuffle<ToolFamily>(families);
            var tools = families.Distinct().Take(random.Pick(Counts))
                .SelectMany(family => random.Pick(family.Shapes)
                    .Select(shape => Draw(grammar, family, shape, style, random, split)))
                .ToArray();
            random.Shuffle<OfferedTool>(tools);
            if (tools.Select(tool => tool.Name).Distinct(StringComparer.Ordinal).Count() == tools.Length
                && grammar.Split.OfTools(Key(tools)) == split)
            {
                return tools;
            }
        }
    }

    /// <summary>The same for the same tools in any order.</summary>
    public static string Key(IEnumerable<OfferedTool> tools) =>
        string.Join(' ', tools.Select(tool => tool.Name).Order(StringComparer.Ordinal));

    private static OfferedTool Draw(
        Grammar grammar, ToolFamily family, ToolShape shape, int style, SeededRandom random, CorpusSplit split)
    {
        var name = random.Pick(shape.Names);
        if (grammar.NameAffixes.Count > 0 && random.Chance(0.12))
        {
            name = Pattern.Fill(random.Pick(grammar.NameAffixes), _ => name);
        }

        if (split == CorpusSplit.Training && grammar.Pool is { } pool && random.Chance(MadeNames))
        {
            var made = pool.Draw(random).ToLowerInvariant().Replace(' ', '_')
                .Replace("'", "", StringComparison.Ordinal);
            name = random.Chance(0.5) ? $"{made}_{name}" : $"{name}_{made}";
        }

        var parameters = new List<OfferedParameter>();
        foreach (var parameter in shape.Parameters)
        {
            if (parameter.Sometimes && random.Chance(0.5))
            {
                continue;
            }

            var names = family.ParameterNames.GetValueOrDefault(parameter.Path) ?? [parameter.Path];
            var free = names.Where(text => parameters.TrueForAll(other => other.Name != Styled(text, style))).ToArray();
            parameters.Add(new OfferedParameter(
                Styled(random.Pick(free), style), parameter, family.Kind(parameter.Path)!, parameter.Required));
        }

        return new OfferedTool(family, shape, Styled(name, style), parameters);
    }

    // set_light, in some conversations setLight or set-light.
    private static string Styled(string name, int style)
    {
        if (style > 3 || !name.Contains('_', StringComparison.Ordinal))
        {
            return name;
        }

        if (style == 0)
        {
            return name.Replace('_', '-');
        }

        var camel = new StringBuilder(name.Length);
        foreach (var word in name.Split('_', StringSplitOptions.RemoveEmptyEntries))
        {
            camel.Append(camel.Length == 0 ? word[..1] : word[..1].ToUpperInvariant()).Append(word, 1, word.Length - 1);
        }

        return camel.ToString();
    }
}
