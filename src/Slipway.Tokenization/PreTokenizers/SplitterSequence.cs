namespace Slipway.Tokenization.PreTokenizers;

internal sealed class SplitterSequence : TextSplitter
{
    private readonly TextSplitter[] _splitters;

    public SplitterSequence(TextSplitter[] splitters)
    {
        UsesBytes = splitters.Any(splitter => splitter.UsesBytes);
        _splitters = [.. splitters.Where(splitter => !splitter.KeepsWhole)];
    }

    public override bool UsesBytes { get; }

    public override void Split(Piece piece, List<Piece> pieces)
    {
        List<Piece> current = [piece], next = [];
        for (var i = 0; i < _splitters.Length - 1; i++)
        {
            foreach (var part in current)
            {
                _splitters[i].Split(part, next);
            }

            (current, next) = (next, current);
            next.Clear();
        }

        if (_splitters.Length == 0)
        {
            pieces.Add(piece);
            return;
        }

        foreach (var part in current)
        {
            _splitters[^1].Split(part, pieces);
        }
    }
}
