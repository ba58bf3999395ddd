using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Reads a grammar file and says at once what is wrong in it.</summary>
internal static class GrammarReader
{
    private static readonly JsonDocumentOptions Strict = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = 16,
    };

    public static Grammar Read(string path)
    {
        JsonNode? document;
        try
        {
            document = JsonNode.Parse(File.ReadAllBytes(path), documentOptions: Strict);
        }
        catch (JsonException error)
        {
            throw new GrammarException(path, $"line {error.LineNumber + 1}", $"is not JSON: {error.Message}");
        }

        var root = new GrammarNode(path, "", document);
        try
        {
            return Read(root);
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            throw root.Bad($"cannot be read: {error.Message}.");
        }
    }

    private static Grammar Read(GrammarNode root)
    {
        root.Allow(
            "heldOutPercent", "salt", "madeNames", "values", "families", "smallTalk", "systemMessages", "nameAffixes",
            "openers", "closers", "joiners", "refusals", "doneResults", "doneAnswers", "errors", "errorAnswers");
        var percent = (int)root["heldOutPercent"].Number;
        if (percent is < 1 or > 50)
        {
            throw root["heldOutPercent"].Bad($"is '{percent}'; expected 1 to 50.");
        }

        var split = new SplitRule(percent, root["salt"].Exists ? root["salt"].Text : "").Knowing(RequestWordings(root));
        var pooled = root["madeNames"].Exists ? (double)root["madeNames"].Number : 0;
        if (pooled is < 0 or > 1)
        {
            throw root["madeNames"].Bad(FormattableString.Invariant($"is '{pooled}'; expected 0 to 1."));
        }

        var kinds = new Dictionary<string, ValueKind>(StringComparer.Ordinal);
        var scope = new ValueScope(kinds, split, pooled > 0 ? new NamePool(split) : null, pooled);
        foreach (var (name, node) in root["values"].Members)
        {
            kinds[name] = ValueKinds.Read(node, scope);
        }

        return new Grammar(
            split,
            scope.Pool,
            kinds,
            [.. root["families"].Items.Select(node => ReadFamily(node, kinds, split))],
            [.. root["smallTalk"].Items.Select(node => ReadSmallTalk(node, split))],
            Expand(root["systemMessages"]),
            Texts(root["nameAffixes"]),
            ReadWordings(root["openers"], split),
            ReadWordings(root["closers"], split),
            ReadWordings(root["joiners"], null),
            Expand(root["refusals"]),
            Texts(root["doneResults"]),
            Texts(root["doneAnswers"]),
            Texts(root["errors"]),
            Texts(root["errorAnswers"]));
    }

    private static IEnumerable<string> RequestWordings(GrammarNode root) =>
        from family in root["families"].Items
        from intent in family["intents"].Items
        from key in (string[])["requests", "phrases", "followUps"]
        from wording in Expand(intent[key])
        select wording;

    private static ToolFamily ReadFamily(GrammarNode node, Dictionary<string, ValueKind> kinds, SplitRule split)
    {
        node.Allow("name", "topic", "slots", "parameterNames", "shapes", "intents");
        var slots = node["slots"].Exists
            ? node["slots"].Members.ToDictionary(
                slot => slot.Key, slot => ValueKinds.Find(slot.Value, slot.Value.Text, kinds), StringComparer.Ordinal)
            : [];
        var family = new ToolFamily(
            node["name"].Text,
            node["topic"].Text,
            slots,
            node["parameterNames"].Exists
                ? node["parameterNames"].Members.ToDictionary(
                    names => names.Key, names => names.Value.Texts, StringComparer.Ordinal)
                : [],
            node["shapes"].Exists
                ? [.. node["shapes"].Items.Select(shape => (IReadOnlyList<ToolShape>)[.. shape.Items.Select(ReadTool)])]
                : [],
            [.. node["intents"].Items.Select(intent => ReadIntent(intent, kinds, split))]);
        Check(node, family);
        return family;
    }

    private static ToolShape ReadTool(GrammarNode node)
    {
        node.Allow("names", "parameters", "implies", "description");
        return new ToolShape(
            Expand(node["names"]),
            [.. node["parameters"].Texts.Select(text => new ParameterShape(
                text.TrimEnd('?', '~'), !text.EndsWith('?') && !text.EndsWith('~'), text.EndsWith('~')))],
            ReadFixed(node["implies"]),
            node["description"].Exists ? node["description"].Text : "");
    }

    private static Intent ReadIntent(GrammarNode node, Dictionary<string, ValueKind> kinds, SplitRule split)
    {
        node.Allow("fixed", "requests", "phrases", "followUps", "results", "resultSlots", "answers");
        return new Intent(
            ReadFixed(node["fixed"]),
            ReadWordings(node["requests"], split),
            ReadWordings(node["phrases"], split),
            ReadWordings(node["followUps"], split),
            node["results"].Exists
                ? [.. node["results"].Items.Select(item => item.Node ?? throw item.Bad("is null."))] : [],
            node["resultSlots"].Exists
                ? node["resultSlots"].Members.ToDictionary(
                    slot => slot.Key, slot => ValueKinds.Find(slot.Value, slot.Value.Text, kinds),
                    StringComparer.Ordinal)
                : [],
            Expand(node["answers"]));
    }

    private static SmallTalk ReadSmallTalk(GrammarNode node, SplitRule split)
    {
        node.Allow("requests", "answers");
        var requests = ReadWordings(node["requests"], split);
        return requests.IsEmpty(CorpusSplit.Training)
            ? throw node["requests"].Bad("has no wording in training; add wordings.")
            : new SmallTalk(requests, Texts(node["answers"]));
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

        foreach (var intent in family.Intents)
        {
            foreach (var split in Enum.GetValues<CorpusSplit>())
            {
                foreach (var wording in intent.Requests.All(split).Concat(intent.Phrases.All(split))
                    .Concat(intent.FollowUps.All(split)))
                {
                    if (Pattern.Slots(wording).Find(slot => !family.Slots.ContainsKey(slot)) is { } unknown)
                    {
                        throw node["intents"].Bad($"has '{wording}', whose slot '{unknown}' 'slots' does not define.");
                    }
                }
            }
        }
    }

    private static Dictionary<string, JsonNode> ReadFixed(GrammarNode node) => node.Exists
        ? node.Members.ToDictionary(
            member => member.Key, member => member.Value.Node
                ?? throw member.Value.Bad("is null."), StringComparer.Ordinal)
        : [];

    private static Wordings ReadWordings(GrammarNode node, SplitRule? split)
    {
        try
        {
            return new Wordings(node.Exists ? [.. node.Items.Select(item => item.Text)] : [], split);
        }
        catch (FormatException error)
        {
            throw node.Bad($"has a pattern that {error.Message}.");
        }
    }

    private static List<string> Expand(GrammarNode node) =>
        node.Exists ? [.. node.Items.SelectMany(item => Pattern.Expand(item.Text, 4096))] : [];

    private static List<string> Texts(GrammarNode node) =>
        node.Exists ? [.. node.Items.Select(item => item.Text)] : [];
}
