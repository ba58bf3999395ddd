using System.Text;

namespace Slipway.Training.Corpus.Values;

/// <summary>Makes names up from syllables, so many that only copying can get them right.</summary>
internal sealed class SyllablesKind(
    IReadOnlyList<string> onsets,
    IReadOnlyList<string> vowels,
    IReadOnlyList<string> codas,
    int min,
    int max,
    bool proper,
    SplitRule rule) : ValueKind
{
    public override SlotValue Draw(SeededRandom random, CorpusSplit split)
    {
        while (true)
        {
            var name = new StringBuilder();
            for (var syllables = random.Between(min, max); syllables > 0; syllables--)
            {
                name.Append(random.Pick(onsets)).Append(random.Pick(vowels)).Append(random.Pick(codas));
            }

            var text = name.ToString();
            if (text.Length > 0 && rule.OfName(text) == split)
            {
                return new TextValue(Capitalize(text, proper, random));
            }
        }
    }
}
