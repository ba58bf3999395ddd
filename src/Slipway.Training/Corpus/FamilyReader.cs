using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Reads a family of tools, or what a grammar adds to a family of the one that it extends.</summary>
internal static class FamilyReader
{
    /// <summary>Reads one family.</summary>
    /// <param name="node">The family's object.</param>
    /// <param name="kinds">The values that slots may have.</param>
    /// <param name="split">Divides the wordings.</param>
    /// <param name="below">The family of that name in the extended grammar; null where it has none.</param>
    public static ToolFamily Read(
        GrammarNode node, IReadOnlyDictionary<string, ValueKind> kinds, SplitRule split, ToolFamily? below)
    {
        node.Allow("name", "topic", "weight", "slots", "parameterNames", "shapes", "intents");
        var weight = node["weight"].Exists ? (int)node["weight"].Number : below?.Weight ?? 1;
        if (weight is < 1 or > 100)
        {
            throw node["weight"].Bad($"is '{weight}'; expected 1 to 100.");
        }

        var family = new ToolFamily(
            node["name"].Text,
            below is not null && !node["topic"].Exists ? below.Topic : node["topic"].Text,
            weight,
            Joined(below?.Slots, node["slots"], slot => ValueKinds.Find(slot, slot.Text, kinds), (_, kind) => kind),
            Joined<IReadOnlyList<string>>(
                below?.ParameterNames, node["parameterNames"], names => names.Texts, (old, more) => [.. old, .. more]),
            [.. below?.Shapes ?? [], .. Items(node["shapes"])
                .Select(shape => (IReadOnlyList<ToolShape>)[.. shape.Items.Select(ReadTool)])],
            ReadIntents(node["intents"], kinds, split, below?.Intents ?? []));
        Check(node, family);
        return family;
    }

    private static ToolShape ReadTool(GrammarNode node)
    {
        node.Allow("names", "parameters", "implies", "description");
        return new ToolShape(
            node["names"].Expanded,
            [.. node["parameters"].Texts.Select(text => new ParameterShape(
                text.TrimEnd('?', '~'), !text.EndsWith('?') && !text.EndsWith('~'), text.EndsWith('~')))],
            ReadFixed(node["implies"]),
            node["description"].Exists ? node["description"].Text : "");
    }

    private static List<Intent> ReadIntents(
        GrammarNode node, IReadOnlyDictionary<string, ValueKind> kinds, SplitRule split, IReadOnlyList<Intent> below)
    {
        var intents = below.ToList();
        foreach (var item in node.Items)
        {
            var name = item["name"].Exists ? item["name"].Text : "";
            var index = name.Length == 0 ? -1 : intents.FindIndex(one => one.Name == name);
            if (index < 0)
            {
                intents.Add(ReadIntent(item, name, kinds, split));
                continue;
            }

            item.Allow("name", "requests", "phrases", "followUps", "answers");
            var intent = intents[index];
            intents[index] = intent with
            {
                Requests = intent.Requests.With(item["requests"].Wordings(split)),
                Phrases = intent.Phrases.With(item["phrases"].Wordings(split)),
                FollowUps = intent.FollowUps.With(item["followUps"].Wordings(split)),
                Answers = [.. intent.Answers, .. item["answers"].Expanded],
            };
        }

        return intents;
    }

    private static Intent ReadIntent(
        GrammarNode node, string name, IReadOnlyDictionary<string, ValueKind> kinds, SplitRule split)
    {
        node.Allow("name", "fixed", "requests", "phrases", "followUps", "results", "resultSlots", "answers");
        return new Intent(
            name,
            ReadFixed(node["fixed"]),
            node["requests"].Wordings(split),
            node["phrases"].Wordings(split),
            node["followUps"].Wordings(split),
            [.. Items(node["results"]).Select(item => item.Node ?? throw item.Bad("is null."))],
            Joined(null, node["resultSlots"], slot => ValueKinds.Find(slot, slot.Text, kinds), (_, kind) => kind),
            node["answers"].Expanded);
    }

    private static void Check(GrammarNode node, ToolFamily family)
    {
        foreach (var parameter in family.Shapes.SelectMany(shape => shape).SelectMany(tool => tool.Parameters))
        {
            if (family.Kind(parameter.Path) is null)
            {
                throw node["shapes"].Bad($"has the parameter '{parameter.Path}', which 'slots' does not define.");
            }
        }

        foreach (var wording in from intent in family.Intents
                                from wordings in new[] { intent.Requests, intent.Phrases, intent.FollowUps }
                                from split in Enum.GetValues<CorpusSplit>()
                                from wording in wordings.All(split)
                                select wording)
        {
            if (Pattern.Slots(wording).Find(slot => !family.Slots.ContainsKey(slot)) is { } unknown)
            {
                throw node["intents"].Bad($"has '{wording}', whose slot '{unknown}' 'slots' does not define.");
            }
        }
    }

    private static Dictionary<string, T> Joined<T>(
        IReadOnlyDictionary<string, T>? below, GrammarNode node, Func<GrammarNode, T> read, Func<T, T, T> join)
    {
        var all = new Dictionary<string, T>(below ?? new Dictionary<string, T>(), StringComparer.Ordinal);
        foreach (var (name, value) in node.Exists ? node.Members : [])
        {
            all[name] = all.TryGetValue(name, out var old) ? join(old, read(value)) : read(value);
        }

        return all;
    }

    private static Dictionary<string, JsonNode> ReadFixed(GrammarNode node) =>
        Joined<JsonNode>(null, node, value => value.Node ?? throw value.Bad("is null."), (_, value) => value);

    private static IEnumerable<GrammarNode> Items(GrammarNode node) => node.Exists ? node.Items : [];
}
