namespace Slipway.Training.Corpus.Values;

/// <summary>Puts a text together from a pattern whose slots are values of other kinds.</summary>
internal sealed class PatternKind(IReadOnlyList<string> texts, IReadOnlyDictionary<string, ValueKind> kinds) : ValueKind
{
    public override ValueKind? Field(string name) => kinds.GetValueOrDefault(name);

    public override SlotValue Draw(SeededRandom random, CorpusSplit split)
    {
        var fields = new Dictionary<string, SlotValue>(StringComparer.Ordinal);
        var text = Pattern.Fill(random.Pick(texts), name =>
        {
            var value = kinds[name].Draw(random, split);
            fields[name] = value;
            return value.Text;
        });
        return new TextValue(text, fields);
    }
}
