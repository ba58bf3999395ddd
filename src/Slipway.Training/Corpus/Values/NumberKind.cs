using System.Globalization;

namespace Slipway.Training.Corpus.Values;

/// <summary>Draws numbers of a range in equal steps, now and then said in words.</summary>
internal sealed class NumberKind : ValueKind
{
    private readonly decimal _least;
    private readonly decimal _step;
    private readonly int _count;
    private readonly double _spelled;

    public NumberKind(decimal least, decimal most, decimal step, double spelled)
    {
        if (step <= 0 || most < least || (most - least) / step > 1_000_000)
        {
            throw new FormatException("needs 'least' up to 'most' and a positive 'step', at most 1,000,000 of them");
        }

        (_least, _step, _spelled) = (least, step, spelled);
        _count = (int)((most - least) / step) + 1;
        Type = decimal.IsInteger(least) && decimal.IsInteger(step) ? "integer" : "number";
    }

    public override string Type { get; }

    public override SlotValue Draw(SeededRandom random, CorpusSplit split)
    {
        var number = _least + (_step * random.Below(_count));
        number = decimal.IsInteger(number) ? decimal.Truncate(number) : number;
        var spelled = random.Chance(_spelled) && decimal.IsInteger(number) ? NumberWords.Of((int)number) : null;
        return new NumberValue(spelled ?? number.ToString(CultureInfo.InvariantCulture), number);
    }
}
