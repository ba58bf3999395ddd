using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Regex;

/// <summary>A part of a regular expression. Immutable.</summary>
internal abstract record RegexNode
{
    /// <summary>The empty text.</summary>
    public static RegexNode Empty { get; } = new RegexSequence([]);
}

/// <summary>One character of a set.</summary>
internal sealed record RegexCharacter(CharacterSet Set) : RegexNode;

/// <summary>Parts one after the other.</summary>
internal sealed record RegexSequence(IReadOnlyList<RegexNode> Parts) : RegexNode;

/// <summary>One of several.</summary>
internal sealed record RegexChoice(IReadOnlyList<RegexNode> Choices) : RegexNode;

/// <summary>A part from so many times to so many times; null for without end.</summary>
internal sealed record RegexRepeat(RegexNode Node, int Min, int? Max) : RegexNode;

/// <summary>The text's start or its end, which takes no character.</summary>
internal sealed record RegexAnchor(bool IsStart) : RegexNode;
