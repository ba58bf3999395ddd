using System.Text;

namespace Slipway.Guidance;

/// <summary>A part of a grammar over bytes: what may come next, and then. Immutable once built.</summary>
internal abstract class GrammarElement
{
    /// <summary>The parts that it is made of.</summary>
    public virtual IReadOnlyCollection<GrammarElement> Parts => [];

    /// <summary>Number of parts that must have texts so that the element has one.</summary>
    public virtual int Needs => 0;

    /// <summary>Nothing at all.</summary>
    public static GrammarElement Empty { get; } = new SequenceElement([]);

    /// <summary>A text, as UTF-8.</summary>
    public static GrammarElement Literal(string text)
        => new SequenceElement([.. Encoding.UTF8.GetBytes(text).Select(BytesElement.Of)]);

    /// <summary>One byte of a range.</summary>
    public static GrammarElement Range(int first, int last)
        => new BytesElement(Enumerable.Range(first, last - first + 1).Select(value => (byte)value));

    /// <summary>One character of these, all of them ASCII.</summary>
    public static GrammarElement AnyOf(string characters) => new BytesElement(characters.Select(c => (byte)c));

    /// <summary>One after the other.</summary>
    public static GrammarElement Sequence(params GrammarElement[] parts) => new SequenceElement(parts);

    /// <summary>Any one of these.</summary>
    public static GrammarElement OneOf(params IReadOnlyList<GrammarElement> choices)
        => choices.Count == 1 ? choices[0] : new ChoiceElement([.. choices]);

    /// <summary>This or nothing.</summary>
    public static GrammarElement Optional(GrammarElement element) => new RepeatElement(element, 0, 1);

    /// <summary>This from so many times to so many times; null for without end.</summary>
    public static GrammarElement Repeat(GrammarElement element, int min, int? max = null)
        => new RepeatElement(element, min, max);
}

/// <summary>A part that takes one byte at a time.</summary>
internal abstract class TerminalElement : GrammarElement
{
    /// <summary>
    /// Tells whether the text here is not part of what a grammar guards, so that tokens without text may come too.
    /// </summary>
    public virtual bool IsFree => false;

    /// <summary>Tells whether what follows may come without another byte.</summary>
    public virtual bool MayEnd => false;

    /// <summary>
    /// Tells whether what may come here and in another place differs in nothing, as far as some bytes reach.
    /// </summary>
    /// <param name="other">What may come in the other place.</param>
    /// <param name="bytes">How many bytes.</param>
    public virtual bool IsLike(TerminalElement other, int bytes) => ReferenceEquals(this, other);

    /// <summary>Takes a byte; false where it may not come.</summary>
    /// <param name="value">The byte.</param>
    /// <param name="rest">What of this part is still to come; null where nothing is.</param>
    public abstract bool TryTake(byte value, out GrammarElement? rest);
}

/// <summary>One byte of a set.</summary>
internal sealed class BytesElement : TerminalElement
{
    private static readonly BytesElement[] Single =
        [.. Enumerable.Range(0, 256).Select(value => new BytesElement([(byte)value]))];

    private readonly bool[] _members = new bool[256];

    public BytesElement(IEnumerable<byte> members, bool isFree = false)
    {
        IsFree = isFree;
        foreach (var member in members)
        {
            _members[member] = true;
        }

        IsFixed = _members.Count(isMember => isMember) == 1;
    }

    public override bool IsFree { get; }

    /// <summary>Tells whether only one value may come.</summary>
    public bool IsFixed { get; }

    public override int Needs => _members.Contains(true) ? 0 : 1;

    public static BytesElement Of(byte value) => Single[value];

    public override bool TryTake(byte value, out GrammarElement? rest)
    {
        rest = null;
        return _members[value];
    }
}

/// <summary>Parts one after the other.</summary>
internal sealed class SequenceElement(GrammarElement[] parts) : GrammarElement
{
    public override IReadOnlyList<GrammarElement> Parts => parts;

    public override int Needs => parts.Length;
}

/// <summary>One of several.</summary>
internal sealed class ChoiceElement(GrammarElement[] choices) : GrammarElement
{
    public override IReadOnlyList<GrammarElement> Parts => choices;

    public override int Needs => 1;
}

/// <summary>The same part several times.</summary>
internal sealed class RepeatElement(GrammarElement element, int min, int? max) : GrammarElement
{
    private RepeatElement? _rest;

    public GrammarElement Element => element;

    public override IReadOnlyCollection<GrammarElement> Parts => [element];

    public override int Needs => MayEnd ? 0 : 1;

    public bool MayEnd => min == 0;

    public bool MayGoOn => max is not 0;

    /// <summary>
    /// Rest to repeat after one time; the same object each time, so that states can be compared.
    /// </summary>
    public RepeatElement Rest
        => min == 0 && max is null
            ? this
            : _rest ?? Interlocked.CompareExchange(ref _rest, new(element, Math.Max(min - 1, 0), max - 1), null)
                ?? _rest;
}

/// <summary>A part that is defined elsewhere, which lets a grammar contain itself.</summary>
internal sealed class RuleElement : GrammarElement
{
    public GrammarElement Definition { get; set; } = Empty;

    public override IReadOnlyCollection<GrammarElement> Parts => [Definition];

    public override int Needs => 1;
}
