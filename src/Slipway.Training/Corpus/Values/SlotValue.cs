using System.Globalization;
using System.Text.Json.Nodes;

namespace Slipway.Training.Corpus.Values;

/// <summary>Holds what fills a slot: how people say it, and what it is as an argument.</summary>
internal abstract record SlotValue(string Text)
{
    /// <summary>Makes a new node of the argument.</summary>
    public abstract JsonNode ToJson();

    /// <summary>A part of the value, such as the amount of a duration; null where it has no such part.</summary>
    public virtual SlotValue? Field(string name) => null;
}

/// <summary>Holds a text that is its own argument, and the values that it was put together from.</summary>
internal sealed record TextValue(string Text, IReadOnlyDictionary<string, SlotValue>? Fields = null) : SlotValue(Text)
{
    public override JsonNode ToJson() => JsonValue.Create(Text);

    public override SlotValue? Field(string name) => Fields?.GetValueOrDefault(name);
}

/// <summary>Holds a number with the digits that it is written with.</summary>
internal sealed record NumberValue(string Text, decimal Number) : SlotValue(Text)
{
    public override JsonNode ToJson() => JsonNode.Parse(Number.ToString(CultureInfo.InvariantCulture))!;
}

/// <summary>Holds one of a fixed list of arguments, said in one of several ways.</summary>
internal sealed record ChoiceValue(string Text, JsonNode Argument) : SlotValue(Text)
{
    public override JsonNode ToJson() => Argument.DeepClone();
}
