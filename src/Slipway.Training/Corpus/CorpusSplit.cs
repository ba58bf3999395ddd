using System.Text;

namespace Slipway.Training.Corpus;

/// <summary>Names a part of the corpus.</summary>
public enum CorpusSplit
{
    /// <summary>Part that the model learns from.</summary>
    Training,

    /// <summary>Held-out part: other wordings, other entity names, other tools together than in training.</summary>
    HeldOut,
}

/// <summary>Assigns texts to the parts of a corpus by their hash, so that a text is always in the same part.</summary>
/// <param name="HeldOutPercent">How many of a hundred texts are held out.</param>
/// <param name="Salt">Enters the hash of names, so that a grammar can choose which common names it trains on.</param>
/// <param name="ByPattern">Whether a pattern is held out as a whole, and not each wording by itself.</param>
internal sealed record SplitRule(int HeldOutPercent, string Salt, bool ByPattern = false)
{
    private HashSet<string> _trained = [];
    private HashSet<string> _heldOut = [];

    /// <summary>Keeps what training says about one thing out of what is held out about another.</summary>
    /// <param name="patterns">All patterns of requests.</param>
    /// <param name="below">The grammar that this one extends: what it holds out is never trained on.</param>
    public SplitRule Knowing(IEnumerable<string> patterns, Grammar? below)
    {
        HashSet<string> heldOut = below is null
            ? [] : [.. below.Wordings().SelectMany(one => one.All(CorpusSplit.HeldOut)).Select(Form)];
        HashSet<string> trained = below is null ? [] : [.. below.Split._trained];
        trained.UnionWith(
            from pattern in patterns
            from wording in Pattern.Expand(pattern, 4096)
            let form = Form(wording)
            where OfWording(pattern, wording) == CorpusSplit.Training && !heldOut.Contains(form)
            select form);
        return this with { _trained = trained, _heldOut = heldOut };
    }

    /// <summary>
    /// Tells whether a pattern's wording is of a part. One whose form is in training by other slots is not held out;
    /// one that an extended grammar holds out is not in training.
    /// </summary>
    public bool Has(CorpusSplit split, string pattern, string wording) => OfWording(pattern, wording) == split
        && !(split == CorpusSplit.Training ? _heldOut : _trained).Contains(Form(wording));

    /// <summary>Says in which part an entity's name is.</summary>
    public CorpusSplit OfName(string name) => Of("name" + Salt, name);

    /// <summary>Says in which part a set of offered tools is.</summary>
    public CorpusSplit OfTools(string names) => Of("tools", names);

    private CorpusSplit OfWording(string pattern, string wording) => Of("wording", ByPattern ? pattern : wording);

    // The wording without the names of its slots.
    private static string Form(string wording) => Pattern.Fill(wording, _ => "{}");

    private CorpusSplit Of(string kind, string text)
    {
        var hash = Hash(text, Hash(kind, 0xCBF29CE484222325) * 0x100000001B3);
        hash ^= hash >> 29;
        hash *= 0xBF58476D1CE4E5B9;
        hash ^= hash >> 32;
        return hash % 100 < (ulong)HeldOutPercent ? CorpusSplit.HeldOut : CorpusSplit.Training;
    }

    // FNV-1a over the UTF-8 bytes.
    private static ulong Hash(string text, ulong hash)
    {
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ value) * 0x100000001B3;
        }

        return hash;
    }
}
