using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Reads a grammar file, with those that it extends, and says at once what is wrong in it.</summary>
internal static class GrammarReader
{
    private const int MaxExtended = 8;

    private static readonly JsonDocumentOptions Strict = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = 16,
    };

    public static Grammar Read(string path) => Read(path, 0);

    private static Grammar Read(string path, int depth)
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
            return root["extends"].Exists ? Extend(Below(root, depth), root) : ReadWhole(root);
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            throw root.Bad($"cannot be read: {error.Message}.");
        }
    }

    private static Grammar Below(GrammarNode root, int depth)
    {
        var path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(root.File))!, root["extends"].Text);
        if (depth >= MaxExtended)
        {
            throw root["extends"].Bad($"is one of more than {MaxExtended} in a row; is it a ring?");
        }

        return File.Exists(path) ? Read(path, depth + 1) : throw root["extends"].Bad(
            $"is '{root["extends"].Text}', which does not exist; it starts at this folder.");
    }

    private static Grammar ReadWhole(GrammarNode root)
    {
        root.Allow(
            "heldOutPercent", "salt", "splitBy", "madeNames", "values", "families", "smallTalk", "systemMessages",
            "nameAffixes", "openers", "closers", "joiners", "refusals", "doneResults", "doneAnswers", "errors",
            "errorAnswers");
        var percent = (int)root["heldOutPercent"].Number;
        if (percent is < 1 or > 50)
        {
            throw root["heldOutPercent"].Bad($"is '{percent}'; expected 1 to 50.");
        }

        var salt = root["salt"].Exists ? root["salt"].Text : "";
        var split = new SplitRule(percent, salt, ByPattern(root)).Knowing(RequestPatterns(root), null);
        var pooled = root["madeNames"].Exists ? (double)root["madeNames"].Number : 0;
        if (pooled is < 0 or > 1)
        {
            throw root["madeNames"].Bad(FormattableString.Invariant($"is '{pooled}'; expected 0 to 1."));
        }

        var scope = new ValueScope(
            new Dictionary<string, ValueKind>(StringComparer.Ordinal), split, pooled > 0 ? new NamePool(split) : null,
            pooled);
        ReadValues(root["values"], scope);
        return new Grammar(
            split,
            scope,
            [.. root["families"].Items.Select(node => FamilyReader.Read(node, scope.Known, split, null))],
            [.. root["smallTalk"].Items.Select(node => ReadSmallTalk(node, split))],
            root["systemMessages"].Expanded,
            root["nameAffixes"].Sentences,
            root["openers"].Wordings(split),
            root["closers"].Wordings(split),
            root["joiners"].Wordings(null),
            root["refusals"].Expanded,
            root["doneResults"].Sentences,
            root["doneAnswers"].Sentences,
            root["errors"].Sentences,
            root["errorAnswers"].Sentences);
    }

    // How names are divided and made is settled by the grammar below; its held-out wordings stay held out.
    private static Grammar Extend(Grammar below, GrammarNode root)
    {
        root.Allow(
            "extends", "splitBy", "values", "families", "smallTalk", "systemMessages", "nameAffixes", "openers",
            "closers");
        var split = (below.Split with { ByPattern = ByPattern(root) }).Knowing(RequestPatterns(root), below);
        var scope = below.Values;
        if (root["values"].Exists)
        {
            ReadValues(root["values"], scope);
        }

        var families = below.Families.ToList();
        foreach (var node in root["families"].Items)
        {
            var index = families.FindIndex(family => family.Name == node["name"].Text);
            var family = FamilyReader.Read(node, scope.Known, split, index < 0 ? null : families[index]);
            if (index < 0)
            {
                families.Add(family);
            }
            else
            {
                families[index] = family;
            }
        }

        return below with
        {
            Split = split,
            Families = families,
            SmallTalk = root["smallTalk"].Exists
                ? [.. below.SmallTalk, .. root["smallTalk"].Items.Select(node => ReadSmallTalk(node, split))]
                : below.SmallTalk,
            SystemMessages = [.. below.SystemMessages, .. root["systemMessages"].Expanded],
            NameAffixes = [.. below.NameAffixes, .. root["nameAffixes"].Sentences],
            Openers = below.Openers.With(root["openers"].Wordings(split)),
            Closers = below.Closers.With(root["closers"].Wordings(split)),
        };
    }

    private static bool ByPattern(GrammarNode root) => root["splitBy"].Exists && root["splitBy"].Text switch
    {
        "pattern" => true,
        "wording" => false,
        var other => throw root["splitBy"].Bad($"is '{other}'; expected 'wording', 'pattern'."),
    };

    private static void ReadValues(GrammarNode node, ValueScope scope)
    {
        foreach (var (name, value) in node.Members)
        {
            if (!scope.Known.TryAdd(name, ValueKinds.Read(value, scope)))
            {
                throw value.Bad("is defined already by a grammar that this one extends.");
            }
        }
    }

    private static IEnumerable<string> RequestPatterns(GrammarNode root) =>
        from family in root["families"].Items
        from intent in family["intents"].Items
        from key in (string[])["requests", "phrases", "followUps"]
        from pattern in intent[key].Sentences
        select pattern;

    private static SmallTalk ReadSmallTalk(GrammarNode node, SplitRule split)
    {
        node.Allow("requests", "answers");
        var requests = node["requests"].Wordings(split);
        return requests.IsEmpty(CorpusSplit.Training)
            ? throw node["requests"].Bad("has no wording in training; add wordings.")
            : new SmallTalk(requests, node["answers"].Sentences);
    }
}
