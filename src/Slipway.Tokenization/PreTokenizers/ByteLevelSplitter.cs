using System.Text.RegularExpressions;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>GPT-2's pre-tokenizer: words with their leading space, numbers, punctuation, white space; then bytes.</summary>
internal sealed partial class ByteLevelSplitter(bool addPrefixSpace, bool useRegex) : TextSplitter
{
    public override bool UsesBytes => true;

    public override string TransformText(string text) =>
        addPrefixSpace && text.Length > 0 && text[0] != ' ' ? " " + text : text;

    public override void Split(string text, Range range, List<Range> pieces)
    {
        if (useRegex)
        {
            PatternSplitter.SplitIsolated(Words(), text, range, pieces);
        }
        else
        {
            pieces.Add(range);
        }
    }

    [GeneratedRegex(
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
