namespace Slipway.Tokenization.PreTokenizers;

internal sealed class SplitterSequence(TextSplitter[] splitters) : TextSplitter
{
    public override bool UsesBytes => splitters.Any(splitter => splitter.UsesBytes);

    public override string TransformText(string text)
    {
        foreach (TextSplitter splitter in splitters)
        {
            text = splitter.TransformText(text);
        }

        return text;
    }

    public override void Split(string text, Range range, List<Range> pieces)
    {
        List<Range> current = [range];
        foreach (TextSplitter splitter in splitters)
        {
            List<Range> next = new(current.Count);
            foreach (Range piece in current)
            {
                splitter.Split(text, piece, next);
            }

            current = next;
        }

        pieces.AddRange(current);
    }
}
