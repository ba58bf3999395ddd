namespace Slipway.Tokenization.PreTokenizers;

internal sealed class SplitterSequence(TextSplitter[] splitters) : TextSplitter
{
    public override bool UsesBytes => splitters.Any(splitter => splitter.UsesBytes);

    public override void Split(Piece piece, List<Piece> pieces)
    {
        List<Piece> current = [piece];
        foreach (var splitter in splitters)
        {
            List<Piece> next = new(current.Count);
            foreach (var part in current)
            {
                splitter.Split(part, next);
            }

            current = next;
        }

        pieces.AddRange(current);
    }
}
