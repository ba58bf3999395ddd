namespace Slipway.Engine;

// Layers with a window forget: what a row holds there must be known before each run, and after one that was ended.
internal sealed partial class Decoder
{
    private const int Unknown = -1;

    private int[] _held = [];

    public long WindowTokenBytes => _graph.Size.WindowTokenBytes;

    public long GrowingTokenBytes => _graph.Size.TokenBytes;

    public int WindowStart(int length) => _graph.Window?.Dropped(length) ?? 0;

    public int FirstHeld(int row)
        => _graph.Window is null ? 0 : _held[row] == Unknown ? int.MaxValue : WindowStart(_held[row]);

    // The first token of a run stays; up to the next loss those after it can be dropped.
    public int MaxDraft(int length)
        => _graph.Window is { } window ? window.FullAt(length + 1) - length - 1 : int.MaxValue;

    public void ReadWindow(int row, int start, int count, NativeBuffer destination)
        => _cache.CopyTokens(row, start, count, destination, read: true, window: true, _held[row]);

    public void WriteWindow(int row, int length, int start, int count, NativeBuffer source)
    {
        _held[row] = length;
        _cache.CopyTokens(row, start, count, source, read: false, window: true, length);
    }

    private void ResizeHeld(int rows, ReadOnlySpan<int> lengths)
    {
        var resized = new int[rows];
        for (var row = 0; row < Math.Min(Math.Min(rows, _held.Length), lengths.Length); row++)
        {
            resized[row] = _held[row] == Unknown ? Unknown : lengths[row];
        }

        _held = resized;
    }

    // A run that ends early may have made tokens give way in some layers and not in others.
    private void BeginRun(int row, int length)
    {
        if (length > 0 && _graph.Window is not null && FirstHeld(row) != WindowStart(length))
        {
            throw new InvalidOperationException(
                $"Row '{row}' cannot go on from '{length}' tokens: its layers with a window hold those from "
                + $"'{FirstHeld(row)}' on and would have to hold those from '{WindowStart(length)}' on.");
        }

        _held[row] = Unknown;
    }

    private void EndRun(int row, int length) => _held[row] = length;

    // What a row that only runs along writes lies beyond its end. Where that would make tokens give way, its last one
    // is run over instead, and put back afterwards.
    private sealed class LastTokens(Decoder owner) : IDisposable
    {
        private readonly List<(int Row, int Length, NativeBuffer? Growing, NativeBuffer Window)> _kept = [];

        public bool TryAdd(int row, int length)
        {
            if (length == 0 || owner._graph.Window is not { } window || window.FullAt(length) != length)
            {
                return false;
            }

            var growing = owner.GrowingTokenBytes > 0 ? new NativeBuffer(owner.GrowingTokenBytes) : null;
            _kept.Add((row, length, growing, new NativeBuffer(owner.WindowTokenBytes)));
            Copy(_kept[^1], read: true);
            return true;
        }

        public void Dispose()
        {
            foreach (var token in _kept)
            {
                Copy(token, read: false);
                token.Growing?.Dispose();
                token.Window.Dispose();
            }
        }

        private void Copy((int Row, int Length, NativeBuffer? Growing, NativeBuffer Window) token, bool read)
        {
            owner._cache.CopyTokens(token.Row, token.Length - 1, 1, token.Window, read, window: true, token.Length);
            if (token.Growing is { } growing)
            {
                owner._cache.CopyTokens(token.Row, token.Length - 1, 1, growing, read);
            }
        }
    }
}
