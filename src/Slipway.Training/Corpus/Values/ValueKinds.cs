namespace Slipway.Training.Corpus.Values;

/// <summary>Builds the kinds of value that a grammar defines.</summary>
internal static class ValueKinds
{
    private delegate ValueKind Reader(GrammarNode node, ValueScope scope);

    private static readonly Dictionary<string, Reader> Readers = new(StringComparer.Ordinal)
    {
        ["words"] = ReadWords,
        ["syllables"] = ReadSyllables,
        ["number"] = ReadNumber,
        ["choice"] = ReadChoice,
        ["pattern"] = ReadPattern,
        ["mix"] = ReadMix,
    };

    /// <summary>The names of the kinds.</summary>
    public static IReadOnlyCollection<string> Names => Readers.Keys;

    /// <summary>Reads one kind; it may use those that stand before it.</summary>
    public static ValueKind Read(GrammarNode node, ValueScope scope)
    {
        var kind = node["kind"].Text;
        if (!Readers.TryGetValue(kind, out var reader))
        {
            throw node["kind"].Bad($"is '{kind}'; expected '{string.Join("', '", Readers.Keys)}'.");
        }

        try
        {
            return reader(node, scope);
        }
        catch (FormatException error)
        {
            throw node.Bad(error.Message + ".");
        }
    }

    /// <summary>Finds a kind by its name.</summary>
    public static ValueKind Find(GrammarNode node, string name, IReadOnlyDictionary<string, ValueKind> known) =>
        known.GetValueOrDefault(name)
        ?? throw node.Bad($"uses the value '{name}', which 'values' does not define before it is used.");

    private static WordsKind ReadWords(GrammarNode node, ValueScope scope)
    {
        node.Allow("kind", "words", "shared", "proper");
        return new WordsKind(
            node["words"].Texts, node["shared"].Flag, node["proper"].Flag, scope.Rule, scope.Pool, scope.Pooled);
    }

    private static SyllablesKind ReadSyllables(GrammarNode node, ValueScope scope)
    {
        node.Allow("kind", "onsets", "vowels", "codas", "least", "most", "proper");
        var codas = node["codas"].Texts;
        return new SyllablesKind(
            node["onsets"].Texts is { Count: > 0 } onsets ? onsets : throw node["onsets"].Bad("is empty."),
            node["vowels"].Texts is { Count: > 0 } vowels ? vowels : throw node["vowels"].Bad("is empty."),
            ["", "", .. codas],
            (int)node["least"].Number,
            (int)node["most"].Number,
            node["proper"].Flag,
            scope.Rule);
    }

    private static NumberKind ReadNumber(GrammarNode node, ValueScope scope)
    {
        node.Allow("kind", "least", "most", "step", "spelled");
        return new NumberKind(
            node["least"].Number,
            node["most"].Number,
            node["step"].Exists ? node["step"].Number : 1,
            node["spelled"].Exists ? (double)node["spelled"].Number : 0);
    }

    private static ChoiceKind ReadChoice(GrammarNode node, ValueScope scope)
    {
        node.Allow("kind", "choices");
        var choices = node["choices"].Items.Select(item =>
        {
            item.Allow("value", "said");
            var value = item["value"].Node ?? throw item.Bad("has no 'value'.");
            return (value, item["said"].Exists ? item["said"].Texts : [value.ToString()]);
        }).ToList();
        return choices.Count > 0 ? new ChoiceKind(choices) : throw node["choices"].Bad("is empty.");
    }

    private static PatternKind ReadPattern(GrammarNode node, ValueScope scope)
    {
        node.Allow("kind", "patterns");
        var texts = node["patterns"].Items.SelectMany(item => Pattern.Expand(item.Text, 4096)).ToList();
        var slots = texts.SelectMany(Pattern.Slots).Distinct(StringComparer.Ordinal)
            .ToDictionary(name => name, name => Find(node, name, scope.Known), StringComparer.Ordinal);
        return new PatternKind(texts, slots);
    }

    private static MixKind ReadMix(GrammarNode node, ValueScope scope)
    {
        node.Allow("kind", "of");
        return new MixKind([.. node["of"].Members.Select(member =>
            (Find(node, member.Key, scope.Known), (int)member.Value.Number))]);
    }
}

/// <summary>Holds what a kind is built from beside its own node.</summary>
/// <param name="Known">The kinds that stand before it.</param>
/// <param name="Rule">Divides the names.</param>
/// <param name="Pool">Gives made names to lists of words; null for none.</param>
/// <param name="Pooled">The share of a list's training names that come from the pool.</param>
internal sealed record ValueScope(
    Dictionary<string, ValueKind> Known, SplitRule Rule, NamePool? Pool, double Pooled);
