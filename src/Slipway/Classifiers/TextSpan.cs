namespace Slipway;

/// <summary>Describes a labelled part of a text.</summary>
/// <param name="Label">The label, without <c>B-</c> and <c>I-</c> unless each token stands by itself.</param>
/// <param name="Score">The mean probability of the label over the span's tokens or words.</param>
/// <param name="Start">Index of the span's first UTF-16 character in the text.</param>
/// <param name="End">Index behind the span's last UTF-16 character.</param>
/// <param name="Text">The part of the text.</param>
public sealed record TextSpan(string Label, float Score, int Start, int End, string Text);
