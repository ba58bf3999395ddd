using System.Globalization;

namespace Slipway.Training.Corpus.Values;

/// <summary>Draws numbers of a range in equal steps, now and then said in words.</summary>
internal sealed class NumberKind : ValueKind
{
    private readonly decimal _min;
    private readonly decimal _step;
    private readonly int _count;
    private readonly double _spelled;

    public NumberKind(decimal min, decimal max, decimal step, double spelled)
    {
        if (step <= 0 || max < min || (max - min) / step > 1_000_000)
        {
            throw new FormatException("needs 'least' up to 'most' and a positive 'step', at most 1,000,000 of them");
        }

        (_min, _step, _spelled) = (min, step, spelled);
        _count = (int)((max - min) / step) + 1;
        Type = decimal.IsInteger(min) && decimal.IsInteger(step) ? "integer" : "number";
    }

    public override string Type { get; }

    public override SlotValue Draw(SeededRandom random, CorpusSplit split)
    {
        var number = _min + (_step * random.Below(_count));
        number = decimal.IsInteger(number) ? decimal.Truncate(number) : number;
        var spelled = random.Chance(_spelled) && decimal.IsInteger(number) ? NumberWords.Of((int)number) : null;
        return new NumberValue(spelled ?? number.ToString(CultureInfo.InvariantCulture), number);
    }
}
